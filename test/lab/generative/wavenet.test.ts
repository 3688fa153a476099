import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { data } from "kasane";
import { beforeAll, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { tone, writeSounds } from "./soundFiles.js";

const parent = temporaryFolder();
const sounds = join(parent, "sounds");
const network = ["--stacks", "1", "--layers", "4", "--channels", "16", "--skip-channels", "16"];
const small = ["run", "wavenet", "--sounds", sounds, ...network, "--length", "200", "--batch-size", "4", "--threads", "1"];
const trained = [...small, "--epochs", "8", "--learning-rate", "0.02", "--average-decay", "0.8", "--seconds", "0.1"];

beforeAll(() => {
  for (const [folder, hertz] of Object.entries({ low: 250, high: 500 })) {
    writeSounds(
      join(sounds, folder),
      Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`${folder}${i}.wav`, tone(hertz, 1000 + i)])),
    );
  }
});

it("learns sounds of two kinds, says how well beside plain models, and draws either", async () => {
  const { code, stdout } = await kasane([...trained, "--condition", "folder", "--json", "--runs", parent]);
  expect(code).toBe(0);
  const [model] = eventsOf(stdout, "model");
  expect(model).toMatchObject({ receptiveField: 16, stepsPerEpoch: 10 });
  const [{ nats }] = eventsOf(stdout, "test") as unknown as [{ nats: Record<string, number> }];
  // An untrained network needs about ln 256 = 5.5 nats.
  expect(nats.WaveNet).toBeLessThan(4);
  expect(nats.WaveNet).toBeLessThan(nats.unigram as number);
  expect(nats.bigram).toBeLessThan(nats.unigram as number);
  const folder = folderOf(stdout);
  expect(data.readWav(readFileSync(join(folder, "sample.wav")))).toMatchObject({ sampleRate: 8000, channels: [{ length: 800 }] });
  for (const name of ["sample.svg", "nats.svg", "step.onnx"]) expect(existsSync(join(folder, name))).toBe(true);

  const output = join(parent, "drawn.wav");
  const prime = join(sounds, "low", "low0.wav");
  const ask = (...words: string[]) => kasane(["predict", folder, "0.05", "--output", output, "--runs", parent, ...words]);
  const drawn = async (...words: string[]) => {
    expect(await ask(...words)).toMatchObject({ code: 0, stdout: expect.stringContaining(output) });
    return data.readWav(readFileSync(output)).channels[0] as Float32Array;
  };
  const low = await drawn("--classes", "folder=low", "--prime", prime);
  // Behind the given samples, within the rounding of mu-law, come 0.05 seconds.
  expect(low).toHaveLength(1000 + 400);
  tone(250, 1000).channels[0]?.forEach((value, t) => expect(Math.abs((low[t] as number) - value)).toBeLessThan(0.01));
  expect(await drawn("--classes", "folder=low", "--prime", prime)).toEqual(low);
  expect(await drawn("--classes", "folder=low", "--prime", prime, "--number", "1")).not.toEqual(low);
  expect(await drawn("--classes", "folder=high", "--prime", prime)).not.toEqual(low);

  writeSounds(parent, { "fast.wav": tone(250, 100, 16_000), "mute.wav": tone(250, 0) });
  writeFileSync(join(parent, "text.wav"), "no sound");
  for (const [words, message] of [
    [[], "say what to draw, such as --classes folder=high"],
    [["--classes", "folder=middle"], "--classes: got folder=middle, expected one of high, low"],
    [["--classes", "speaker=low"], '--classes: got "speaker=low", expected a class for folder'],
    [["--classes", "folder=low", "--prime", join(parent, "nowhere.wav")], "there is no such file"],
    [["--classes", "folder=low", "--prime", join(parent, "fast.wav")], "it has 16000 samples a second, the run learnt sounds of 8000"],
    [["--classes", "folder=low", "--prime", join(parent, "mute.wav")], "mute.wav: it has no samples"],
    [["--classes", "folder=low", "--prime", join(parent, "text.wav")], "text.wav: the 8 bytes do not begin as a WAV file does"],
  ] as const) {
    const { code, stderr } = await ask(...words);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
    expect(stderr.trim().split("\n")).toHaveLength(1);
  }

  const { stderr: short } = await kasane(["predict", folder, "0.00001", "--runs", parent]);
  expect(short).toContain('got "0.00001", expected how many seconds to draw, 0.01 to 600');

  writeSounds(join(parent, "others", "deep"), Object.fromEntries(["a", "b", "c"].map((name) => [`${name}.wav`, tone(250, 2000, 16_000)])));
  const other = await kasane(["run", "wavenet", "--resume", folder, "--sounds", join(parent, "others"), "--runs", parent]);
  const message = "was made of other sounds: 8000 samples a second; folder high, low; these have 16000 samples a second; folder deep";
  expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
  expect(await drawn("--classes", "folder=low", "--prime", prime)).toEqual(low);
});

it("tells of a class that is not trained on before it trains", async () => {
  const folder = join(parent, "apart");
  writeSounds(join(folder, "x"), { "1.wav": tone(250, 1000), "2.wav": tone(250, 100) });
  writeSounds(join(folder, "y"), { "1.wav": tone(500, 100) });
  for (const [name, file] of Object.entries({ train: "x/1.wav", validation: "2.wav", test: "y/1.wav" })) {
    writeFileSync(join(folder, `${name}.txt`), file);
  }
  const { code, stdout, stderr } = await kasane([...small, "--sounds", folder, "--condition", "folder", "--epochs", "2", "--runs", parent]);
  expect(code).toBe(2);
  expect(stderr).toContain("y/1.wav: its folder is y, expected one that is trained on: x");
  expect(stdout).not.toContain("receptive field");
});

it("goes on to the bit after an interrupt", () => expectSameWhenResumed([...small, "--epochs", "3", "--seconds", "0.01"], parent, 2));

it.each([
  [{ "a.wav": tone(250, 100) }, {}, [], "1 WAV file, expected 3 or more"],
  [{ "a.wav": tone(250, 100), "b.wav": tone(250, 100) }, {}, [], "2 WAV files, expected 3 or more"],
  [{ "a.wav": tone(250, 100), "b.wav": tone(250, 100, 16_000) }, {}, [], "b.wav has 16000: expected files of one rate"],
  [{ "a.wav": tone(250, 100), "b.wav": tone(250, 0) }, {}, [], "b.wav: it has no samples"],
  [{ "a.wav": tone(250, 100) }, { "train.txt": "a.wav" }, [], "it has a train.txt and no validation.txt"],
  [{ "a.wav": tone(250, 100) }, { "train.txt": "a.wav\nc.wav" }, [], "train.txt names c.wav, which is not there"],
  [
    { "a.wav": tone(250, 100), "b.wav": tone(9, 9), "c.wav": tone(9, 9) },
    {},
    ["--condition", "digit"],
    "--condition: got digit, these sounds have folder",
  ],
  [
    { "a.wav": tone(250, 100), "b.wav": tone(9, 9), "c.wav": tone(9, 9) },
    {},
    ["--condition", "folder,folder"],
    '--condition: got "folder,folder", expected one or more of digit, speaker and folder, with commas between them, each once',
  ],
  [
    { "a.wav": tone(250, 100), "b.wav": tone(9, 9), "c.wav": tone(9, 9) },
    {},
    [],
    "1 stretches of 200 samples to train on, fewer than a batch of 4",
  ],
])("refuses what it cannot learn from in one line (%#)", async (files, lists, words, message) => {
  const folder = join(parent, `refused-${message.slice(0, 12)}-${words.length}`);
  writeSounds(folder, files);
  for (const [name, text] of Object.entries(lists)) writeFileSync(join(folder, name), text);
  const { code, stderr } = await kasane([...small, "--sounds", folder, ...words, "--runs", parent]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  expect(stderr.trim().split("\n")).toHaveLength(1);
});

it("says where the default voice is looked for", async () => {
  const { code, stderr } = await kasane(["run", "wavenet", "--data", parent, "--runs", parent]);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining("allison-speech.tar.gz is not found") });
});

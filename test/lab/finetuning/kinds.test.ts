import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { data, nn, seed, type Tensor } from "kasane";
import { exportOnnx, files } from "kasane/node";
import { beforeAll, describe, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, folderOf } from "../recurrent/interruption.js";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const fast = ["--runs", at("runs"), "--batch-size", "4", "--epochs", "30", "--learning-rate", "0.05"];

/** Fine-tunes, and gives the run's folder and its figures. */
async function tuned(words: readonly string[]) {
  const { code, stdout, stderr } = await kasane(["finetune", ...words, ...fast, "--json"]);
  expect(stderr).not.toContain("kasane:");
  expect(code).toBe(0);
  return { run: folderOf(stdout), validation: eventsOf(stdout, "validation")[0] };
}

const classOf = async (run: string, example: string): Promise<string> =>
  JSON.parse((await kasane(["predict", run, example, "--json"])).stdout).class;

beforeAll(async () => {
  seed(3);
  // Of a table: two layers, the last of which makes way.
  const rows = new nn.Sequential(new nn.Linear(2, 8), (x: Tensor) => x.tanh(), new nn.Linear(8, 5));
  await exportOnnx((x: Tensor) => ({ scores: rows.forward(x) }), { x: { shape: ["batch", 2] } }, at("rows.onnx"));
  const points = Array.from({ length: 24 }, (_, i) => [Math.sin(i), (i % 2 === 0 ? 1 : -1) * (0.5 + (i % 5) / 4)]);
  writeFileSync(
    at("rows.csv"),
    `id,x,y,class\n${points.map(([x, y], i) => `${i},${x},${y},${i % 2 === 0 ? "above" : "below"}`).join("\n")}\n`,
  );

  // Of pictures: one convolution, whose channels are averaged. The file fixes a batch of 1.
  const sight = new nn.Conv2d(1, 4, 3, { padding: 1 });
  await exportOnnx(
    (picture: Tensor) => ({ map: sight.forward(picture).relu() }),
    { picture: { shape: [1, 1, 6, 6] } },
    at("pictures.onnx"),
  );
  for (const [name, value] of Object.entries({ dark: 20, light: 220 })) {
    mkdirSync(at("pictures", name), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const pixels = Uint8Array.from({ length: 8 * 8 }, (_, p) => value + ((p * (i + 3)) % 16));
      writeFileSync(at("pictures", name, `${i}.png`), files.encodePng({ width: 8, height: 8, channels: 1, data: pixels }));
    }
  }

  // Of sounds: a layer on 64 samples.
  const ear = new nn.Linear(64, 8);
  await exportOnnx((sound: Tensor) => ({ heard: ear.forward(sound).tanh() }), { sound: { shape: ["batch", 64] } }, at("sounds.onnx"));
  for (const [name, step] of Object.entries({ high: 1.5, low: 0.2 })) {
    mkdirSync(at("sounds", name), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const samples = Float32Array.from({ length: 40 + i }, (_, t) => 0.5 * Math.cos(step * t));
      writeFileSync(at("sounds", name, `${i}.wav`), data.writeWav({ sampleRate: 8000, channels: [samples] }));
    }
  }
});

describe("finetune", () => {
  it("learns classes of rows of numbers, and needs the table no more when it predicts", async () => {
    copyFileSync(at("rows.csv"), at("own.csv"));
    const { run, validation } = await tuned([
      at("rows.onnx"),
      "--data",
      at("own.csv"),
      "--columns",
      "x,y",
      "--label",
      "class",
      "--method",
      "full",
    ]);
    expect(validation).toMatchObject({ examples: 2, accuracy: 1 });
    rmSync(at("own.csv"));
    expect(await classOf(run, "0.1, 1.2")).toBe("above");
    expect(await classOf(run, "0.1, -1.2")).toBe("below");
    expect((await kasane(["predict", run, ""])).stderr).toContain("predict: got no text: expected an example");
    expect((await kasane(["predict", run, "0.1"])).stderr).toContain('got "0.1", expected 2 numbers with commas between them');
  });

  it("learns classes of pictures in folders, and frees the batch that the file fixes", async () => {
    const { run, validation } = await tuned([at("pictures.onnx"), "--images", at("pictures"), "--method", "lora"]);
    expect(validation).toMatchObject({ examples: 2, accuracy: 1 });
    expect(await classOf(run, at("pictures", "light", "3.png"))).toBe("light");
    expect(JSON.parse(readFileSync(join(run, "labels.json"), "utf8"))).toEqual(["dark", "light"]);
  });

  it("learns classes of sounds in folders, at the rate that the model takes", async () => {
    const { run, validation } = await tuned([at("sounds.onnx"), "--audio", at("sounds"), "--rate", "16000"]);
    expect(validation).toMatchObject({ examples: 2, accuracy: 1 });
    expect(await classOf(run, at("sounds", "low", "2.wav"))).toBe("low");
  });

  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    ["no data", [at("rows.onnx")], "got no data: expected one of --data FILE.csv, --images FOLDER and --audio FOLDER"],
    ["two kinds of data", [at("rows.onnx"), "--data", at("rows.csv"), "--images", at("pictures")], "got --data and --images"],
    [
      "rows of another width",
      [at("rows.onnx"), "--data", at("rows.csv"), "--label", "class"],
      "the model takes 2 columns, the table has 3",
    ],
    ["pictures for a model of rows", [at("rows.onnx"), "--images", at("pictures")], "expected pictures, [batch, channels, height, width]"],
    ["a folder that is not there", [at("pictures.onnx"), "--images", at("none")], "no such file: expected a folder or a .tar.gz"],
    ["pictures in no folders", [at("pictures.onnx"), "--images", at("pictures", "dark")], "lies in no folder of a class"],
    ["sounds for a model of pictures", [at("pictures.onnx"), "--audio", at("sounds")], "expected samples of a sound, [batch, samples]"],
    ["texts for a model of rows", [at("rows.onnx"), "--data", at("rows.csv"), "--text", "x"], "expected for texts input_ids"],
  ];
  for (const [what, words, message] of wrong) {
    it(`refuses ${what} in one line`, async () => {
      const { code, stderr } = await kasane(["finetune", ...words, ...fast]);
      expect(stderr).toContain(message);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(code).toBe(2);
    });
  }
});

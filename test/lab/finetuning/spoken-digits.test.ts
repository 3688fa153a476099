import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { data, nn, seed, type Tensor } from "kasane";
import { exportOnnx } from "kasane/node";
import { beforeAll, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, folderOf } from "../recurrent/interruption.js";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);
const words = ["--models", at("models"), "--sounds", at("sounds"), "--runs", at("runs"), "--batch-size", "4", "--epochs", "20", "--json"];

/** A front end and an embedding that look from outside as Google's do, and tones for digits by two speakers. */
beforeAll(async () => {
  seed(5);
  for (const name of ["models", "sounds"]) mkdirSync(at(name));
  // Every fifth sample for a band: 76 * 32 of 12,640.
  const bands = (x: Tensor) => x.slice([[], [120, 120 + 5 * 2432, 5]]).reshape([1, 1, 76, 32]);
  await exportOnnx(
    (input: Tensor) => ({ output: bands(input).div(2 ** 11) }),
    { input: { shape: [1, 12_640] } },
    at("models/melspectrogram.onnx"),
  );
  const layer = new nn.Linear(76 * 32, 24);
  const embed = (x: Tensor) => layer.forward(x.reshape([x.shape[0] as number, -1])).tanh();
  const input = { shape: ["batch", 76, 32, 1] };
  await exportOnnx(
    (input_1: Tensor) => ({ embedding: embed(input_1).reshape([input_1.shape[0] as number, 1, 1, 24]) }),
    { input_1: input },
    at("models/speech-embedding.onnx"),
  );
  for (const speaker of ["ann", "bob"])
    for (const digit of [0, 1])
      for (let index = 0; index < 9; index++) {
        const samples = Float32Array.from({ length: 6400 }, (_, t) => 0.4 * Math.cos((digit === 0 ? 0.002 : 0.004) * (t - 3200)));
        writeFileSync(at("sounds", `${digit}_${speaker}_${index}.wav`), data.writeWav({ sampleRate: 8000, channels: [samples] }));
      }
});

it.each([
  ["head", "0.01"],
  ["full", "0.0005"],
])("learns words by %s, and tells those of a file", async (method, rate) => {
  const { code, stdout, stderr } = await kasane(["run", "spoken-digits", ...words, "--method", method, "--learning-rate", rate, "--test"]);
  expect(stderr).not.toContain("kasane:");
  expect(code).toBe(0);
  // The first five of each word by each speaker.
  expect(eventsOf(stdout, "test")[0]).toMatchObject({ examples: 20, accuracy: 1 });
  const answer = await kasane(["predict", folderOf(stdout), at("sounds", "1_bob_7.wav"), "--json"]);
  expect(JSON.parse(answer.stdout).class).toBe("1");
});

it("tests on a speaker who is not trained on, and knows who there are", async () => {
  const { code, stdout } = await kasane(["run", "spoken-digits", ...words, "--speaker", "bob", "--learning-rate", "0.01", "--test"]);
  expect(code).toBe(0);
  expect(eventsOf(stdout, "test")[0]).toMatchObject({ examples: 18, accuracy: 1 });
  const wrong = await kasane(["run", "spoken-digits", ...words, "--speaker", "eve"]);
  expect(wrong).toMatchObject({ code: 2, stderr: 'kasane: --speaker: got "eve", expected one of ann, bob\n' });
});

import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { beforeAll, describe, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { writeTinyText } from "./tinyText.js";

const folder = temporaryFolder();
const inFolder = (name: string) => join(folder, name);
const runs = inFolder("runs");

/** Opinions that a word alone decides, in commas and quotes. */
const good = ["good", "fine", "great"];
const bad = ["bad", "poor", "awful"];
const rows = ["food", "room"].flatMap((thing) =>
  ["the ", ""].flatMap((the) =>
    [...good, ...bad].map((word) => `"${the}${thing}, was ${word}",${good.includes(word) ? "yes" : "no, never"}`),
  ),
);
const csv = (lines: readonly string[], head = "text,category") => `${head}\n${lines.join("\n")}\n`.replaceAll(",no, never", ',"no, never"');
const given = () => [
  "finetune",
  inFolder("model.onnx"),
  "--data",
  inFolder("train.csv"),
  "--text",
  "text",
  "--label",
  "category",
  "--runs",
  runs,
];

beforeAll(async () => {
  await writeTinyText(folder);
  writeFileSync(inFolder("train.csv"), csv(rows));
  writeFileSync(inFolder("test.csv"), csv(['"the room was great",yes', '"food: awful",no, never']));
});

describe("finetune", () => {
  for (const method of ["head", "lora", "full"]) {
    it(`learns classes of texts by ${method}, and leaves a model, labels and a report`, async () => {
      const options = [
        "--method",
        method,
        "--test",
        inFolder("test.csv"),
        "--batch-size",
        "4",
        "--epochs",
        "40",
        "--learning-rate",
        "0.02",
        "--json",
      ];
      const { code, stdout, stderr } = await kasane([...given(), ...options]);
      expect(stderr).not.toContain("kasane:");
      expect(code).toBe(0);
      expect(eventsOf(stdout, "test")[0]).toMatchObject({ examples: 2, accuracy: 1, macroF1: 1 });
      const run = folderOf(stdout);
      expect(JSON.parse(readFileSync(join(run, "labels.json"), "utf8"))).toEqual(["no, never", "yes"]);
      expect(readFileSync(join(run, "report.md"), "utf8")).toContain("| test | 2 | 100.0 % | 1.000 |");

      const answer = await kasane(["predict", run, "the food was GREAT", "--json"]);
      const { class: name, classes } = JSON.parse(answer.stdout);
      expect(name).toBe("yes");
      // ONNX Runtime itself, with a batch and a length that were never trained on: [CLS] the food was great [SEP], padded by one
      const session = await InferenceSession.create(join(run, "model.onnx"));
      const tensor = (...values: number[]) => new OrtTensor("int64", BigInt64Array.from(values, BigInt), [1, 7]);
      const { logits } = await session.run({ input_ids: tensor(2, 12, 10, 13, 6, 3, 0), attention_mask: tensor(1, 1, 1, 1, 1, 1, 0) });
      const [no, yes] = [...((logits as OrtTensor).data as Float32Array)].map(Math.exp) as [number, number];
      expect(classes[0].probability).toBeCloseTo(yes / (no + yes), 5);
    });
  }

  it("gives the same figures when it was interrupted and resumed", async () => {
    const words = [
      "run",
      "finetune",
      "--model",
      ...given().slice(1, -2),
      "--method",
      "lora",
      "--batch-size",
      "4",
      "--epochs",
      "4",
      "--learning-rate",
      "0.02",
    ];
    await expectSameWhenResumed(words, inFolder("interrupted"), 2);
  });

  it("cuts a long text before its last mark", async () => {
    const [run = ""] = readdirSync(runs);
    const long = await kasane(["predict", join(runs, run), "the food was good the food was bad bad bad bad bad", "--json"]);
    const short = await kasane(["predict", join(runs, run), "the food was good the food", "--json"]);
    expect(JSON.parse(long.stdout).classes).toEqual(JSON.parse(short.stdout).classes);
  });

  const wrong: readonly (readonly [string, readonly string[], string])[] = [
    ["a model that is cut short", ["finetune", "CUT", ...given().slice(2)], "cut.onnx"],
    ["a model that is none", ["finetune", "TRAIN", ...given().slice(2)], "train.csv"],
    ["a tokenizer of more words than the model knows", [...given(), "--tokenizer", "LARGER"], "larger.json the tokenizer of this model?"],
    ["a model that is not there", ["finetune", "none.onnx", "--data", "train.csv", "--text", "text"], "none.onnx: no such file"],
    ["no model", ["finetune", "--data", "train.csv", "--text", "text"], "finetune: --model:"],
    ["a table that is not there", [...given(), "--data", "none.csv"], "none.csv: no such file"],
    ["a column that is not there", [...given(), "--label", "class"], 'there is no column "class": the columns are text, category'],
    ["a tokenizer that is none", [...given(), "--tokenizer", "TRAIN"], "train.csv is damaged"],
    [
      "an output that is not there",
      [...given(), "--output", "logits"],
      'the model has no output "logits": expected one of last_hidden_state',
    ],
    ["a value that is not there", [...given(), "--features", "hidden"], 'the model has no value "hidden"'],
    ["labels that are no classes", [...given(), "--label", "text"], "24 classes: expected two of a class or more"],
    ["a batch that is too large", [...given(), "--batch-size", "64"], "are no batch of 64: lower --batch-size"],
    ["an unknown method", [...given(), "--method", "heads"], "expected one of head, lora, full: did you mean head?"],
    ["a class of the test that is not trained", [...given(), "--test", "OTHER"], 'has the class "maybe", which no example to train on has'],
  ];
  for (const [what, words, message] of wrong) {
    it(`refuses ${what} in one line`, async () => {
      writeFileSync(inFolder("other.csv"), csv(["food,maybe"]));
      writeFileSync(inFolder("cut.onnx"), readFileSync(inFolder("model.onnx")).subarray(0, 1500));
      writeFileSync(inFolder("larger.json"), readFileSync(inFolder("tokenizer.json"), "utf8").replace('"food":10', '"food":100'));
      const known: Readonly<Record<string, string>> = {
        TRAIN: "train.csv",
        OTHER: "other.csv",
        CUT: "cut.onnx",
        LARGER: "larger.json",
      };
      const before = existsSync(runs) ? readdirSync(runs) : [];
      const { code, stderr } = await kasane(words.map((word) => (known[word] ? inFolder(known[word]) : word)));
      expect(stderr).toContain(message);
      expect(stderr.trim().split("\n")).toHaveLength(1);
      expect(code).toBe(2);
      expect(readdirSync(runs)).toEqual(before);
    });
  }
});

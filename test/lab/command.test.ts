import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KasaneError } from "kasane";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { defineExperiment } from "../../lab/experiment.js";
import { kasane, temporaryFolder } from "./helpers.js";

const folder = temporaryFolder();
const runs = ["--runs", folder];
const linesOf = (text: string) => text.trim().split("\n");

/** A run of 300 iterations, which the tests look at. */
let first: string;

beforeAll(async () => {
  const { code, stdout } = await kasane(["run", "binary-addition", "--iterations", "300", "--json", ...runs]);
  expect(code).toBe(0);
  first = JSON.parse(linesOf(stdout)[0] as string).folder;
});

describe("what goes wrong is one line and exit code 2", () => {
  const cases: [words: string[], message: RegExp][] = [
    [["lst"], /unknown command "lst": did you mean list\?/],
    [["train"], /unknown command "train": expected one of list, run, /],
    [["list", "--foo"], /unknown option '--foo'/],
    [["run", "binary-additon"], /unknown experiment "binary-additon": did you mean binary-addition\?/],
    [["run", "--resume", "x"], /run: got --resume before any experiment/],
    [["run", "binary-addition", "--hidden-siz", "3"], /unknown option '--hidden-siz' \(Did you mean --hidden-size\?\)/],
    [["run", "binary-addition", "--hidden-size"], /'--hidden-size <n>' argument missing/],
    [["run", "binary-addition", "--hidden-size", "abc"], /--hidden-size: got "abc", expected an integer, 1 to 4096/],
    [["run", "binary-addition", "--hidden-size", ""], /--hidden-size: got "", expected an integer/],
    [["run", "binary-addition", "--hidden-size", "2.5"], /--hidden-size: got "2.5", expected an integer/],
    [["run", "binary-addition", "--hidden-size", "0"], /--hidden-size: got "0", expected an integer, 1 to 4096/],
    [["run", "binary-addition", "--learning-rate", "-1"], /--learning-rate: got "-1", expected a number, above 0/],
    [["run", "binary-addition", "--learning-rate", "1e999"], /--learning-rate: got "1e999", expected a number/],
    [["run", "binary-addition", "--init", "xavie"], /--init: got "xavie", expected one of normal, xavier, he: did you mean xavier\?/],
    [["run", "binary-addition", "--threads", "0"], /--threads: got "0", expected an integer, 1 to 1024/],
    [["run", "binary-addition", "--seed", "2,2"], /--seed: got "2,2", expected each seed once/],
    [["run", "binary-addition", "--seed", "0,"], /--seed: got "", expected an integer, 0 to 4294967295/],
    [["run", "binary-addition", "--seed", "-1"], /--seed: got "-1", expected an integer, 0 to 4294967295/],
    [["run", "binary-addition", "--device", "gpu"], /--device: got "gpu", expected one of cpu, webgpu, /],
    [["run", "binary-addition", "--data", join(folder, "no-such")], /--data \(or KASANE_DATA\): got ".*", expected a folder/],
    [["run", "binary-addition", "--resume", "no-such"], /no run "no-such"/],
    [
      ["run", "binary-addition", "--cell", "gru", "--activation", "tanh"],
      /binary-addition: --activation: only --cell rnn has a choice of it/,
    ],
    [["run", "binary-addition", "extra"], /too many arguments/],
    [["show"], /missing required argument 'run'/],
    [["show", "no-such"], /no run "no-such": there is no such folder here, nor in .*: see kasane runs/],
    [["runs", "--runs", join(folder, "no-such")], /no runs in/],
    [["predict", "no-such", "1 + 2"], /no run "no-such"/],
  ];
  it.each(cases)("%j", async (words, message) => {
    const { code, stdout, stderr } = await kasane(
      words.includes("--runs") ? words : [...words, ...(words[0] === "show" && words[1] ? runs : [])],
    );
    expect(stderr).toMatch(message);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  it("a run folder that cannot be made", async () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const { code, stderr } = await kasane(["run", "binary-addition", "--runs", join(file, "inside")]);
    expect(stderr).toMatch(/^kasane: no run folder can be made in .*: name another with --runs DIR\n$/);
    expect(code).toBe(2);
  });

  it("a file in place of the folder of runs", async () => {
    const file = join(folder, "another-file");
    writeFileSync(file, "");
    expect(await kasane(["runs", "--runs", file])).toMatchObject({ code: 2, stderr: expect.stringMatching(/^kasane: no runs in .*\n$/) });
  });

  it("a run of another experiment, or with another seed", async () => {
    const other = defineExperiment({ name: "other", title: "", chapter: "", options: z.object({}), run: async () => undefined });
    const wrong = await kasane(["run", "other", "--resume", first], [other]);
    expect(wrong.stderr).toMatch(
      /^kasane: --resume: .* is a run of binary-addition: use npm run kasane -- run binary-addition --resume .*\n$/,
    );
    const seed = await kasane(["run", "binary-addition", "--resume", first, "--seed", "5"]);
    expect(seed.stderr).toMatch(/^kasane: --resume: the run was started with --seed 0, which it must keep\n$/);
    const seeds = await kasane(["run", "binary-addition", "--resume", first, "--seed", "0,5"]);
    expect(seeds.stderr).toMatch(/^kasane: --resume: got several seeds, expected one run to go on with: resume each by itself\n$/);
    expect([wrong.code, seed.code, seeds.code]).toEqual([2, 2, 2]);
  });

  it("a run of another preset", async () => {
    const options = z.object({ layers: z.int().default(2), width: z.int().default(8), seeds: z.int().default(1) });
    const presets = { small: {}, report: { layers: 6 }, wide: { width: 512 } };
    const many = defineExperiment({ name: "many", title: "", chapter: "", options, presets, run: async () => undefined });
    const { stdout } = await kasane(["run", "many", "--preset", "report", "--seeds", "3", "--json", ...runs], [many]);
    const run = JSON.parse(linesOf(stdout)[0] as string).folder;
    const resume = (preset: string) => kasane(["run", "many", "--resume", run, "--preset", preset], [many]);
    expect((await resume("report")).code).toBe(0);
    for (const [preset, asked] of [
      ["small", "--layers 2"],
      ["wide", "--layers 2"],
    ] as const) {
      const { code, stderr } = await resume(preset);
      expect(stderr).toMatch(new RegExp(`^kasane: --resume: .* has --layers 6, --preset ${preset} has ${asked}: leave --preset out.*\n$`));
      expect(code).toBe(2);
    }
    expect((await resume("huge")).stderr).toMatch(/^kasane: --preset: got "huge", expected one of small, report, wide\n$/);
  });

  it.each([
    ["missing", (file: string) => rmSync(file)],
    ["cut off", (file: string) => truncateSync(file, 200)],
    ["of another format", (file: string) => writeFileSync(file, "no checkpoint")],
    ["empty", (file: string) => truncateSync(file, 0)],
  ])("a checkpoint that is %s", async (_, damage) => {
    const { stdout } = await kasane(["run", "binary-addition", "--iterations", "1", "--json", ...runs]);
    const run = JSON.parse(linesOf(stdout)[0] as string).folder;
    damage(join(run, "last.safetensors"));
    for (const words of [
      ["run", "binary-addition", "--resume", run],
      ["predict", run, "1 + 2"],
    ]) {
      const { code, stderr } = await kasane(words);
      expect(stderr).toContain("last.safetensors");
      expect(linesOf(stderr)).toHaveLength(1);
      expect(code).toBe(2);
    }
  });

  it("a checkpoint of another model", async () => {
    const { code, stderr } = await kasane(["run", "binary-addition", "--resume", first, "--hidden-size", "8"]);
    expect(stderr).toMatch(/^kasane: .*last\.safetensors is of another model.*\[16.*\[8.*\n$/);
    expect(code).toBe(2);
    expect((await kasane(["show", first])).stdout).toMatch(/^hiddenSize +16$/m);
    expect((await kasane(["run", "binary-addition", "--resume", first])).code).toBe(0);
  });

  it.each(["no JSON", "{}", '{"experiment": 3}', "[]"])("a config.json that holds %s", async (text) => {
    const run = join(folder, "damaged");
    mkdirSync(run, { recursive: true });
    writeFileSync(join(run, "config.json"), text);
    const { code, stderr } = await kasane(["show", run]);
    expect(stderr).toMatch(/^kasane: .*config\.json is damaged.*\n$/);
    expect(code).toBe(2);
  });

  it("options in config.json that are not the experiment's", async () => {
    const run = join(folder, "edited");
    mkdirSync(run, { recursive: true });
    const config = JSON.parse(readFileSync(join(first, "config.json"), "utf8"));
    writeFileSync(join(run, "config.json"), JSON.stringify({ ...config, options: { hiddenSize: "many" } }));
    const { code, stderr } = await kasane(["run", "binary-addition", "--resume", run]);
    expect(stderr).toMatch(/config\.json: --hidden-size: .*expected number/);
    expect(code).toBe(2);
  });
});

it("a fault of ours keeps its trace and has exit code 1", async () => {
  const run = () => Promise.reject(new TypeError("oops"));
  const faulty = defineExperiment({ name: "faulty", title: "", chapter: "", options: z.object({}), run });
  const { code, stderr } = await kasane(["run", "faulty", ...runs], [faulty]);
  expect(stderr).toMatch(/TypeError: oops\n\s+at /);
  expect(code).toBe(1);
});

it("an experiment's own complaint is one line", async () => {
  const run = () => Promise.reject(new KasaneError("the corpus is empty"));
  const strict = defineExperiment({ name: "strict", title: "", chapter: "", options: z.object({}), run });
  expect(await kasane(["run", "strict", ...runs], [strict])).toMatchObject({ code: 2, stderr: "kasane: the corpus is empty\n" });
  // A run that never began leaves no folder.
  expect(readdirSync(folder).filter((name) => name.startsWith("strict"))).toEqual([]);
});

it("help is made from the schema", async () => {
  const { code, stdout } = await kasane(["run", "binary-addition", "--help"]);
  expect(code).toBe(0);
  const text = stdout.replaceAll(/\s+/g, " ");
  expect(text).toContain("--hidden-size <n> size of the hidden state [units] (1 to 4096; default: 16)");
  expect(text).toContain("--learning-rate <x> step size of the gradient descent (above 0; default: 0.1)");
  expect(text).toContain("--init <name> distribution of the first weights (normal, xavier, he; default: normal)");
  for (const flag of ["--device", "--threads", "--seed", "--data", "--json", "--runs", "--resume"]) expect(text).toContain(flag);
});

it.each(["--help", "list --help", "run --help", "runs --help", "show --help", "predict --help", "devices --help", "run", ""])(
  "there is help: kasane %s",
  async (line) => {
    const { code, stdout, stderr } = await kasane(line.split(" ").filter((word) => word));
    expect(stdout).toMatch(/^Usage: kasane/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  },
);

it("lists the experiments, for people and for machines", async () => {
  expect((await kasane(["list"])).stdout).toMatch(/recurrent +binary-addition +\S/);
  const lines = linesOf((await kasane(["list", "--json"])).stdout).map((line) => JSON.parse(line));
  expect(lines).toContainEqual(expect.objectContaining({ name: "binary-addition", chapter: "recurrent" }));
});

it("options come from the preset, those given win, and the rest have their defaults", async () => {
  let got: unknown;
  const options = z.object({
    maxLength: z.int().default(2),
    rate: z.number().default(0.1),
    deep: z.boolean().default(false),
    wide: z.boolean().default(true),
  });
  const presets = { long: { maxLength: 5, rate: 3 } };
  const run = async (_: unknown, values: unknown) => {
    got = values;
  };
  const probe = defineExperiment({ name: "probe", title: "", chapter: "", options, presets, run });
  await kasane(["run", "probe", "--preset", "long", "--rate", "7", "--no-wide", ...runs], [probe]);
  expect(got).toEqual({ maxLength: 5, rate: 7, deep: false, wide: false });
  const wrong = await kasane(["run", "probe", "--preset", "lang", ...runs], [probe]);
  expect(wrong).toMatchObject({ code: 2, stderr: 'kasane: --preset: got "lang", expected one of long\n' });
});

describe("a run", () => {
  it("leaves its folder", () => {
    for (const name of ["config.json", "metrics.jsonl", "last.safetensors", "loss.svg", "model.onnx"])
      expect(existsSync(join(first, name)), name).toBe(true);
    const config = JSON.parse(readFileSync(join(first, "config.json"), "utf8"));
    expect(config).toMatchObject({
      experiment: "binary-addition",
      seed: 0,
      device: "cpu",
      finished: true,
      options: { iterations: 300, hiddenSize: 16 },
    });
  });

  it("is listed and shown", async () => {
    const name = first.split("/").at(-1) as string;
    expect((await kasane(["runs", ...runs])).stdout).toMatch(new RegExp(`${name} .*finished +step 300, loss `));
    const shown = (await kasane(["show", name, ...runs])).stdout;
    expect(shown).toMatch(/^hiddenSize +16$/m);
    expect(shown).toMatch(/^loss +\S+ at 300 /m);
    expect(shown).toMatch(/[⠁-⣿]/u);
    const { figures, metrics } = JSON.parse((await kasane(["show", name, "--json", ...runs])).stdout);
    expect(metrics.map(({ step }: { step: number }) => step)).toEqual([100, 200, 300, 300]);
    expect(figures[0]).toMatchObject({ name: "loss", last: { step: 300, value: metrics[2].loss } });
  });

  it("prints the report's figures: loss, bits, the sum in decimal, and the share of exact sums", async () => {
    const { stdout } = await kasane(["run", "binary-addition", "--iterations", "100", "--seed", "3", ...runs]);
    const [, loss, predicted, truth, a, b, sum] =
      /iteration 100\nLoss: (\S+)\n.*\nPred: \[([01 ]+)\]\nTrue: \[([01 ]+)\]\n(\d+) \+ (\d+) = (\d+)\n/.exec(stdout) ?? [];
    const value = (bits = "") => Number.parseInt(bits.replaceAll(" ", ""), 2);
    expect(Number(loss)).toBeGreaterThan(0);
    expect(value(truth)).toBe(Number(a) + Number(b));
    expect(value(predicted)).toBe(Number(sum));
    expect(Number(a)).toBeLessThan(128);
    expect(stdout).toMatch(/added exactly: \d+ of all 16384 pairs/);
  });

  it("says when the gradient explodes, as with ReLU", async () => {
    const of = async (...words: string[]) => (await kasane(["run", "binary-addition", "--iterations", "100", ...words, ...runs])).stdout;
    expect(await of("--activation", "relu")).toMatch(/^Gradient norm: at most \S+; \d{4,} times as long 8 steps back: it explodes$/m);
    expect(await of()).toMatch(/^Gradient norm: at most \S+; 0\.\d+ times as long 8 steps back$/m);
  });

  it("that was resumed gives the same figures and weights to the bit as an unbroken one", async () => {
    const { stdout } = await kasane(["run", "binary-addition", "--iterations", "200", "--json", ...runs]);
    const run = JSON.parse(linesOf(stdout)[0] as string).folder;
    await kasane(["run", "binary-addition", "--resume", run, "--iterations", "300"]);
    const figures = (path: string) => linesOf(readFileSync(join(path, "metrics.jsonl"), "utf8")).filter((line) => line.includes("loss"));
    expect(figures(run)).toEqual(figures(first));
    expect(readFileSync(join(run, "model.onnx"))).toEqual(readFileSync(join(first, "model.onnx")));
  });

  it("answers questions", async () => {
    const { code, stdout } = await kasane(["predict", first, "77 + 81", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ a: 77, b: 81, sum: expect.any(Number) });
    for (const text of ["77 + 810", "seven", ""]) {
      expect(await kasane(["predict", first, text])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^kasane: predict: .*expected two integers.*\n$/),
      });
    }
  });
});

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { KasaneError } from "kasane";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { completeOptions, readFlags } from "../../lab/command/flags.js";
import type { Context } from "../../lab/context.js";
import { defineExperiment, listed } from "../../lab/experiment.js";
import { experiments } from "../../lab/experiments.js";
import * as option from "../../lab/options.js";
import { kasane, kasaneAmong, temporaryFolder } from "./helpers.js";

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
    [["run", "addition", "--size", "130"], /--size: got "130", expected an integer, 4 to 2048, a multiple of 4/],
    [["run", "mountain-car", "--method", "dqn", "--tilings", "3"], /--tilings: 3: it needs --method tiles: leave it out/],
    [["run", "cart-pole", "--method", "ppo", "--double"], /--double: true: it needs --method dqn/],
    [["run", "acrobot", "--return-steps", "3"], /--return-steps: 3: it needs --method dqn/],
    [["run", "ptb", "--weight-decay", "0.1"], /--weight-decay: 0.1: it needs --optimizer adamw/],
    [["run", "segment", "--network", "enet", "--levels", "2"], /--levels: 2: it needs --network unet/],
    [["run", "depth", "--depths", "8,9"], /--depths: expected 6n \+ 2 layers each/],
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

  it("other examples to judge by, and tells of any other change", async () => {
    const options = z.object({ width: z.int().default(8), heldOut: option.heldOut(), trainSize: option.fixed(z.int().min(1)).default(7) });
    const apart = defineExperiment({ name: "apart", title: "", chapter: "", options, run: async () => undefined });
    const { stdout } = await kasane(["run", "apart", "--held-out", "5", "--json", ...runs], [apart]);
    const resume = (...words: string[]) =>
      kasane(["run", "apart", "--resume", JSON.parse(linesOf(stdout)[0] as string).folder, ...words], [apart]);
    for (const [words, message] of [
      [["--held-out", "0"], "--held-out 5, got --held-out 0"],
      [["--train-size", "8"], "--train-size 7, got --train-size 8"],
    ] as const) {
      const { code, stderr } = await resume(...words);
      expect(stderr).toMatch(new RegExp(`^kasane: --resume: the run was started with ${message}: a run keeps what it learns from.*\n$`));
      expect(code).toBe(2);
    }
    const other = await resume("--width", "9", "--held-out", "5");
    expect(other.stdout).toContain("from here on --width 9, before it was --width 8: what is trained already stays as it is");
    expect(other.stdout).not.toContain("--held-out");
    expect((await resume("--width", "9")).stdout).not.toContain("from here on");
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

  it("records the time of a step where it is asked to", async () => {
    const { stdout } = await kasane(["run", "binary-addition", "--iterations", "100", "--record-times", "--json", ...runs]);
    const [{ stepMilliseconds }] = linesOf(stdout).flatMap((line) => (line.includes('"loss"') ? [JSON.parse(line)] : []));
    expect(stepMilliseconds).toBeGreaterThan(0);
    expect(readFileSync(join(first, "metrics.jsonl"), "utf8")).not.toContain("stepMilliseconds");
  });

  it("answers questions", async () => {
    const { code, stdout } = await kasane(["predict", first, "77 + 81", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ a: 77, b: 81, sum: expect.any(Number) });
    for (const text of ["77 + 810", "seven"]) {
      expect(await kasane(["predict", first, text])).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^kasane: predict: .*expected two integers.*\n$/),
      });
    }
  });
});

describe("what is loaded", () => {
  const broken = { name: "broken", title: "not loaded", chapter: "none", load: () => Promise.reject(new Error("was loaded")) };
  const fine = defineExperiment({ name: "fine", title: "is loaded", chapter: "none", options: z.object({}), run: async () => undefined });

  it.each(["--help", "list", "run", "run fine --help", "run fin"])("kasane %s loads no other experiment", async (line) => {
    const { stdout, stderr } = await kasaneAmong([broken, listed(fine)], line.split(" "));
    expect(stdout + stderr).toMatch(/fine|kasane list|list the experiments/);
    expect(stderr).not.toContain("was loaded");
  });

  it("the list says what the experiments' own files say", async () => {
    for (const entry of experiments) {
      const { name, title, chapter, predict } = await entry.load();
      expect({ name, title, chapter, asks: predict?.text }).toEqual({
        name: entry.name,
        title: entry.title,
        chapter: entry.chapter,
        asks: entry.asks,
      });
    }
  });
});

describe("names that every object has are no names of ours", () => {
  it.each(["toString", "constructor", "__proto__", "hasOwnProperty"])("%s", async (name) => {
    const options = z.object({ size: z.int().default(1), kind: z.enum(["a", "b"]).default("a") });
    const own = defineExperiment({ name: "own", title: "", options, presets: { small: {} }, run: async () => undefined });
    for (const [words, message] of [
      [["run", "own", "--preset", name], `--preset: got "${name}", expected one of small`],
      [["run", "own", "--kind", name], `--kind: got "${name}", expected one of a, b`],
      [["run", "own", `--${name}`, "3"], "unknown option"],
      [["run", name], `unknown experiment "${name}"`],
      [[name], `unknown command "${name}"`],
      [["runs", "--sort", name, ...runs], `unknown figure "${name}"`],
      [["show", first, "--figure", name], `unknown figure "${name}"`],
    ] as const) {
      const { code, stderr } = await kasane(words, [own]);
      expect(stderr).toContain(message);
      expect(code).toBe(2);
    }
  });
});

it("a run may report as seldom as it likes: 150,000 updates are one record", async () => {
  const words = ["--iterations", "150000", "--plot-interval", "150000", "--hidden-size", "1", "--bits", "2"];
  const { code, stderr } = await kasane(["run", "binary-addition", ...words, ...runs]);
  expect({ code, stderr: stderr.replaceAll(/^step .*\n/gm, "") }).toEqual({ code: 0, stderr: "" });
});

/** A run folder written by hand, in a folder of runs of its own. */
function handmade(parent: string, name: string, records: string, options: object = {}): string {
  const run = join(folder, parent, name);
  mkdirSync(run, { recursive: true });
  const config = { experiment: "made", options, seed: 0, device: "cpu", started: "2026-01-31T10:00:00.000Z", finished: true };
  writeFileSync(join(run, "config.json"), JSON.stringify(config));
  writeFileSync(join(run, "metrics.jsonl"), records);
  return run;
}

describe("records that are damaged or extreme", () => {
  it("break neither the list nor the run that has them", async () => {
    const parent = ["--runs", join(folder, "odd")];
    handmade("odd", "null-1", '{"step":1,"loss":null}\n{"step":2,"loss":3}\n');
    handmade("odd", "whole-1", '{"step":1,"loss":2}\n{"step":2,"loss":1}\n');
    mkdirSync(join(folder, "odd", "cut-1"));
    writeFileSync(join(folder, "odd", "cut-1", "config.json"), '{"experiment":');
    const { code, stdout, stderr } = await kasane(["runs", ...parent]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/null-1 .*loss 3\n/);
    expect(stdout).toMatch(/whole-1 .*loss 1\n/);
    expect(stderr).toMatch(/^kasane: skipped: .*cut-1.*config\.json.*\nkasane: .*null-1.*: 1 damaged line is skipped\n$/);
    expect((await kasane(["show", "null-1", ...parent])).stdout).toMatch(/^loss +3 at 2/m);
  });

  it.each([
    ["1e308", "-1e308"],
    ["1.7976931348623157e308", "0"],
    ["5e-324", "0"],
    ["1", "1.0000000000000002"],
    ['"NaN"', '"Infinity"'],
  ])("are drawn: %s and %s", async (a, b) => {
    const run = handmade("extreme", "curve-1", `{"step":1,"loss":${a}}\n{"step":2,"loss":${b}}\n{"step":3,"loss":${a}}\n`);
    const { code, stdout } = await kasane(["show", run]);
    expect(stdout).toMatch(/┤[\s\S]*└[─┬]+\n/);
    expect(code).toBe(0);
  });

  it("write nothing to the terminal that it would obey", async () => {
    const run = handmade("escapes", "esc-1", '{"step":1,"loss":1}\n', { text: "\u001b[31mred\u009b2J" });
    for (const words of [
      ["show", run],
      ["show", run, "--json"],
      ["runs", "--json", "--runs", join(folder, "escapes")],
    ]) {
      const { stdout } = await kasane(words);
      expect(stdout).toContain("[31mred");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(stdout).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    }
  });
});

describe("runs beside each other", () => {
  const parent = () => ["--runs", join(folder, "beside")];
  beforeAll(() => {
    handmade("beside", "low-1", '{"step":10,"loss":3,"time":1}\n{"step":20,"loss":0.5,"time":2}\n', { size: 8, kind: "a" });
    handmade("beside", "high-1", '{"step":10,"loss":4}\n{"step":20,"loss":2}\n', { size: 16, kind: "a" });
    handmade("beside", "without-1", "");
  });
  const namesIn = (stdout: string) => [...stdout.matchAll(/^(low|high|without)-1\b/gm)].map(([, name]) => name);

  it("are sorted by a figure, those without it last", async () => {
    expect(namesIn((await kasane(["runs", "--sort", "loss", ...parent()])).stdout)).toEqual(["low", "high", "without"]);
    expect(namesIn((await kasane(["runs", "--sort", "loss", "--descending", ...parent()])).stdout)).toEqual(["high", "low", "without"]);
    expect((await kasane(["runs", "--sort", "time", ...parent()])).stdout).toMatch(/low-1 .*step 20, time 2, loss 0\.5\n/);
    expect(await kasane(["runs", "--sort", "los", ...parent()])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("did you mean loss?"),
    });
  });

  it("have their figures in JSON", async () => {
    const lines = linesOf((await kasane(["runs", "--json", "--sort", "loss", ...parent()])).stdout).map((line) => JSON.parse(line));
    expect(lines.map(({ figures }) => figures.map(({ name, last }: { name: string; last: object }) => [name, last]))).toEqual([
      [
        ["loss", { step: 20, value: 0.5 }],
        ["time", { step: 20, value: 2 }],
      ],
      [["loss", { step: 20, value: 2 }]],
      [],
    ]);
  });

  it.each([40, 60, 100])("fit a terminal of %d columns", async (columns) => {
    vi.stubEnv("COLUMNS", String(columns));
    for (const words of [
      ["runs", ...parent()],
      ["show", "low-1", ...parent()],
      ["compare", "low-1", "high-1", ...parent()],
    ]) {
      const { stdout } = await kasane(words);
      for (const line of stdout.split("\n").filter((text) => !text.includes(folder)))
        expect([...line].length, line).toBeLessThanOrEqual(columns);
    }
    vi.unstubAllEnvs();
  });

  it("are compared: options that differ, figures, and their curves in one chart", async () => {
    const { code, stdout } = await kasane(["compare", "low-1", "high-1", ...parent()]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^option +low-1 +high-1\nsize +8 +16\n\n/);
    expect(stdout).toMatch(/\nlast figure +low-1 +high-1\nloss +0\.5 +2\ntime +2\n/);
    expect(stdout).toMatch(/⠒⠒ low-1 +oo high-1\n$/);
    const json = JSON.parse((await kasane(["compare", "low-1", "high-1", "--json", ...parent()])).stdout);
    expect(json).toMatchObject({
      options: [{ name: "size", values: [8, 16] }],
      figures: [{ name: "loss", values: [0.5, 2] }, { name: "time" }],
    });
    expect((await kasane(["compare", "low-1", ...parent()])).stderr).toBe(
      "kasane: compare: got one run, expected two or more (kasane show is for one)\n",
    );
    expect((await kasane(["compare", "low-1", "low-1", ...parent()])).stderr).toContain("got a run twice");
    expect((await kasane(["compare", "low-1", "./low-1/", ...parent()])).stderr).toContain("got a run twice");
  });
});

describe("removing", () => {
  const parent = () => ["--runs", join(folder, "old")];

  it("takes a run away with all that is in it, and asks where nobody said yes", async () => {
    const [gone, kept] = [handmade("old", "gone-1", ""), handmade("old", "kept-1", "")];
    mkdirSync(join(gone, "gru"));
    const unasked = await kasane(["remove", "gone-1", ...parent()]);
    expect(unasked).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/nobody can be asked here, expected --yes to remove .*gone-1\n$/),
    });
    expect(existsSync(gone)).toBe(true);
    expect(await kasane(["remove", "gone-1", "--yes", ...parent()])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^removed: .*gone-1\n$/),
    });
    expect([existsSync(gone), existsSync(kept)]).toEqual([false, true]);
  });

  it("takes nothing that is no run, and nothing at all where one of the names is none", async () => {
    const kept = handmade("old", "kept-2", "");
    const plain = join(folder, "old", "plain");
    mkdirSync(plain, { recursive: true });
    writeFileSync(join(plain, "thesis.txt"), "");
    for (const name of ["plain", "no-such", ".."]) {
      const { code, stderr } = await kasane(["remove", "kept-2", name, "--yes", ...parent()]);
      expect(stderr).toMatch(/no run/);
      expect(code).toBe(2);
    }
    expect([existsSync(join(plain, "thesis.txt")), existsSync(kept)]).toEqual([true, true]);
  });
});

describe("asking", () => {
  it("the help of a run's prediction has its flags, and what it takes", async () => {
    const [options, predict] = [
      z.object({}),
      { text: "a word", options: z.object({ best: z.int().min(1).default(3).describe("how many") }), run: async () => undefined },
    ];
    const made = defineExperiment({ name: "made", title: "", options, predict, run: async () => undefined });
    const run = handmade("asked", "made-1", "");
    const { code, stdout } = await kasane(["predict", run, "--help"], [made]);
    expect(code).toBe(0);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("text a word");
    expect(stdout).toMatch(/--best <n> +how many \(at least 1; default: 3\)/);
  });

  it("flags may stand before the text", async () => {
    let got: unknown;
    const predict = {
      text: "a number",
      options: z.object({ all: z.boolean().default(false) }),
      run: async (_context: unknown, _options: unknown, text: string, flags: unknown) => {
        got = [text, flags];
      },
    };
    const made = defineExperiment({ name: "made", title: "", options: z.object({}), predict, run: async () => undefined });
    const run = handmade("asked", "made-2", "");
    expect((await kasane(["predict", run, "--all", "-0.5 3"], [made])).code).toBe(0);
    expect(got).toEqual(["-0.5 3", { all: true }]);
    expect((await kasane(["predict", run, "--", "-or not"], [made])).code).toBe(0);
    expect(got).toEqual(["-or not", { all: false }]);
    const { code, stderr } = await kasane(["predict", run, "-or not"], [made]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/unknown option '-or not'.*stands at the end, behind --\n$/),
    });
  });
});

describe("paths", () => {
  const options = z.object({ texts: option.path(z.string(), "known").default("texts"), size: z.int().default(1) });
  const made = defineExperiment({
    ...{ name: "paths", title: "", options },
    run: async (context, { texts }) => context.print(`${texts} ${context.dataFile("some.txt")}`),
    predict: { text: "a word", run: async (context, { texts }, text) => context.print(`${text} ${texts} ${context.dataFile("some.txt")}`) },
  });
  const ask = (...words: string[]) => kasane(words, [made]);
  const folderOf = (stdout: string) => /run folder: (.*)/.exec(stdout)?.[1] as string;

  it("are kept whole, the folder with datasets too, and serve predictions and a resumed run", async () => {
    const data = join(folder, "datasets");
    mkdirSync(data);
    writeFileSync(join(data, "some.txt"), "");
    const { stdout } = await ask("run", "paths", "--data", relative(process.cwd(), data), "--texts", "mine/*.txt", ...runs);
    const known = `${resolve("mine/*.txt")} ${join(data, "some.txt")}`;
    expect(stdout).toContain(known);
    const run = folderOf(stdout);
    expect(JSON.parse(readFileSync(join(run, "config.json"), "utf8"))).toMatchObject({ data, options: { texts: resolve("mine/*.txt") } });
    expect(await ask("predict", run, "word")).toMatchObject({ code: 0, stdout: `word ${known}\n` });
    expect((await ask("run", "paths", "--resume", run, "--texts", "mine/*.txt")).stdout).not.toContain("from here on");

    const moved = join(folder, "moved");
    renameSync(data, moved);
    expect(await ask("predict", run, "word")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`had its data in ${data}, which is gone: say where it is with --data DIR`),
    });
    expect((await ask("predict", run, "word", "--data", moved)).stdout).toContain(join(moved, "some.txt"));
    expect((await ask("run", "paths", "--resume", run, "--data", moved)).code).toBe(0);
    expect((await ask("predict", run, "word")).stdout).toContain(join(moved, "some.txt"));
  });

  it("that are defaults are kept whole, and names in their place as they are", async () => {
    const parse = (words: Record<string, unknown>) => completeOptions(options, readFlags(options, words), "");
    expect(parse({})).toEqual({ texts: resolve("texts"), size: 1 });
    expect(parse({ texts: "known" })).toEqual({ texts: "known", size: 1 });
  });
});

it("figures of the test go to TensorBoard too", async () => {
  const options = z.object({});
  const run = async (context: Context) => context.record(7, { testAccuracy: 0.75 });
  const probe = defineExperiment({ name: "tested", title: "", options, run });
  const { stdout } = await kasane(["run", "tested", "--json", ...runs], [probe]);
  const { folder: path } = JSON.parse(linesOf(stdout)[0] as string);
  const [events] = readdirSync(path).filter((name) => name.startsWith("events.out.tfevents"));
  const bytes = readFileSync(join(path, events as string));
  // The record's tag, and 0.75 as a float32 of the field 2, least byte first.
  const at = bytes.indexOf("testAccuracy");
  expect(bytes.subarray(at + "testAccuracy".length).indexOf(Buffer.from([0x15, 0, 0, 0x40, 0x3f]))).toBe(0);
});

it("an option that is on by default is given by its --no- flag alone: presets and resumed runs keep it off", () => {
  const schema = z.object({ baseline: z.boolean().default(true), double: z.boolean().default(false) });
  expect(readFlags(schema, { baseline: true, double: true })).toEqual({ double: true });
  expect(readFlags(schema, { baseline: false })).toEqual({ baseline: false });
});

it("the help of an option that is on by default says what its --no- flag turns off", async () => {
  const options = z.object({ baseline: z.boolean().default(true).describe("subtracting the mean") });
  const made = defineExperiment({ name: "made", title: "", options, run: async () => undefined });
  expect((await kasane(["run", "made", "--help"], [made])).stdout).toMatch(/--no-baseline +turn off: subtracting the mean\n/);
});

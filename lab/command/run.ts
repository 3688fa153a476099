import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { Option } from "commander";
import { check, setThreads, seed as startRandom } from "kasane";
import { Context } from "../context.js";
import { Interrupted } from "../ended.js";
import type { Experiment, ListedExperiment } from "../experiment.js";
import { invocation } from "../invocation.js";
import { mostThreads, RunFolder } from "../runFolder.js";
import { type CommonFlags, dataFlag, jsonFlag, quietCommand, runsFlag } from "./commonFlags.js";
import { checkDevice } from "./devices.js";
import { completeOptions, fixedOptions, flagsOf, kebab, readFlags } from "./flags.js";
import { loadExperiment } from "./load.js";
import { folderLine, runSideBySide } from "./sideBySide.js";

/** The flags of `kasane run`: the common ones, and the experiment's own as they were typed. */
interface RunFlags extends CommonFlags {
  readonly device?: string;
  readonly threads?: string;
  readonly seed?: string;
  readonly data?: string;
  readonly resume?: string;
  readonly preset?: string;
  readonly recordTimes?: boolean;
}

/** Names that an experiment cannot use for its own options. An option `data` of its own stands in place of the folder with datasets. */
const commonOptions = ["device", "threads", "seed", "runs", "resume", "preset", "recordTimes", "json", "help"];

/** Whether an experiment reads datasets, and so takes the folder that they lie in. */
const readsDatasets = ({ options }: Experiment): boolean => !Object.hasOwn(options.shape, "data");

/**
 * `kasane run EXPERIMENT`: its flags and help come from the experiment's schema.
 * @param word the experiment's name, or the file that it is in
 * @param words the whole command line
 * @param called how the help says that it is called
 */
export async function runCommand(
  experiments: readonly ListedExperiment[],
  [word = "", ...rest]: readonly string[],
  words: readonly string[],
  called = { name: "kasane run", usage: `${word} [options]` },
): Promise<void> {
  const experiment = await loadExperiment(experiments, word);
  const command = quietCommand(called.name).usage(called.usage).description(experiment.title).optionsGroup("Options:");
  for (const option of flagsOf(experiment.options)) {
    const name = option.attributeName();
    check(
      !commonOptions.includes(name),
      () => `${experiment.name}: the option ${name} is one that every experiment has: give yours another name`,
    );
    command.addOption(option);
  }
  const presets = Object.keys(experiment.presets ?? {});
  if (presets.length > 0) command.addOption(new Option("--preset <name>", `settings that belong together (${presets.join(", ")})`));
  command
    .optionsGroup("Every experiment has:")
    .addOption(new Option("--device <name>", "what computes (cpu, webgpu, cuda, dml, coreml; default: cpu)"))
    .addOption(new Option("--threads <n>", "threads on the CPU (default: all cores for large graphs, one for small ones)"))
    .addOption(
      new Option("--seed <n>", "what all random numbers follow from; several, such as 0,1: a run of each, side by side (default: 0)"),
    )
    .addOption(runsFlag())
    .addOption(new Option("--resume <run>", "go on with an interrupted run, with its options; those given change them"))
    .addOption(new Option("--record-times", "record the milliseconds that a step takes, beside its figures"))
    .addOption(jsonFlag())
    .action((flags: RunFlags) => run(experiment, word, flags, words));
  if (readsDatasets(experiment)) command.addOption(dataFlag());
  await command.parseAsync(rest, { from: "user" });
}

/** Runs an experiment in a new run folder, or goes on in an old one; with several seeds in as many new ones. */
async function run(experiment: Experiment, word: string, flags: RunFlags, words: readonly string[]): Promise<void> {
  const given = readFlags(experiment.options, { ...flags });
  const seeds = flags.seed?.split(",").map((text) => integer("--seed", text, 0, 2 ** 32 - 1) as number) ?? [];
  const [seed] = seeds;
  const givenThreads = integer("--threads", flags.threads, 1, mostThreads);
  const datasets = readsDatasets(experiment) ? flags.data : undefined;
  checkData(datasets);
  const folder = flags.resume === undefined ? undefined : RunFolder.open(flags.resume, flags.runs);
  const earlier = folder?.config;
  if (folder && earlier) {
    check(
      earlier.experiment === experiment.name,
      () =>
        `--resume: ${folder.shown} is a run of ${earlier.experiment}: use ${invocation(["run", earlier.experiment, "--resume", folder.shown])}`,
    );
    check(
      seed === undefined || seed === earlier.seed,
      () => `--resume: the run was started with --seed ${earlier.seed}, which it must keep`,
    );
    if (flags.preset !== undefined) checkPreset(experiment, flags.preset, folder.shown, earlier.options);
    for (const { name, before, now } of changedOptions(given, earlier.options)) {
      check(
        !fixedOptions(experiment.options).includes(name),
        () => `--resume: the run was started with ${before}, got ${now}: a run keeps what it learns from and is judged by: begin another`,
      );
    }
  }
  const origin = folder ? `${folder.shown}/config.json` : experiment.name;
  const options = completeOptions(experiment.options, { ...presetOf(experiment, flags.preset), ...earlier?.options, ...given }, origin);
  const device = flags.device ?? earlier?.device ?? "cpu";
  checkDevice(device);
  if (seeds.length > 1) {
    check(folder === undefined, () => "--resume: got several seeds, expected one run to go on with: resume each by itself");
    check(new Set(seeds).size === seeds.length, () => `--seed: got "${flags.seed}", expected each seed once`);
    return runSideBySide(words, flags, seeds);
  }

  const threads = givenThreads ?? earlier?.threads;
  setThreads(threads);
  startRandom(seed ?? earlier?.seed ?? 0);
  const data = datasets === undefined ? earlier?.data : resolve(datasets);
  const config = { experiment: experiment.name, options, seed: seed ?? earlier?.seed ?? 0, device, threads, data, finished: false };
  const started = earlier?.started ?? new Date().toISOString();
  const target = folder ?? (await RunFolder.create(flags.runs, { ...config, started }));
  const lock = await target.lock();
  if (folder) await folder.update(config);
  const { json = false, recordTimes = false } = flags;
  const again = recordTimes ? ["--record-times"] : [];
  const settings = { json, recordTimes, howToResume: invocation(["run", word, "--resume", target.shown, ...again]) };
  const context = new Context(target, settings, folder !== undefined);
  context.print(`${experiment.title}\n${folderLine}${target.shown}`, { event: "run", folder: target.path, ...target.config });
  for (const { before, now } of changedOptions(given, earlier?.options)) {
    context.print(`from here on ${now}, before it was ${before}: what is trained already stays as it is`);
  }
  try {
    await experiment.run(context, options);
    await target.update({ finished: true });
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    // Neither options that do not match what was trained nor a run that never began may stay.
    if (earlier) await target.update(earlier);
    else target.removeIfEmpty();
    throw error;
  } finally {
    context.close();
    lock.release();
  }
  context.print(`\nfinished: ${target.shown}`, { event: "finished", folder: target.path });
}

/** The options given that a run had otherwise before. */
function changedOptions(given: Readonly<Record<string, unknown>>, earlier: Readonly<Record<string, unknown>> = given) {
  return Object.keys(given).flatMap((name) => {
    const [before, now] = [earlier, given].map((options) => `--${kebab(name)} ${options[name] ?? "not set"}`) as [string, string];
    return before === now ? [] : [{ name, before, now }];
  });
}

function presetOf({ presets = {} }: Experiment, name: string | undefined): Readonly<Record<string, unknown>> {
  if (name === undefined) return {};
  const preset = Object.hasOwn(presets, name) ? presets[name] : undefined;
  check(preset !== undefined, () => `--preset: got "${name}", expected one of ${Object.keys(presets).join(", ")}`);
  return preset;
}

/** Throws where a run that is resumed has other settings than the preset's. */
function checkPreset(experiment: Experiment, name: string, run: string, options: Readonly<Record<string, unknown>>): void {
  const preset = completeOptions(experiment.options, presetOf(experiment, name), experiment.name);
  const named = Object.values(experiment.presets ?? {}).flatMap(Object.keys);
  const [other] = changedOptions(Object.fromEntries(named.map((option) => [option, preset[option]])), options);
  check(
    other === undefined,
    () => `--resume: ${run} has ${other?.before}, --preset ${name} has ${other?.now}: leave --preset out, or begin another run`,
  );
}

function integer(flag: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  check(
    Number.isInteger(value) && value >= least && value <= most,
    () => `${flag}: got "${text}", expected an integer, ${least} to ${most}`,
  );
  return value;
}

/** Throws unless the folder given with --data is there. */
export function checkData(folder: string | undefined): void {
  if (folder === undefined) return;
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  check(isFolder, () => `--data (or KASANE_DATA): got "${folder}", expected a folder: there is none of that name`);
}

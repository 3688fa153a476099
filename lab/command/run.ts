import { existsSync, statSync } from "node:fs";
import { check, closestName, KasaneError, setThreads, seed as startRandom } from "kasane";
import { Context, Interrupted } from "../context.js";
import type { Experiment } from "../experiment.js";
import { mostThreads, RunFolder } from "../runFolder.js";
import { completeOptions, kebab, readFlags } from "./flags.js";
import { quietDevices } from "./list.js";
import type { CommonFlags } from "./program.js";
import { folderLine, runSideBySide } from "./sideBySide.js";

/** The flags of `kasane run`: the common ones, and the experiment's own as they were typed. */
interface RunFlags extends CommonFlags {
  readonly device?: string;
  readonly threads?: string;
  readonly seed?: string;
  readonly data?: string;
  readonly resume?: string;
  readonly preset?: string;
}

const knownDevices = ["cpu", "webgpu", "cuda", "dml", "coreml"];

/**
 * Runs an experiment in a new run folder, or goes on in an old one; with several seeds in as many new ones.
 * @param words the command line that has the flags
 */
export async function run(experiment: Experiment, flags: RunFlags, words: readonly string[]): Promise<void> {
  const given = readFlags(experiment.options, flags as unknown as Record<string, unknown>);
  const seeds = flags.seed?.split(",").map((text) => wholeNumber("--seed", text, 0, 2 ** 32 - 1) as number) ?? [];
  const [seed] = seeds;
  const givenThreads = wholeNumber("--threads", flags.threads, 1, mostThreads);
  checkData(flags.data);
  const folder = flags.resume === undefined ? undefined : RunFolder.open(flags.resume, flags.runs);
  const earlier = folder?.config;
  if (folder && earlier) {
    check(
      earlier.experiment === experiment.name,
      () => `--resume: ${folder.shown} is a run of ${earlier.experiment}: use kasane run ${earlier.experiment} --resume ${folder.shown}`,
    );
    check(
      seed === undefined || seed === earlier.seed,
      () => `--resume: the run was started with --seed ${earlier.seed}, which it must keep`,
    );
    if (flags.preset !== undefined) checkPreset(experiment, flags.preset, folder.shown, earlier.options);
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
  const config = { experiment: experiment.name, options, seed: seed ?? earlier?.seed ?? 0, device, threads, finished: false };
  const started = earlier?.started ?? new Date().toISOString();
  const target = folder ?? (await RunFolder.create(flags.runs, { ...config, started }));
  const lock = await target.lock();
  if (folder) await folder.update(config);
  const context = new Context(target, { json: flags.json ?? false, data: flags.data }, folder !== undefined);
  context.print(`${experiment.title}\n${folderLine}${target.shown}`, { event: "run", folder: target.path, ...target.config });
  try {
    await experiment.run(context, options);
    await target.update({ finished: true });
  } catch (error) {
    if (error instanceof Interrupted) throw error;
    // Options that do not go with what was trained must not stay, nor a run that never began.
    if (earlier) await target.update(earlier);
    else target.removeIfEmpty();
    throw error;
  } finally {
    lock.release();
  }
  context.print(`\nfinished: ${target.shown}`, { event: "finished", folder: target.path });
}

/** @throws KasaneError where there is no experiment of that name, with the nearest one */
export function findExperiment(experiments: readonly Experiment[], name: string): Experiment {
  const found = experiments.find((experiment) => experiment.name === name);
  if (found) return found;
  const names = experiments.map((experiment) => experiment.name);
  const near = closestName(name, names);
  throw new KasaneError(
    `unknown experiment "${name}": ${near ? `did you mean ${near}?` : `there are ${names.join(", ")}`} (see kasane list)`,
  );
}

function presetOf({ presets = {} }: Experiment, name: string | undefined): Readonly<Record<string, unknown>> {
  if (name === undefined) return {};
  const preset = presets[name];
  check(preset !== undefined, () => `--preset: got "${name}", expected one of ${Object.keys(presets).join(", ")}`);
  return preset;
}

/** Throws where a run that is resumed has other settings than the preset's. */
function checkPreset(experiment: Experiment, name: string, run: string, options: Readonly<Record<string, unknown>>): void {
  const preset = completeOptions(experiment.options, presetOf(experiment, name), experiment.name);
  for (const option of Object.values(experiment.presets ?? {}).flatMap(Object.keys)) {
    const [has, asked] = [options[option], preset[option]].map((value) => `--${kebab(option)} ${value ?? "not set"}`);
    check(has === asked, () => `--resume: ${run} has ${has}, --preset ${name} has ${asked}: leave --preset out, or begin another run`);
  }
}

function wholeNumber(flag: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = text.trim() === "" ? Number.NaN : Number(text);
  check(
    Number.isInteger(value) && value >= least && value <= most,
    () => `${flag}: got "${text}", expected a whole number, ${least} to ${most}`,
  );
  return value;
}

/** Throws unless the folder given with --data is there. */
export function checkData(folder: string | undefined): void {
  if (folder === undefined) return;
  const isFolder = existsSync(folder) && statSync(folder).isDirectory();
  check(isFolder, () => `--data (or KASANE_DATA): got "${folder}", expected a folder: there is none of that name`);
}

function checkDevice(device: string): void {
  if (device === "cpu") return;
  check(knownDevices.includes(device), () => `--device: got "${device}", expected one of ${knownDevices.join(", ")}`);
  const offered = quietDevices();
  check(offered.includes(device), () => `--device: "${device}" is not available here: this machine offers ${offered.join(", ")}`);
}

import { existsSync } from "node:fs";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { check, data, decode, type models, RandomGenerator } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import { drawSound } from "../plot/soundPicture.js";
import { silence } from "./codeBatches.js";
import { type Conditions, codesOf } from "./sounds.js";
import { cachedReader } from "./wavenetFigures.js";

/** What a run keeps of the sounds that it learnt. */
const soundKind = z.object({
  sampleRate: z.int().min(1),
  conditions: z.array(z.object({ name: z.string(), classes: z.array(z.string()).min(1) })),
});
export type SoundKind = { readonly sampleRate: number; readonly conditions: Conditions };

const kindFile = "sounds.json";

/** @throws KasaneError where the run learnt other sounds before: its classes would get wrong names */
export async function saveKind(context: PredictContext, kind: SoundKind): Promise<void> {
  const path = context.folder.file(kindFile);
  if (!existsSync(path)) return files.writeAtomically(path, `${JSON.stringify(kind)}\n`);
  const kept = loadKind(context);
  check(isDeepStrictEqual(kept, kind), () => `${path} was made of other sounds: ${shown(kept)}; these have ${shown(kind)}`);
}

const shown = ({ sampleRate, conditions }: SoundKind): string =>
  [`${sampleRate} samples a second`, ...conditions.map(({ name, classes }) => `${name} ${classes.join(", ")}`)].join("; ");

/** @throws KasaneError where the run's file is missing or damaged */
export function loadKind(context: PredictContext): SoundKind {
  const path = context.folder.file(kindFile);
  const kind = files.readJson(path, 2 ** 20);
  check(kind !== undefined, () => `${context.folder.shown} has no ${kindFile}: start anew`);
  return files.parseAs(soundKind, kind, `${path} is damaged`);
}

/** What a sound is drawn by. */
export interface Drawing {
  readonly seconds: number;
  /** The class of each condition. */
  readonly labels: readonly number[];
  readonly temperature: number;
  /** Another number draws another sound. */
  readonly number: number;
  /** Codes that are continued. */
  readonly prime?: Uint8Array;
}

/** Samples that are drawn, behind those that they continue. */
export async function drawSamples(context: PredictContext, model: models.WaveNet, { sampleRate }: SoundKind, drawing: Drawing) {
  const { seconds, labels, temperature, number, prime = new Uint8Array() } = drawing;
  const generator = new RandomGenerator(undefined, context.seed, number);
  const codes = await decode.sampleSignal(await cachedReader(model, labels), {
    length: Math.max(1, Math.round(seconds * sampleRate)),
    begin: silence,
    prime,
    temperature,
    uniform: () => generator.uniform(),
  });
  return data.muLawDecode([...prime, ...codes]);
}

/**
 * Writes samples as a WAV file, and beside it a picture of them.
 * @param primed how many of the samples were given
 * @returns the files
 */
export async function saveSound(path: string, title: string, samples: Float32Array, sampleRate: number, primed = 0): Promise<string[]> {
  const picture = `${path.replace(/\.wav$/, "")}.svg`;
  await files.writeAtomically(path, data.writeWav({ sampleRate, channels: [samples] }));
  const mark = primed > 0 ? { mark: primed / sampleRate } : {};
  await files.writeAtomically(picture, await drawSound({ title, samples, sampleRate, ...mark }));
  return [path, picture];
}

/** The most bytes of a sound that is continued. */
const mostBytes = 2 ** 28;

/** The codes of a WAV file that is continued. */
export function readPrime(file: string, sampleRate: number): Uint8Array {
  const bytes = files.readIfThere(file, mostBytes);
  check(bytes !== undefined, () => `--prime ${file}: there is no such file`);
  const sound = data.readWav(bytes, basename(file));
  check(
    sound.sampleRate === sampleRate,
    () => `--prime ${file}: it has ${sound.sampleRate} samples a second, the run learnt sounds of ${sampleRate}: convert it first`,
  );
  const codes = codesOf(sound);
  check(codes.length > 0, () => `--prime ${file}: it has no samples`);
  return codes;
}

/** @param text such as `digit=3,speaker=theo` */
export function readLabels(text: string | undefined, conditions: Conditions): number[] {
  const form = conditions.map(({ name, classes }) => `${name}=${classes[0]}`).join(",");
  if (conditions.length === 0) {
    check(text === undefined, () => "--classes: the run has no --condition, so a sound has no class");
    return [];
  }
  check(text !== undefined, () => `--classes: the run was conditioned: say what to draw, such as --classes ${form}`);
  const parts = text.split(",").map((part) => [part.split("=", 1)[0] ?? "", part.slice(part.indexOf("=") + 1)] as const);
  const given = new Map(parts.map(([name, label]) => [name.trim(), label.trim()]));
  const names = conditions.map(({ name }) => name);
  const isRight = parts.length === names.length && names.every((name) => given.has(name));
  check(isRight, () => `--classes: got "${text}", expected a class for ${names.join(" and ")}, such as ${form}`);
  return conditions.map(({ name, classes }) => {
    const label = classes.indexOf(given.get(name) as string);
    check(label >= 0, () => `--classes: got ${name}=${given.get(name)}, expected one of ${classes.join(", ")}`);
    return label;
  });
}

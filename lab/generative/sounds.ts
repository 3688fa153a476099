import { basename, dirname, join } from "node:path";
import { check, data } from "kasane";
import { datasets, files } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import * as option from "../options.js";

/** A recording as codes of mu-law. */
export interface Clip {
  readonly name: string;
  readonly codes: Uint8Array;
  /** What it is of, by the name of each thing that sounds can be conditioned on. */
  readonly classes: Readonly<Record<string, string>>;
}

/** The recordings to train on, to choose settings by, and to test on. */
export interface SoundParts {
  readonly sampleRate: number;
  readonly train: readonly Clip[];
  readonly validation: readonly Clip[];
  readonly test: readonly Clip[];
}

const partNames = ["train", "validation", "test"] as const;

/** The archives of known sounds. */
const known: Readonly<Record<string, string>> = { allison: "allison-speech.tar.gz", digits: "fsdd.tar.gz" };

/** `--sounds` */
export const sounds = (): z.ZodString =>
  option.path(
    z
      .string()
      .min(1)
      .describe(
        "allison (one voice), digits (the Free Spoken Digit Dataset), or WAV files of one's own: a folder, a pattern or a .tar.gz; train.txt, " +
          "validation.txt and test.txt in a folder or an archive name the files of each part; without them a twentieth of the files, chosen at random, is each of the last two",
      ),
    ...Object.keys(known),
  );

/** The share of the files that are validated by, and of those that are tested on, where nothing says which. */
const heldOutShare = 0.05;

/** Recordings of a speaker and digit that settings are chosen by: the first that the publisher's test set leaves. */
const validatedDigits = 2;

/** @param source as {@link sounds} describes it */
export function readClips(context: PredictContext, source: string): SoundParts {
  const path = Object.hasOwn(known, source) ? context.dataFile(known[source] as string) : source;
  const found = datasets.readSounds(path);
  for (const [name, { channels }] of found) check((channels[0]?.length ?? 0) > 0, () => `${name}: it has no samples`);
  const sampleRate = commonRate(found);
  const clipOf = (name: string, sound: data.Sound, classes: Clip["classes"]): Clip => ({ name, codes: codesOf(sound), classes });
  if (source === "digits") {
    const { train, test } = datasets.readSpokenDigits(found);
    const first = Math.min(...train.map(({ index }) => index));
    const clip = ({ digit, speaker, index, sound }: datasets.SpokenDigit) =>
      clipOf(`${digit}_${speaker}_${index}`, sound, { digit: `${digit}`, speaker });
    const isValidated = ({ index }: datasets.SpokenDigit) => index < first + validatedDigits;
    return {
      sampleRate,
      train: train.filter((each) => !isValidated(each)).map(clip),
      validation: train.filter(isValidated).map(clip),
      test: test.map(clip),
    };
  }
  const clips = [...found].map(([name, sound]) => clipOf(name, sound, { folder: basename(dirname(name)) }));
  return { sampleRate, ...(listedParts(path, clips) ?? dividedParts(path, clips, context.seed)) };
}

/** The samples a second of all sounds. */
function commonRate(found: ReadonlyMap<string, data.Sound>): number {
  const [first, ...others] = [...found];
  const [name, { sampleRate }] = first as [string, data.Sound];
  const other = others.find(([, sound]) => sound.sampleRate !== sampleRate);
  check(
    other === undefined,
    () => `${name} has ${sampleRate} samples a second, ${other?.[0]} has ${other?.[1].sampleRate}: expected files of one rate`,
  );
  return sampleRate;
}

/** A sound in one channel, the mean of those that it has, as codes. */
export function codesOf({ channels }: data.Sound): Uint8Array {
  const [first = new Float32Array(), ...others] = channels;
  const mono =
    others.length === 0 ? first : first.map((_, i) => channels.reduce((sum, channel) => sum + (channel[i] as number), 0) / channels.length);
  return data.muLawEncode(mono);
}

/** The parts that lists beside the files name, where there are lists. */
function listedParts(path: string, clips: readonly Clip[]): Omit<SoundParts, "sampleRate"> | undefined {
  const lists = listsBeside(path);
  if (lists.size === 0) return undefined;
  const byName = new Map<string, Clip[]>();
  for (const clip of clips) byName.set(basename(clip.name), [...(byName.get(basename(clip.name)) ?? []), clip]);
  const partOf = new Map<Clip, string>();
  const [train, validation, test] = partNames.map((part) => {
    const text = lists.get(part);
    check(text !== undefined, () => `${path}: it has a ${[...lists.keys()].join(".txt and a ")}.txt and no ${part}.txt`);
    const names = text.split("\n").flatMap((line) => line.trim() || []);
    check(names.length > 0, () => `${path}: ${part}.txt names no file`);
    return names.map((name) => {
      const alike = byName.get(basename(name)) ?? [];
      const named = alike.filter((clip) => `/${clip.name}`.endsWith(`/${name}`));
      const [clip, ...others] = named.length > 0 ? named : alike;
      check(clip !== undefined, () => `${path}: ${part}.txt names ${name}, which is not there`);
      check(
        others.length === 0,
        () => `${path}: ${part}.txt names ${name}, which ${others.length + 1} files are called: say their folders too`,
      );
      const earlier = partOf.get(clip);
      check(earlier === undefined, () => `${path}: ${part}.txt names ${name}, and so does ${earlier}.txt: expected each file once`);
      partOf.set(clip, part);
      return clip;
    });
  });
  return { train, validation, test } as Omit<SoundParts, "sampleRate">;
}

/** The most bytes that a list or an archive may have. */
const mostBytes = 2 ** 30;

/** The texts of the lists of a folder or an archive, by the names of their parts. */
function listsBeside(path: string): Map<string, string> {
  const lists = new Map<string, string>();
  const isArchive = path.endsWith(".tar.gz");
  if (path.endsWith(".wav")) return lists;
  const archive = isArchive ? datasets.readTarGz(files.readIfThere(path, mostBytes) as Uint8Array, { name: path }) : undefined;
  for (const part of partNames) {
    const list = `${part}.txt`;
    const found = archive ? [...archive.keys()].filter((name) => basename(name) === list) : [join(path, list)];
    check(found.length < 2, () => `${path}: it has ${found.join(" and ")}, expected one list of a name`);
    const bytes = found.map((name) => archive?.get(name) ?? files.readIfThere(name, mostBytes))[0];
    if (bytes) lists.set(part, new TextDecoder().decode(bytes));
  }
  return lists;
}

function dividedParts(path: string, clips: readonly Clip[], seed: number): Omit<SoundParts, "sampleRate"> {
  const heldOut = Math.max(1, Math.round(heldOutShare * clips.length));
  check(
    clips.length > 2 * heldOut,
    () =>
      `${path}: ${clips.length} WAV file${clips.length === 1 ? "" : "s"}, expected 3 or more, to train on, to validate by and to test on`,
  );
  const order = Array.from(data.shuffledIndices(clips.length, seed, 0), (place) => clips[place] as Clip);
  return { test: order.slice(0, heldOut), validation: order.slice(heldOut, 2 * heldOut), train: order.slice(2 * heldOut) };
}

/** What a network is conditioned on: the name of each thing, and its classes. */
export type Conditions = readonly { readonly name: string; readonly classes: readonly string[] }[];

/** @param names what the user asks for */
export function conditionsOf(clips: readonly Clip[], names: readonly string[]): Conditions {
  const there = Object.keys(clips[0]?.classes ?? {});
  return names.map((name) => {
    check(there.includes(name), () => `--condition: got ${name}, these sounds have ${there.join(", ")}`);
    return { name, classes: [...new Set(clips.map(({ classes }) => classes[name] as string))].sort() };
  });
}

/** The class of a clip for each condition, as integers. */
export const labelsOf = ({ name: clip, classes }: Pick<Clip, "name" | "classes">, conditions: Conditions): number[] =>
  conditions.map(({ name, classes: all }) => {
    const label = all.indexOf(classes[name] ?? "");
    check(label >= 0, () => `${clip}: its ${name} is ${classes[name]}, expected one that is trained on: ${all.join(", ")}`);
    return label;
  });

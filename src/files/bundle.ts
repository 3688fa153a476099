import { randomUUID } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { LabelEncoder } from "../data/labelEncoder.js";
import { StandardScaler } from "../data/standardScaler.js";
import { Vocabulary } from "../data/vocabulary.js";
import { check } from "../graph/error.js";
import type { StoredTensor } from "../graph/tensor.js";
import { writeAtomically } from "./atomicWrite.js";
import { lockFolder } from "./folderLock.js";
import { readJson } from "./readFile.js";
import { readSafetensors, writeSafetensors } from "./safetensors.js";
import { numbers, parseAs, texts } from "./schema.js";

/** What a server needs of a training: the weights, and what converts inputs to numbers and numbers to answers. */
export interface BundleParts {
  readonly labels?: LabelEncoder;
  readonly scaler?: StandardScaler;
  readonly vocabulary?: Vocabulary;
  /** What is needed to construct the model again, such as its sizes; any value that JSON holds. */
  readonly config?: unknown;
}

/** A bundle as {@link loadBundle} gives it. */
export interface Bundle extends BundleParts {
  /** What `model.loadStateDict` takes. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
}

/** Bytes that `bundle.json` may have, the vocabulary being the most of it. */
const largestFile = 128 * 2 ** 20;

const bundleSchema = z.object({
  format: z.literal("kasane-bundle"),
  version: z.literal(1),
  weights: z.string().regex(/^weights-[0-9a-f-]{36}\.safetensors$/),
  labels: texts.optional(),
  scaler: z.object({ mean: numbers, deviation: numbers }).optional(),
  vocabulary: z.object({ tokens: texts, unknown: z.string().optional() }).optional(),
  config: z.json().optional(),
});

/**
 * Writes a trained model and what belongs to it into a folder. A crash leaves the old bundle or the new one.
 * @param model whose variables are kept
 * @throws KasaneError where the folder cannot be written, another save into it goes on, or the configuration is not what JSON holds
 */
export async function saveBundle(
  folder: string,
  { model, labels, scaler, vocabulary, config }: BundleParts & { readonly model: { stateDict(): Promise<Map<string, StoredTensor>> } },
): Promise<void> {
  const weights = `weights-${randomUUID()}.safetensors`;
  const parts = {
    format: "kasane-bundle",
    version: 1,
    weights,
    labels: labels?.names,
    scaler: scaler && { mean: scaler.mean, deviation: scaler.deviation },
    vocabulary: vocabulary && { tokens: vocabulary.tokens, unknown: vocabulary.unknown },
    config,
  };
  parseAs(bundleSchema, parts, "saveBundle");
  // Two at once would each remove the other's weights.
  const lock = await lockFolder(folder, "bundle.lock");
  try {
    await writeSafetensors(join(folder, weights), await model.stateDict());
    lock.check();
    await writeAtomically(join(folder, "bundle.json"), `${JSON.stringify(parts)}\n`);
    const older = (await readdir(folder)).filter((name) => bundleSchema.shape.weights.safeParse(name).success && name !== weights);
    for (const name of older) await rm(join(folder, name), { force: true });
  } finally {
    lock.release();
  }
}

/**
 * Reads what {@link saveBundle} wrote, without knowing the training that it comes from.
 * @throws KasaneError where the folder holds no bundle, or a damaged one
 */
export async function loadBundle(folder: string): Promise<Bundle> {
  const file = join(folder, "bundle.json");
  const parts = readJson(file, largestFile, "a bundle: save it again");
  check(parts !== undefined, () => `${folder} holds no bundle: there is no bundle.json`);
  const data = parseAs(bundleSchema, parts, `${file} is damaged`);
  const { labels, scaler, vocabulary, config } = data;
  const { tensors } = await readSafetensors(join(folder, data.weights));
  return {
    weights: tensors,
    labels: labels && new LabelEncoder(labels),
    scaler: scaler && new StandardScaler(scaler.mean, scaler.deviation),
    vocabulary: vocabulary && new Vocabulary(vocabulary.tokens, vocabulary.unknown),
    config,
  };
}

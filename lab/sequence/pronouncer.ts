import { type Device, metrics, type models } from "kasane";
import { datasets } from "kasane/node";
import { bucketed, searcher } from "./architectures.js";
import type { Signs } from "./dictionary.js";

/** A way to say a word, and how probable it is under the model. */
export interface Way {
  readonly phonemes: readonly string[];
  readonly probability: number;
}

/** Gives the ways to say each word, from the most probable on. */
export type Pronouncer = (words: readonly string[]) => Promise<readonly (readonly Way[])[]>;

/** The most phonemes of a word with this number of letters. The letters of an abbreviation are spoken one by one. */
export const phonemesAtMost = (letters: number): number => 2 * letters + 8;

/** How many words are written at once. */
const wordsAtOnce = 256;

/**
 * Pronounces words with a model, greedily or by a search with beams.
 * @param widths how many letters words are filled up to, ascending: none may have more than the last
 */
export function pronouncer(
  model: models.SequenceModel,
  { letters, phonemes }: Signs,
  widths: readonly number[],
  device: Device,
  search: { readonly beams?: number; readonly best?: number } = {},
): Pronouncer {
  const find = bucketed(widths, wordsAtOnce, (width) => searcher(model, width, phonemesAtMost(width), device, search));
  return async (words) => {
    const found = await find(words.map((word) => letters.encode([...word])));
    return found.map((ways) =>
      ways.map(({ tokens, logProbability }) => ({ phonemes: phonemes.decode(tokens), probability: Math.exp(logProbability) })),
    );
  };
}

/**
 * How often a pronouncer is wrong, stress aside: any listed pronunciation of a word is right, phonemes are counted against the nearest.
 * Its answer is the most probable pronunciation without stress; the probabilities of ways that differ in stress alone are summed.
 */
export async function errorsOf(pronounce: Pronouncer, words: readonly datasets.Pronounced[]) {
  const said = (await pronounce(words.map(({ word }) => word))).map(mostProbable);
  const references = words.map(({ pronunciations }) => pronunciations.map(datasets.withoutStress));
  return {
    wordErrorRate: metrics.sequenceErrorRate(said, references),
    phonemeErrorRate: metrics.tokenErrorRate(said, references),
  };
}

function mostProbable(ways: readonly Way[]): readonly string[] {
  const together = new Map<string, Way>();
  for (const { phonemes, probability } of ways) {
    const plain = datasets.withoutStress(phonemes);
    const key = plain.join(" ");
    together.set(key, { phonemes: plain, probability: probability + (together.get(key)?.probability ?? 0) });
  }
  return [...together.values()].sort((a, b) => b.probability - a.probability)[0]?.phonemes ?? [];
}

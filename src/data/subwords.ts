import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";

/** Settings of {@link hashedSubwords}. */
export interface SubwordOptions {
  /** The fewest and the most characters of a part, with the marks of the ends. */
  readonly shortest: number;
  readonly longest: number;
  /** The number of buckets. */
  readonly buckets: number;
}

/**
 * The parts of a word, each as its bucket, an integer from 0: all its character n-grams, where `<` and `>` mark its ends, but for the marks by
 * themselves, hashed by FNV-1a over UTF-8 (Bojanowski et al. 2017, Enriching word vectors with subword information).
 * The signed bytes of fastText's hash are kept, so that buckets are those of fastText and gensim.
 */
export function hashedSubwords(word: string, options: SubwordOptions): Int32Array<ArrayBuffer> {
  checkOptions<SubwordOptions>("hashedSubwords", options, { shortest: "required", longest: "required", buckets: "required" });
  const { shortest, longest, buckets } = options;
  check(
    Number.isInteger(shortest) && Number.isInteger(longest) && shortest >= 1 && longest >= shortest,
    () => `hashedSubwords: parts of ${shortest} to ${longest} characters: expected integers from 1 in ascending order`,
  );
  check(Number.isInteger(buckets) && buckets >= 1, () => `hashedSubwords: ${buckets} buckets: expected an integer from 1`);
  const characters = [..."<", ...word, ">"].map((character) => encoder.encode(character));
  const found: number[] = [];
  for (let start = 0; start < characters.length; start++) {
    let hash = 0x811c9dc5;
    for (let end = start; end < Math.min(characters.length, start + longest); end++) {
      for (const byte of characters[end] as Uint8Array) hash = Math.imul(hash ^ ((byte << 24) >> 24), 0x01000193);
      const length = end - start + 1;
      const isMark = length === 1 && (start === 0 || end === characters.length - 1);
      if (length >= shortest && !isMark) found.push((hash >>> 0) % buckets);
    }
  }
  return Int32Array.from(found);
}

const encoder = new TextEncoder();

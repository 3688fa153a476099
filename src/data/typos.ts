import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import { fillUniform } from "../random/uniform.js";
import { isWord } from "./sentences.js";

/** The random stream that typos are drawn from. */
const typoStream = 0x7970;

/** A sentence with mistakes, and where they are. */
export interface CorruptedSentence {
  readonly tokens: readonly string[];
  /** Whether each token is misspelt. */
  readonly misspelt: readonly boolean[];
  /** Whether a word is missing before each token, and, one longer, at the end. */
  readonly missing: readonly boolean[];
}

/** How probable each kind of mistake is. */
export interface TypoOptions {
  /** That a word is misspelt. */
  readonly misspelling: number;
  /** That a word is left out. */
  readonly omission: number;
}

/**
 * Puts mistakes into a sentence: leaves words out, and in others swaps two letters, drops, doubles or replaces one, each as probable.
 * Words of a single letter are left out at most.
 * @param key what the mistakes follow from: the seed, and a number for this sentence
 */
export function corruptSentence(tokens: readonly string[], options: TypoOptions, key: readonly [number, number]): CorruptedSentence {
  checkOptions<TypoOptions>("corruptSentence", options, { misspelling: "required", omission: "required" });
  const { misspelling, omission } = options;
  checkNumbers("corruptSentence", { misspelling, omission, "misspelling + omission": misspelling + omission }, { most: 1 });
  const kept: string[] = [];
  const misspelt: boolean[] = [];
  const missing = [false];
  const uniform = new Float32Array(drawsPerToken * tokens.length);
  fillUniform(uniform, key, typoStream);
  tokens.forEach((token, i) => {
    const draws = uniform.subarray(drawsPerToken * i, drawsPerToken * (i + 1));
    const fate = draws[0] as number;
    if (isWord(token) && fate < omission) {
      // Where two words in a row are left out, there is one gap.
      missing[missing.length - 1] = true;
      return;
    }
    const isWrong = isWord(token) && [...token].length > 1 && fate < omission + misspelling;
    kept.push(isWrong ? misspell([...token], draws) : token);
    misspelt.push(isWrong);
    missing.push(false);
  });
  return { tokens: kept, misspelt, missing };
}

/** What is drawn for a token: whether a mistake is made, its kind, its position, and the letter inserted. */
const drawsPerToken = 4;

const alphabet = "abcdefghijklmnopqrstuvwxyz";

/** A word with one mistake in it, which makes it another. */
function misspell(word: readonly string[], draws: Float32Array): string {
  const pick = <T>(from: readonly T[], draw: number): T => from[Math.floor((draws[draw] as number) * from.length)] as T;
  const kind = pick(["swap", "drop", "double", "replace"] as const, 1);
  const places = [...word.keys()];
  const unequal = places.filter((i) => i > 0 && word[i] !== word[i - 1]);
  const at = pick(kind === "swap" && unequal.length > 0 ? unequal : places, 2);
  const [before, letter, after] = [word.slice(0, at), word[at] as string, word.slice(at + 1)];
  if (kind === "drop") return [...before, ...after].join("");
  if (kind === "double") return [...before, letter, letter, ...after].join("");
  // A word of one letter repeated has no two to swap.
  if (kind === "swap" && unequal.length > 0) return [...before.slice(0, -1), letter, before.at(-1), ...after].join("");
  const others = [...alphabet].filter((other) => other !== letter);
  return [...before, pick(others, 3), ...after].join("");
}

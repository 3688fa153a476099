import { check } from "kasane";
import type { Vocabularies } from "./translation.js";

/** What stands apart after a word, a title whose full stop the corpus leaves out, an abbreviation, a word, a number, a mark. */
const token =
  /'(?:t|s|m|ll|ve|d|re|clock)(?!\p{L})|(?:mr|mrs|ms|dr)(?=\.)\.|(?:\p{L}\.){2,}|\p{L}+(?:-\p{L}+)*|\d+(?:[,.]\d+)*|\.\.\.|[.,?!;:]|''/gu;
const titles = /^(mr|mrs|ms|dr)\.$/;

/** The words of an English text as small_parallel_enja cuts it: in lower case, `can 't` and `i 'm` in two, marks by themselves. */
export function englishTokens(text: string): string[] {
  const plain = text.toLowerCase().replaceAll("’", "'").replaceAll(/["“”]/g, "''");
  return (plain.match(token) ?? []).map((found) => found.replace(titles, "$1"));
}

/** A sentence to translate: its words, their ids, and the words that have no id of their own. */
export interface ReadSentence {
  readonly words: readonly string[];
  readonly source: ArrayLike<number>;
  readonly unknown: readonly string[];
}

/** @throws KasaneError where the text has no words, more than `longest`, or letters of another script */
export function readSentence(text: string, { source: known }: Vocabularies, longest: number): ReadSentence {
  const [foreign] = text.match(/(?!\p{Script=Latin})\p{L}/u) ?? [];
  check(foreign === undefined, () => `predict: got "${text}", expected English: "${foreign}" is no letter of it`);
  const words = englishTokens(text);
  check(words.length > 0, () => `predict: got "${text}", expected a sentence: it has no words`);
  check(
    words.length <= longest,
    () => `predict: got a sentence of ${words.length} words and marks, expected at most ${longest}: the model has learnt from none longer`,
  );
  return { words, source: known.encode(words), unknown: words.filter((word) => !known.has(word)) };
}

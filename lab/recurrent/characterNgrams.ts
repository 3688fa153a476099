import type { Scores } from "./detection.js";

/** The base of the n-grams' numbers: above the number of characters that are distinguished. */
const base = 64;
const alphabet = " abcdefghijklmnopqrstuvwxyz'0.,;:!?()\"\n";
/** From 1, so that n-grams of all lengths have numbers of their own; characters that are not in the alphabet share the last. */
const codes = new Map([...alphabet].map((character, i) => [character, i + 1]));
const otherCode = alphabet.length + 1;
const codesOf = (text: string): number[] => Array.from(text, (character) => codes.get(character) ?? otherCode);

/**
 * How probable each character is after those before it: an n-gram model, smoothed by how many different characters have followed
 * (Witten and Bell 1991, The zero-frequency problem, method C, interpolated with the shorter contexts).
 */
export class CharacterNgrams {
  private readonly counts = new Map<number, number>();
  /** How many different characters have followed a context. */
  private readonly followers = new Map<number, number>();

  /** @param order the characters of an n-gram, at most 5 */
  constructor(readonly order = 5) {}

  /** Counts a text of its own, such as a sentence. */
  add(text: string): void {
    const all = codesOf(text);
    this.counts.set(0, this.count(0) + all.length);
    all.forEach((code, place) => {
      for (const context of this.contextsOf(all, place)) {
        const ngram = context * base + code;
        const count = this.count(ngram);
        this.counts.set(ngram, count + 1);
        if (count === 0) this.followers.set(context, (this.followers.get(context) ?? 0) + 1);
      }
    });
  }

  /** `-ln p` of each character of a text, in nats. */
  surprisals(text: string): number[] {
    const all = codesOf(text);
    return all.map((code, place) => {
      // p(c | h) = (n(hc) + t(h) p(c | h')) / (n(h) + t(h)), where h' is h without its first character
      let p = 1 / otherCode;
      for (const context of this.contextsOf(all, place)) {
        const followers = this.followers.get(context);
        if (followers === undefined) break;
        p = (this.count(context * base + code) + followers * p) / (this.count(context) + followers);
      }
      return -Math.log(p);
    });
  }

  /** The n-grams before a place, from the empty one on. */
  private contextsOf(all: readonly number[], place: number): number[] {
    const contexts = [0];
    for (let length = 1, scale = 1; length < Math.min(this.order, place + 1); length++, scale *= base) {
      contexts.push((contexts[length - 1] as number) + (all[place - length] as number) * scale);
    }
    return contexts;
  }

  private count(ngram: number): number {
    return this.counts.get(ngram) ?? 0;
  }
}

/** A sentence as the n-grams count it, its tokens parted by spaces and ended by a new line. */
export const sentenceText = (tokens: readonly string[]): string => [...tokens, "\n"].join(" ");

/** Characters of a word's beginning that tell how it fits the word before. */
const beginning = 3;

/**
 * Judges a sentence by what surprises an n-gram model: of a misspelt word the most surprising character, the space after it among them;
 * of a missing one the beginning of the word after it. The scores are in nats.
 */
export function surpriseScores(model: CharacterNgrams, tokens: readonly string[]): Scores {
  const surprisals = model.surprisals(sentenceText(tokens));
  let start = 0;
  const parts = [...tokens, "\n"].map((token) => {
    const part = surprisals.slice(start, start + token.length + 1);
    start += token.length + 1;
    return part;
  });
  return {
    misspelt: parts.slice(0, -1).map((part) => Math.max(...part)),
    missing: parts.map((part) => part.slice(0, beginning).reduce((sum, surprisal) => sum + surprisal, 0)),
  };
}

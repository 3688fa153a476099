import { data } from "kasane";
import { describe, expect, it } from "vitest";

const { corruptSentence, isWord, sentencesOf } = data;
const textsOf = (text: string) => [...sentencesOf(text)].map((sentence) => sentence.map((token) => token.text));

describe("sentences", () => {
  it("are parted at marks and empty lines, not at line ends", () => {
    expect(textsOf('He said: "It\nworks!" Is it so? In\n \nthe end')).toEqual([
      ["he", "said", ":", '"', "it", "works", "!"],
      ['"', "is", "it", "so", "?"],
      ["in"],
      ["the", "end"],
    ]);
    expect(textsOf(" \n\n – ")).toEqual([]);
  });

  it("have words with apostrophes, numbers without their digits, and parts of compounds", () => {
    expect(textsOf("Don’t well-made 1,234.5 naïve x2")).toEqual([["don't", "well", "made", "0,000.0", "naïve", "x", "0"]]);
  });

  it("know where their tokens stand", () => {
    const text = "A  Cat; 'tis  one. And…";
    for (const sentence of sentencesOf(text)) {
      for (const { text: token, start, end } of sentence) expect(text.slice(start, end).toLowerCase()).toBe(token);
    }
  });
});

/** The fewest letters put in, left out, changed, or swapped with the next that make `b` of `a` (optimal string alignment). */
function distance(a: string, b: string): number {
  const d = Array.from({ length: a.length + 1 }, (_, i) => Array.from({ length: b.length + 1 }, (_, j) => (i === 0 ? j : j === 0 ? i : 0)));
  const at = (i: number, j: number) => d[i]?.[j] as number;
  for (let i = 1; i <= a.length; i++) {
    for (let j = 1; j <= b.length; j++) {
      const change = at(i - 1, j - 1) + Number(a[i - 1] !== b[j - 1]);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY;
      (d[i] as number[])[j] = Math.min(change, at(i - 1, j) + 1, at(i, j - 1) + 1, swapped);
    }
  }
  return at(a.length, b.length);
}

describe("corruptSentence", () => {
  // No two words are alike, so that a misspelt one can be of one word alone.
  const tokens = "a curious elephant , quietly wandering through ancient forests ; 00 hungry crocodiles waited near muddy rivers .".split(
    " ",
  );
  const options = { misspelling: 0.3, omission: 0.2 };
  const runs = Array.from({ length: 2000 }, (_, i) => corruptSentence(tokens, options, [7, i]));

  it("labels what it does", () => {
    for (const { tokens: kept, misspelt, missing } of runs.slice(0, 300)) {
      const sources = kept.map((token, i) => {
        const fitting = tokens.flatMap((word, place) => (distance(word, token) === Number(misspelt[i]) ? [place] : []));
        expect(fitting).toHaveLength(1);
        return fitting[0] as number;
      });
      const gaps = [...sources, tokens.length].map((place, i, all) => tokens.slice(i === 0 ? 0 : (all[i - 1] as number) + 1, place));
      expect(missing).toEqual(gaps.map(({ length }) => length > 0));
      expect(gaps.flat().every(isWord)).toBe(true);
    }
  });

  it("makes mistakes as often as it is told to, of all kinds", () => {
    const words = tokens.filter(isWord).length * runs.length;
    const long = tokens.filter((token) => isWord(token) && token.length > 1).length * runs.length;
    const total = (pick: (run: (typeof runs)[number]) => number) => runs.reduce((sum, run) => sum + pick(run), 0);
    // Within five standard deviations of a binomial's share.
    const expectShare = (count: number, among: number, share: number) =>
      expect(Math.abs(count / among - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / among));
    expectShare(
      total(({ misspelt }) => misspelt.filter(Boolean).length),
      long,
      0.3,
    );
    expectShare(
      total(({ tokens: kept }) => tokens.length - kept.length),
      words,
      0.2,
    );
    // Dropped, swapped or replaced, doubled: a fourth, a half and a fourth of them.
    const changes = runs.flatMap(({ tokens: kept, misspelt }) =>
      kept.filter((token, i) => misspelt[i] && distance(token, "elephant") === 1),
    );
    for (const [length, share] of [
      [7, 0.25],
      [8, 0.5],
      [9, 0.25],
    ] as const) {
      expectShare(changes.filter((token) => token.length === length).length, changes.length, share);
    }
  });

  it("follows from the key alone", () => {
    expect(corruptSentence(tokens, options, [7, 5])).toEqual(runs[5]);
    expect(corruptSentence(tokens, options, [8, 5])).not.toEqual(runs[5]);
    expect(corruptSentence(tokens, options, [7, 2 ** 40 + 5])).not.toEqual(runs[5]);
    expect(corruptSentence(tokens, { misspelling: 0, omission: 0 }, [7, 5])).toEqual({
      tokens,
      misspelt: tokens.map(() => false),
      missing: [...tokens.map(() => false), false],
    });
  });
});

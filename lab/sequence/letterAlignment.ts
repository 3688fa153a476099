import { logSoftmax, type models, takeAlongAxis, unsqueeze } from "kasane";
import { begin, matrix } from "./architectures.js";

/**
 * How much each phoneme hangs on each letter, `[phonemes][letters]`: by how many nats its logarithmic probability falls where the letter is left
 * out. Letters are left out alone and by twos, of which each has the half: of two equal letters one alone would hardly be missed.
 * Any model can be asked so, whether it has attention or not.
 * @param word, phonemes ids, without marks
 */
export async function letterInfluence(
  model: models.SequenceModel,
  word: readonly number[],
  phonemes: readonly number[],
): Promise<number[][]> {
  const spans = [1, 2].flatMap((length) => word.slice(length - 1).map((_, first) => ({ first, length })));
  // Something must be left.
  const leftOut = spans.filter(({ length }) => length < word.length);
  const sources = [word, ...leftOut.map(({ first, length }) => word.toSpliced(first, length))];
  const rows = (sequence: readonly number[]) =>
    matrix(
      sources.map(() => sequence),
      phonemes.length,
    );
  const logits = model.forward(matrix(sources, word.length), rows([begin, ...phonemes.slice(0, -1)]));
  const values = await takeAlongAxis(logSoftmax(logits), unsqueeze(rows(phonemes), -1)).data();
  return phonemes.map((_, i) => {
    const influence = new Array<number>(word.length).fill(0);
    leftOut.forEach(({ first, length }, row) => {
      const fall = Number(values[i]) - Number(values[(row + 1) * phonemes.length + i]);
      for (let j = first; j < first + length; j++) influence[j] = (influence[j] as number) + Math.max(0, fall) / length;
    });
    return influence;
  });
}

/**
 * Gives every phoneme to a letter so that both keep their order and what the phonemes hang on their letters is greatest together.
 * @param influence `[phonemes][letters]`
 * @returns the place of each phoneme's letter; letters without phonemes are silent
 */
export function alignLetters(influence: readonly (readonly number[])[]): number[] {
  // best[j] = max over the ways that end with the letter j of Σ influence; ways[j] is that way
  let ways: { total: number; places: number[] }[] = (influence[0] ?? []).map(() => ({ total: 0, places: [] }));
  for (const row of influence) {
    let before = ways[0] as (typeof ways)[number];
    ways = row.map((gain, j) => {
      const to = ways[j] as (typeof ways)[number];
      if (to.total > before.total) before = to;
      return { total: before.total + gain, places: [...before.places, j] };
    });
  }
  return ways.reduce((best, way) => (way.total > best.total ? way : best), { total: -1, places: [] }).places;
}

/** Two lines: the letters, and below each the phonemes that it is spoken as, or a dot where it is silent. */
export function drawAligned(letters: readonly string[], phonemes: readonly string[], places: readonly number[]): string {
  const below = letters.map((_, j) => phonemes.filter((_, i) => places[i] === j).join(" ") || "·");
  const widths = letters.map((letter, j) => Math.max(widthOf(letter), widthOf(below[j] as string)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, j) => cell + " ".repeat((widths[j] as number) - widthOf(cell)))
      .join("  ")
      .trimEnd();
  return `${line(letters)}\n${line(below)}`;
}

/** How many places of a terminal a text takes: marks that join two signs, as of an affricate, take none. */
const widthOf = (text: string): number => [...text.replaceAll(/\p{Mark}/gu, "")].length;

import { type models, softmax, takeAlongAxis, unsqueeze } from "kasane";
import { begin, matrix } from "./architectures.js";

/**
 * How much each phoneme hangs on each letter, `[phonemes][letters]`: by how much its probability, after those before it, falls where the letter is
 * left out. Letters are left out alone and by twos, of which each has the half: of two equal letters one alone would hardly be missed.
 * Any model can be asked so, whether it has attention or not.
 * @param word, phonemes ids, without marks
 */
export async function letterInfluence(
  model: models.SequenceModel,
  word: readonly number[],
  phonemes: readonly number[],
): Promise<number[][]> {
  if (phonemes.length === 0) return [];
  const spans = [1, 2].flatMap((length) => word.slice(length - 1).map((_, first) => ({ first, length })));
  // At least one letter must remain.
  const leftOut = spans.filter(({ length }) => length < word.length);
  const sources = [word, ...leftOut.map(({ first, length }) => word.toSpliced(first, length))];
  const rows = (sequence: readonly number[]) =>
    matrix(
      sources.map(() => sequence),
      phonemes.length,
    );
  const logits = model.forward(matrix(sources, word.length), rows([begin, ...phonemes.slice(0, -1)]));
  const values = await takeAlongAxis(softmax(logits), unsqueeze(rows(phonemes), { axis: -1 })).data();
  return phonemes.map((_, i) => {
    const influence = new Array<number>(word.length).fill(0);
    leftOut.forEach(({ first, length }, row) => {
      const fall = Number(values[i]) - Number(values[(row + 1) * phonemes.length + i]);
      for (let j = first; j < first + length; j++) influence[j] = (influence[j] as number) + Math.max(0, fall) / length;
    });
    return influence;
  });
}

/** What it costs to give a letter one more phoneme than one: some have two, most have not. */
const sharing = 0.5;

/**
 * Gives every phoneme to a letter so that both keep their order and what the phonemes hang on their letters, less the cost of letters that have
 * several, is greatest together.
 * @param influence `[phonemes][letters]`
 * @returns the place of each phoneme's letter; letters without phonemes are silent
 */
export function alignLetters(influence: readonly (readonly number[])[]): number[] {
  // best[i, j] = influence[i, j] + max(best[i - 1, j] - sharing, max over k < j of best[i - 1, k]); ways[j] is the way to best[i, j]
  type Way = { readonly total: number; readonly places: readonly number[] };
  const [first = [], ...later] = influence;
  let ways = first.map((gain, j): Way => ({ total: gain, places: [j] }));
  for (const row of later) {
    let before: Way = { total: Number.NEGATIVE_INFINITY, places: [] };
    ways = row.map((gain, j) => {
      const { total, places } = ways[j] as Way;
      const from = total - sharing > before.total ? { total: total - sharing, places } : before;
      if (total > before.total) before = { total, places };
      return { total: from.total + gain, places: [...from.places, j] };
    });
  }
  return [...ways.reduce((best, way) => (way.total > best.total ? way : best), ways[0] ?? { total: 0, places: [] }).places];
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

import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { RandomGenerator } from "../random/generator.js";
import { checkPieces } from "./pieces.js";

/** The random stream of the first epoch, from which words are left out and windows are drawn. */
const stretchStream = 0x77d5;

/** Words of a text one after the other; those in the middle are learnt from together with the words around them. */
export interface WordStretch {
  /** The ids of `window` words before the middle, of the middle, and of `window` words after it. */
  readonly ids: Int32Array<ArrayBuffer>;
  /** The line that each of these words stands in. Words of different lines are no context of each other; below 0 there is no word. */
  readonly lines: Int32Array<ArrayBuffer>;
  /** For each word in the middle, how many words to each side are its context: drawn from 1 to `window`; 0 where there is no word. */
  readonly reach: Uint8Array<ArrayBuffer>;
}

/** Settings of {@link wordStretches}. */
export interface StretchOptions {
  /** The ids of the words that are kept; others are passed over as if they were not there. */
  readonly ids: ReadonlyMap<string, number>;
  /** For each id the probability that the word is kept where it stands: frequent words are left out of many places. */
  readonly keep: ArrayLike<number>;
  /** How many words the middle has. */
  readonly length: number;
  /** The most words to each side that are context, up to 255. */
  readonly window: number;
  readonly seed: number;
  readonly epoch: number;
}

const stretchOptions: OptionNames<StretchOptions> = {
  ids: "required",
  keep: "required",
  length: "required",
  window: "required",
  seed: "required",
  epoch: "required",
};

/** Known words that a line may have; a longer one is taken as several. */
const longestLine = 10_000;

/** What stands between white space; a string is parted at one character several times as fast. */
const wordsOf = (line: string): string[] => line.split(/[^\S ]/.test(line) ? /\s+/ : " ");

/**
 * A text as stretches of words, where every word that is kept is in the middle of one. They follow from the text and the options alone. No more
 * than a piece and a stretch is in memory.
 * @param pieces of the text, which end where words end
 */
export async function* wordStretches(
  pieces: AsyncIterable<string> | Iterable<string>,
  options: StretchOptions,
): AsyncGenerator<WordStretch> {
  checkOptions("wordStretches", options, stretchOptions);
  const { ids, keep, length, window, seed, epoch } = options;
  check(
    Number.isInteger(window) && window >= 1 && window <= 255 && Number.isInteger(length) && length >= 1,
    () => `wordStretches: a window of ${window} in stretches of ${length} words: expected integers, 1 to 255 and from 1`,
  );
  checkPieces("wordStretches", pieces);
  const most = [...ids.values()].reduce((a, b) => Math.max(a, b), -1);
  check(keep.length > most, () => `wordStretches: keep has ${keep.length} probabilities, expected one for each id to ${most}`);
  const random = new RandomGenerator(undefined, seed, stretchStream + epoch);
  const size = length + 2 * window;
  let words = new Int32Array(size);
  let lines = new Int32Array(size).fill(-1);
  let filled = window;
  const take = (): WordStretch => {
    lines.fill(-1, filled);
    const reach = new Uint8Array(length);
    for (let i = 0; i < length; i++) if ((lines[window + i] as number) >= 0) reach[i] = 1 + random.integer(window);
    const stretch = { ids: words, lines, reach };
    // The next one begins with the end of this one.
    words = new Int32Array(size);
    lines = new Int32Array(size);
    words.set(stretch.ids.subarray(length));
    lines.set(stretch.lines.subarray(length));
    filled = Math.max(window, filled - length);
    return stretch;
  };
  let line = 0;
  let inLine = 0;
  for await (const piece of pieces) {
    const parts = piece.split("\n");
    for (let i = 0; i < parts.length; i++) {
      for (const word of wordsOf(parts[i] as string)) {
        const id = ids.get(word);
        if (id === undefined) continue;
        if (++inLine > longestLine) [line, inLine] = [line + 1, 1];
        if (random.uniform() >= (keep[id] as number)) continue;
        words[filled] = id;
        lines[filled++] = line;
        if (filled === size) yield take();
      }
      if (i < parts.length - 1) [line, inLine] = [line + 1, 0];
    }
  }
  while (filled > window) yield take();
}

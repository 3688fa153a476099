import { check, data } from "kasane";
import { datasets } from "kasane/node";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import * as option from "../options.js";

/** A text in pieces that end where words end; each call reads it from the start. */
export type Texts = () => AsyncIterable<string> | Iterable<string>;

/** The file of `un-debates`: speeches in the General Assembly of the United Nations, a part of a speech a line, lower case, a to z alone. */
const debates = "un-debates-17m.txt.gz";

/** `--corpus` of word vectors. */
export const corpus = (): z.ZodString =>
  option.path(
    z
      .string()
      .min(1)
      .describe(
        `un-debates (${debates} of --data), wikitext-2, or text files: one (.gz or not), a folder of .txt files or a pattern; words are what stands between spaces`,
      ),
    ...["un-debates", "wikitext-2"],
  );

/** @param source as {@link corpus} describes it */
export async function openTexts(context: PredictContext, source: string): Promise<Texts> {
  if (source === "wikitext-2") {
    const files = await context.dataset(datasets.wikiText2);
    const text = new TextDecoder().decode(files.get("train.txt"));
    return () => [text];
  }
  const found = source === "un-debates" ? [context.dataFile(debates)] : datasets.findTextFiles(source);
  return () => datasets.readTexts(found);
}

/** The words of a text that occur often enough, and how often each does. */
export interface CountedWords {
  /** From the most to the least frequent. */
  readonly vocabulary: data.Vocabulary;
  /** By the id of each word. */
  readonly counts: readonly number[];
}

/** Reads a text once, in memory for its different words alone. */
export async function countWords(texts: Texts, minimumCount: number): Promise<CountedWords> {
  const counts = new Map<string, number>();
  for await (const piece of texts()) {
    for (const word of piece.split(/\s+/)) {
      if (word === "") continue;
      const count = counts.get(word);
      // A copy: a part of a string would keep the whole string in memory.
      counts.set(count === undefined ? Buffer.from(word).toString() : word, (count ?? 0) + 1);
    }
  }
  const vocabulary = data.Vocabulary.ofCounts(counts, { minimumCount, specials: [] });
  check(
    vocabulary.size > 1,
    () => `--corpus: ${counts.size} different words, ${vocabulary.size} of them ${minimumCount} times or more: lower --minimum-count`,
  );
  return { vocabulary, counts: vocabulary.tokens.map((word) => counts.get(word) as number) };
}

/** The probability that a word is kept where it stands, by its share of the text: `min(1, √(t/f) + t/f)`, as in the authors' program; 1 for a threshold of 0. */
export function keepingOf(counts: readonly number[], threshold: number): Float64Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return Float64Array.from(counts, (count) => {
    const ratio = (threshold * total) / count;
    return threshold === 0 ? 1 : Math.min(1, Math.sqrt(ratio) + ratio);
  });
}

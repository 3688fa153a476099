import { check, data } from "kasane";
import { datasets } from "kasane/node";
import type { Context } from "../context.js";

/** The least and the most tokens of the sentences that are read. */
const shortestSentence = 5;
export const longestSentence = 31;

/** Sentences as tokens. */
export type Sentences = readonly (readonly string[])[];

/** Texts that a network learns from, that thresholds are chosen by, and that it is tested on. */
export interface Texts {
  readonly train: Sentences;
  readonly valid: Sentences;
  readonly test: Sentences;
}

/**
 * Reads WikiText-2, or a corpus of one's own, the last tenth of which is held out.
 * @param options.sentences so many are trained on, at most
 */
export async function readSentences(
  context: Context,
  { corpus, sentences }: { readonly corpus?: string | undefined; readonly sentences: number },
): Promise<Texts> {
  const texts = corpus === undefined ? await readWikiText(context) : await readCorpus(corpus, sentences);
  const { train, valid, test } = texts;
  check(
    Math.min(train.length, valid.length, test.length) > 0,
    () =>
      `--corpus: ${corpus} has too few sentences of ${shortestSentence} to ${longestSentence} words: ` +
      `${train.length} to train on, ${valid.length} and ${test.length} to be held out`,
  );
  return { ...texts, train: train.slice(0, sentences) };
}

function* usableSentences(text: string): Generator<readonly string[]> {
  for (const sentence of data.sentencesOf(text)) {
    if (sentence.length >= shortestSentence && sentence.length <= longestSentence) yield sentence.map((token) => token.text);
  }
}

async function readWikiText(context: Context): Promise<Texts> {
  const files = await context.dataset(datasets.wikiText2);
  const sentences = (part: string) => {
    const text = new TextDecoder().decode(files.get(`${part}.txt`));
    // As it was before it was tokenised, without the headings.
    const plain = text
      .replaceAll(/^ =.*= $/gm, "")
      .replaceAll(/ @(.)@ /g, "$1")
      .replaceAll(/ '(s|t|re|m|ve|ll|d) /g, "'$1 ");
    return [...usableSentences(plain)];
  };
  // What stands for rare words does no harm to learn from, but no text to be judged has it.
  const whole = (part: string) => sentences(part).filter((tokens) => !tokens.includes("<unk>"));
  return { train: sentences("train"), valid: whole("valid"), test: whole("test") };
}

async function readCorpus(corpus: string, most: number): Promise<Texts> {
  const all: (readonly string[])[] = [];
  const needed = Math.ceil(most / 0.9);
  for await (const text of datasets.readTexts(datasets.findTextFiles(corpus))) {
    for (const sentence of usableSentences(text)) all.push(sentence);
    if (all.length >= needed) break;
  }
  const held = Math.floor(Math.min(all.length, needed) / 20);
  const end = Math.min(all.length, needed);
  return { train: all.slice(0, end - 2 * held), valid: all.slice(end - 2 * held, end - held), test: all.slice(end - held, end) };
}

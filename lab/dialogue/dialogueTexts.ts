import { check, data } from "kasane";
import { datasets, files } from "kasane/node";
import type { Context, PredictContext } from "../context.js";

/** What stands for padding, for unknown words, and for the end of an utterance; the first of the vocabulary. */
const specials = ["<PAD>", "<unk>", "<eou>"];
export const [padding, unknown, end] = specials.map((_, id) => id) as [number, number, number];

/** The utterances of a dialogue, each as its words. */
export type Dialogue = readonly (readonly string[])[];

const parts = ["train", "validation", "test"] as const;
type Parts<Value> = Readonly<Record<(typeof parts)[number], Value>>;

/** A dialogue as ids: its utterances one after the other, each with its end mark, and the places of these. */
export interface DialogueIds {
  readonly words: Int32Array<ArrayBuffer>;
  readonly ends: Int32Array<ArrayBuffer>;
}

/** Dialogues to train on, to choose by and to test on. */
export interface DialogueCorpus extends Parts<readonly DialogueIds[]> {
  readonly vocabulary: data.Vocabulary;
}

const letters = "\\p{L}[\\p{L}\\p{M}]*";
/** A word with its hyphens and apostrophes, a number, or one mark. */
const word = new RegExp(`${letters}(?:[-']${letters})*|\\d+(?:[.,:]\\d+)*|[^\\s\\p{L}\\d]`, "gu");

/** The words, numbers and marks of a text in lower case. `Let ' s` is read as `let's`. */
export const wordsOf = (text: string): string[] =>
  text
    .toLowerCase()
    .replaceAll("’", "'")
    .replaceAll(/(?<=\p{L})\s*'\s*(?=(?:s|t|m|d|ll|re|ve)(?!\p{L}))/gu, "'")
    .match(word) ?? [];

/** An utterance as people write it, of its words. */
export function sentenceOf(words: readonly string[]): string {
  const joined = words.join(" ").replaceAll(/ (?=[.,!?;:)])/g, "");
  return joined.replaceAll(/(?:^|[.!?] )\p{L}|\bi\b/gu, (found) => found.toUpperCase());
}

/**
 * The dialogues of DailyDialog (Li et al. 2017): files `dialogues_PART.txt`, one dialogue a line, each utterance ended by `__eou__`.
 * @param path the folder, or a `.tar.gz` of it
 * @throws KasaneError where a file is missing, or a line is no dialogue
 */
export function readDialogues(path: string): Parts<Dialogue[]> {
  const bytes = datasets.readFiles(path);
  const part = (name: string): Dialogue[] => {
    const file = `dialogues_${name}.txt`;
    const text = bytes.get(file);
    check(text !== undefined, () => `${path}: ${file} is missing`);
    const lines = new TextDecoder().decode(text).trimEnd().split(/\r?\n/);
    return lines.map((line, i) => {
      const utterances = line.split("__eou__").map(wordsOf);
      // Nothing stands after the last mark.
      check(utterances.length > 1 && utterances.at(-1)?.length === 0, () => `${path}: line ${i + 1} of ${file} does not end with __eou__`);
      return utterances.slice(0, -1).filter((words) => words.length > 0);
    });
  };
  return { train: part("train"), validation: part("validation"), test: part("test") };
}

/** Dialogues without those that occur in `others`, and without repetitions; how many of each were dropped. */
export function withoutRepetitions(dialogues: readonly Dialogue[], others: readonly Dialogue[]) {
  const keyOf = (dialogue: Dialogue) => dialogue.map((words) => words.join(" ")).join("\n");
  const held = new Set(others.map(keyOf));
  const seen = new Set<string>();
  const kept = dialogues.filter((dialogue) => {
    const key = keyOf(dialogue);
    const isNew = !held.has(key) && !seen.has(key);
    if (!held.has(key)) seen.add(key);
    return isNew;
  });
  const shared = dialogues.filter((dialogue) => held.has(keyOf(dialogue))).length;
  return { kept, shared, repeated: dialogues.length - kept.length - shared };
}

/** A dialogue in ids, as far as whole utterances go within `longest` words and marks, and at least its first utterance's beginning. */
export function idsOf(dialogue: Dialogue, vocabulary: data.Vocabulary, longest = Number.POSITIVE_INFINITY): DialogueIds {
  const words: number[] = [];
  const ends: number[] = [];
  for (const utterance of dialogue) {
    if (words.length + utterance.length + 1 > longest && ends.length > 0) break;
    words.push(...vocabulary.encode(utterance.slice(0, longest - 1)), end);
    ends.push(words.length - 1);
  }
  return { words: Int32Array.from(words), ends: Int32Array.from(ends) };
}

/** Which dialogues are read, and what of them. */
export interface CorpusOptions {
  /** The most frequent words of the training dialogues that have an id. */
  readonly vocabulary: number;
  /** What a dialogue that is trained on is cut to, in words and marks. The others are read whole. */
  readonly longest: number;
}

/** Reads DailyDialog, and says what was dropped. */
export function readCorpus(context: Context, { vocabulary: size, longest }: CorpusOptions): DialogueCorpus {
  const all = readDialogues(context.dataFile("dailydialog.tar.gz"));
  const { kept, shared, repeated } = withoutRepetitions(all.train, [...all.validation, ...all.test]);
  const counts = new Map<string, number>();
  for (const token of kept.flat(2)) counts.set(token, (counts.get(token) ?? 0) + 1);
  const ranked = data.Vocabulary.ofCounts(counts, { specials }).tokens;
  const vocabulary = new data.Vocabulary(ranked.slice(0, specials.length + size));
  const corpus = {
    vocabulary,
    train: kept.map((dialogue) => idsOf(dialogue, vocabulary, longest)),
    validation: all.validation.map((dialogue) => idsOf(dialogue, vocabulary)),
    test: all.test.map((dialogue) => idsOf(dialogue, vocabulary)),
  };
  const tokens = (part: readonly DialogueIds[]) => part.reduce((sum, { words }) => sum + words.length, 0);
  context.print(
    `${all.train.length} training dialogues, less ${repeated} that repeat one and ${shared} that are in validation or test: ${kept.length}; ` +
      `${tokens(corpus.train)} words and marks to train on, ${tokens(corpus.validation)} for validation, ${tokens(corpus.test)} to test; ` +
      `vocabulary ${vocabulary.size}`,
    { event: "data", repeated, shared, kept: kept.length, words: tokens(corpus.train), vocabulary: vocabulary.size },
  );
  return corpus;
}

const wordsFile = "words.json";

/** Leaves the vocabulary in the run folder, for predictions. */
export const saveWords = ({ folder }: Context, vocabulary: data.Vocabulary): Promise<void> =>
  files.saveVocabulary(folder.file(wordsFile), vocabulary);

export const loadWords = ({ folder }: PredictContext): data.Vocabulary => files.loadVocabulary(folder.file(wordsFile));

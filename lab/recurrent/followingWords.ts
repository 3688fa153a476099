import { check, compile, type data, softmax, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context, PredictContext } from "../context.js";
import { type LanguageModel, Readers } from "./languageModel.js";

const vocabularyFile = "vocabulary.json";

/** The marks that a vocabulary of {@link followingWords} begins with. */
export const textMarks = ["<unk>", "<eos>"] as const;
const [unknown, endOfSentence] = textMarks;

/** Leaves the words in the run folder, for predictions. */
export const saveWords = ({ folder }: Context, vocabulary: data.Vocabulary): Promise<void> =>
  files.saveVocabulary(folder.file(vocabularyFile), vocabulary);

export const loadWords = ({ folder }: PredictContext): data.Vocabulary => files.loadVocabulary(folder.file(vocabularyFile), unknown);

/** What `kasane predict` takes of an experiment with a language model. */
export const wordQuestion = {
  text: 'words, such as "the company said"',
  options: z.object({ best: z.int().min(1).max(100).default(10).describe("words that are shown, the most probable first") }),
};

/** A word that may follow. */
export interface Following {
  readonly word: string;
  readonly probability: number;
}

/** The words of a text as the Penn Treebank has them, read from the beginning of a sentence on; those it lacks are read as `<unk>`, and said. */
export function readWords(context: PredictContext, vocabulary: data.Vocabulary, text: string): Int32Array<ArrayBuffer> {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== "");
  check(words.length > 0, () => `predict: got "${text}", expected ${wordQuestion.text}`);
  const strange = words.filter((word) => !vocabulary.has(word));
  if (strange.length > 0) context.print(`not in the vocabulary, read as ${unknown}: ${strange.join(", ")}`);
  return vocabulary.encode([endOfSentence, ...words]);
}

/** The `best` words that most probably follow, from the most probable on. */
export async function followingWords(
  model: LanguageModel,
  ids: Int32Array<ArrayBuffer>,
  { vocabulary, best, device }: { vocabulary: data.Vocabulary; best: number; device: PredictContext["device"] },
): Promise<Following[]> {
  const readers = new Readers(model, 1);
  const predict = compile((words: Tensor) => softmax(model.logits(model.forward(words, readers))), { device });
  // [words, vocabulary]
  const probabilities = (await (await predict(tensor(ids, { shape: [ids.length, 1] }))).data()).slice(-vocabulary.size);
  const ranked = vocabulary.tokens.map((word, id) => ({ word, probability: Number(probabilities[id]) }));
  return ranked.sort((a, b) => b.probability - a.probability).slice(0, best);
}

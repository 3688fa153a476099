import { compile, type data, KasaneError, matmul, metrics, type Tensor, tensor, topK } from "kasane";
import { datasets } from "kasane/node";
import type { Context } from "../context.js";
import type { WordVectors } from "./wordVectors.js";

/** What word vectors are judged by. */
export interface WordFigures {
  /** Shares of right answers to analogies: of all, of those about what words mean, and of those about grammar. */
  readonly analogies: number;
  readonly semantic: number;
  readonly syntactic: number;
  /** Questions whose four words are in the vocabulary. */
  readonly covered: number;
  readonly asked: number;
  /** Rank correlations with what people think. */
  readonly wordSim353: number;
  readonly simLex999: number;
}

/** Words are compared without regard to upper and lower case: of several in the vocabulary that differ in it alone, the most frequent counts. */
function idsOf(vocabulary: data.Vocabulary): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  vocabulary.tokens.forEach((word, id) => {
    const key = word.toLowerCase();
    if (!ids.has(key)) ids.set(key, id);
  });
  return ids;
}

/** Questions that are answered at once. */
const questionsAtOnce = 256;

/**
 * The files of the tests.
 * @throws KasaneError where they are not found, nor can be downloaded
 */
export async function readWordTests(context: Context): Promise<Map<string, Uint8Array>> {
  try {
    return await context.dataset(datasets.wordTests);
  } catch (error) {
    if (!(error instanceof KasaneError)) throw error;
    throw new KasaneError(`${error.message}; or leave the tests out with --no-tests`, { cause: error });
  }
}

/**
 * The analogies, WordSim-353 and SimLex-999. Questions and pairs with a word outside the vocabulary do not count.
 * @param files of {@link readWordTests}
 */
export async function testWords(files: ReadonlyMap<string, Uint8Array>, vectors: WordVectors): Promise<WordFigures> {
  const ids = idsOf(vectors.vocabulary);
  const right = { semantic: 0, syntactic: 0 };
  const known = { semantic: 0, syntactic: 0 };
  let asked = 0;
  for (const { isSyntactic, questions } of datasets.readAnalogies(files)) {
    const answerable = questions.map((words) => words.map((word) => ids.get(word.toLowerCase()))).filter(isKnown);
    const answers = await answersTo(vectors, answerable, ids);
    const kind = isSyntactic ? "syntactic" : "semantic";
    asked += questions.length;
    known[kind] += answerable.length;
    right[kind] += answerable.filter((words, i) => answers[i] === words[3]).length;
  }
  const similarity = (file: string) => correlationOf(vectors, ids, datasets.readSimilarities(files, file));
  const covered = known.semantic + known.syntactic;
  return {
    analogies: (right.semantic + right.syntactic) / Math.max(1, covered),
    semantic: right.semantic / Math.max(1, known.semantic),
    syntactic: right.syntactic / Math.max(1, known.syntactic),
    covered,
    asked,
    wordSim353: similarity("wordsim353.tsv"),
    simLex999: similarity("simlex999.tsv"),
  };
}

const isKnown = (words: readonly (number | undefined)[]): words is number[] => words.every((word) => word !== undefined);

/** The word nearest to b - a + c for each question, other than these three (Mikolov et al. 2013, Linguistic regularities, section 4). */
async function answersTo(
  { directions: values, size }: WordVectors,
  questions: readonly number[][],
  ids: ReadonlyMap<string, number>,
): Promise<number[]> {
  if (questions.length === 0) return [];
  // Of words that differ in case alone one can be an answer.
  const candidates = [...ids.values()];
  const table = tensor(gathered(values, size, candidates), { shape: [candidates.length, size] });
  const near = compile((sought: Tensor, rows: Tensor) => topK(matmul(sought, rows.transpose()), Math.min(4, candidates.length)).indices);
  const answers: number[] = [];
  for (let start = 0; start < questions.length; start += questionsAtOnce) {
    const part = questions.slice(start, start + questionsAtOnce);
    const sought = new Float32Array(questionsAtOnce * size);
    part.forEach(([a, b, c], row) => {
      for (let i = 0; i < size; i++) {
        const at = (word: number | undefined) => values[(word as number) * size + i] as number;
        sought[row * size + i] = at(b) - at(a) + at(c);
      }
    });
    const found = await (await near(tensor(sought, { shape: [questionsAtOnce, size] }), table)).data();
    const width = found.length / questionsAtOnce;
    part.forEach((words, row) => {
      const best = Array.from({ length: width }, (_, i) => candidates[Number(found[row * width + i])] as number);
      answers.push(best.find((word) => !words.slice(0, 3).includes(word)) ?? -1);
    });
  }
  return answers;
}

/** Some rows one after the other. */
function gathered(values: Float32Array, size: number, rows: readonly number[]): Float32Array<ArrayBuffer> {
  const result = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    result.set(values.subarray(row * size, (row + 1) * size), i * size);
  });
  return result;
}

/** How the cosines of pairs of words agree in rank with the scores that people gave; 0 where fewer than two pairs are known. */
function correlationOf(
  { directions: values, size }: WordVectors,
  ids: ReadonlyMap<string, number>,
  pairs: readonly datasets.SimilarPair[],
): number {
  const known = pairs.flatMap(({ words, score }) => {
    const [a, b] = words.map((word) => ids.get(word.toLowerCase()));
    return a === undefined || b === undefined ? [] : [{ cosine: dot(values, size, a, b), score }];
  });
  if (known.length < 2) return 0;
  return metrics.spearman(
    known.map(({ cosine }) => cosine),
    known.map(({ score }) => score),
  );
}

function dot(values: Float32Array, size: number, a: number, b: number): number {
  let sum = 0;
  for (let i = 0; i < size; i++) sum += (values[a * size + i] as number) * (values[b * size + i] as number);
  return sum;
}

import { check } from "../graph/error.js";
import type { Dataset } from "./dataset.js";
import { linesOf } from "./lines.js";

const gensim = "https://raw.githubusercontent.com/piskvorky/gensim/develop/gensim/test/test_data";

/**
 * Tests of word vectors: analogies (Mikolov et al. 2013, Efficient estimation of word representations in vector space), WordSim-353 (Finkelstein
 * et al. 2002, Placing search in context) and SimLex-999 (Hill et al. 2015).
 */
export const wordTests: Dataset = {
  name: "word-eval",
  title: "Tests of word vectors",
  files: {
    "questions-words.txt": {
      url: "https://raw.githubusercontent.com/dav/word2vec/master/data/questions-words.txt",
      sha256: "8c29b3332afc46f3fb8be04cb5297bf96f39aa7131272dff57869b4485b22a36",
    },
    "wordsim353.tsv": {
      url: `${gensim}/wordsim353.tsv`,
      sha256: "f92a022fc2537793a15bc3a8c162ebcd74990e033a228bb6388cb71e4c0b1e1d",
    },
    "simlex999.tsv": {
      url: `${gensim}/simlex999.txt`,
      sha256: "d5e0501971478a511430ee880bd0121e94ac701ba86d90544d83e6d2ba3db05d",
    },
  },
};

/** Questions of one kind: `a` is to `b` as `c` is to `d`, which is asked for. */
export interface AnalogyGroup {
  readonly name: string;
  /** Whether it is about grammar, such as "good better bad worse"; else about what words mean. */
  readonly isSyntactic: boolean;
  readonly questions: readonly (readonly [a: string, b: string, c: string, d: string])[];
}

/**
 * The groups of a file of analogies: lines `: name`, each followed by questions of four words a line. Names of groups about grammar begin with `gram`.
 * @throws KasaneError where a line is neither
 */
export function readAnalogies(files: ReadonlyMap<string, Uint8Array>, file = "questions-words.txt"): AnalogyGroup[] {
  const groups: { name: string; isSyntactic: boolean; questions: [string, string, string, string][] }[] = [];
  linesOf(files, file).forEach((line, i) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === ":") {
      const name = words.slice(1).join(" ");
      groups.push({ name, isSyntactic: name.startsWith("gram"), questions: [] });
      return;
    }
    const group = groups.at(-1);
    check(
      group !== undefined && words.length === 4,
      () => `${file}: line ${i + 1} has ${words.length} words: expected a group, ": name", then 4 words`,
    );
    group.questions.push(words as [string, string, string, string]);
  });
  return groups;
}

/** Two words, and how alike people find them. */
export interface SimilarPair {
  readonly words: readonly [string, string];
  readonly score: number;
}

/**
 * The pairs of a file of similarities: two words and a score with tabs between them; lines with `#` first are comments.
 * @throws KasaneError where a line is neither
 */
export function readSimilarities(files: ReadonlyMap<string, Uint8Array>, file: string): SimilarPair[] {
  return linesOf(files, file).flatMap((line, i) => {
    if (line.startsWith("#")) return [];
    const [first, second, score, ...rest] = line.split("\t");
    check(
      first !== undefined && second !== undefined && score?.trim() !== "" && Number.isFinite(Number(score)) && rest.length === 0,
      () => `${file}: line ${i + 1} is not two words and a score with tabs between them`,
    );
    return [{ words: [first, second] as const, score: Number(score) }];
  });
}

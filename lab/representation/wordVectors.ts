import { check, closestName, data, type models } from "kasane";
import { files } from "kasane/node";
import type { Context, PredictContext } from "../context.js";
import { principalComponents } from "../generative/principalComponents.js";
import { drawScatter } from "../plot/scatter.js";

/** The fewest and the most characters of a part of a word. */
const parts = { shortest: 3, longest: 6 } as const;

/** The rows of the table that each word is made of: its own, and those of its parts, in buckets that follow the rows of the words. */
export const rowsOfWords = (vocabulary: data.Vocabulary, buckets: number): Int32Array[] =>
  vocabulary.tokens.map((word, id) => Int32Array.from([id, ...rowsOfParts(word, vocabulary, buckets)]));

const rowsOfParts = (word: string, { size }: data.Vocabulary, buckets: number): Int32Array =>
  data.hashedSubwords(word, { ...parts, buckets }).map((bucket) => size + bucket);

/** The vectors of a vocabulary's words, and of others where words are made of parts. */
export class WordVectors {
  /** `vocabulary.size * size` numbers, a row for each id. */
  readonly values: Float32Array;
  /** The same with every row scaled to length 1. */
  readonly directions: Float32Array;

  /** @param buckets to which parts of words are hashed; 0 where words have no parts */
  static async of(model: models.Word2vec, vocabulary: data.Vocabulary, buckets: number): Promise<WordVectors> {
    const table = (await model.input.weight.data()) as Float32Array;
    return new WordVectors(table, model.input.size, vocabulary, buckets);
  }

  private constructor(
    private readonly table: Float32Array,
    readonly size: number,
    readonly vocabulary: data.Vocabulary,
    private readonly buckets: number,
  ) {
    this.values = table.slice(0, vocabulary.size * size);
    if (buckets > 0) {
      rowsOfWords(vocabulary, buckets).forEach((rows, id) => {
        this.values.set(this.meanOf(rows), id * size);
      });
    }
    this.directions = this.values.slice();
    for (let id = 0; id < vocabulary.size; id++) normalise(this.directions.subarray(id * size, (id + 1) * size));
  }

  /** The direction of a word; undefined where it is unknown and has no parts. */
  directionOf(word: string): Float32Array | undefined {
    const { vocabulary, buckets, size } = this;
    if (vocabulary.has(word)) return this.directions.subarray(vocabulary.id(word) * size, (vocabulary.id(word) + 1) * size);
    const rows = buckets > 0 ? rowsOfParts(word, vocabulary, buckets) : new Int32Array();
    return rows.length > 0 ? normalise(this.meanOf(rows)) : undefined;
  }

  /** The words whose directions are nearest to one by the cosine, the nearest first, without those left out. */
  nearest(sought: Float32Array, count: number, leftOut: readonly string[] = []): { readonly word: string; readonly cosine: number }[] {
    const { vocabulary, size, directions } = this;
    const direction = normalise(sought.slice());
    const found = vocabulary.tokens.map((word, id) => {
      let cosine = 0;
      for (let i = 0; i < size; i++) cosine += (directions[id * size + i] as number) * (direction[i] as number);
      return { word, cosine };
    });
    return found
      .filter(({ word }) => !leftOut.includes(word))
      .sort((a, b) => b.cosine - a.cosine)
      .slice(0, count);
  }

  private meanOf(rows: Int32Array): Float32Array {
    const { size, table } = this;
    const mean = new Float32Array(size);
    for (const row of rows) for (let i = 0; i < size; i++) mean[i] = (mean[i] as number) + (table[row * size + i] as number) / rows.length;
    return mean;
  }
}

/** Scales a vector to length 1 in its place; one of zeros stays. */
function normalise(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0)) || 1;
  for (let i = 0; i < vector.length; i++) vector[i] = (vector[i] as number) / length;
  return vector;
}

/** A sum of words, some with a minus before them: `king - man + woman`. Signs stand apart from words. */
export function expressionOf(text: string): { readonly word: string; readonly sign: 1 | -1 }[] {
  const tokens = text.trim().split(/\s+/);
  const terms: { word: string; sign: 1 | -1 }[] = [];
  let sign: 1 | -1 | undefined = 1;
  for (const token of tokens) {
    if (token === "+" || token === "-") {
      check(sign === undefined || (terms.length === 0 && sign === 1), () => `predict: "${text}": a word is missing before ${token}`);
      sign = token === "+" ? 1 : -1;
      continue;
    }
    check(
      sign !== undefined && token !== "",
      () => `predict: "${text}": expected words with + or - between them, such as "king - man + woman"`,
    );
    terms.push({ word: token, sign });
    sign = undefined;
  }
  check(sign === undefined, () => `predict: "${text}": expected a word at the end`);
  return terms;
}

/**
 * The sum of the directions of words.
 * @throws KasaneError naming a word that is unknown
 */
export function sumOf(vectors: WordVectors, terms: readonly { readonly word: string; readonly sign: 1 | -1 }[]): Float32Array {
  const sum = new Float32Array(vectors.size);
  for (const { word, sign } of terms) {
    const direction = vectors.directionOf(word);
    const near = direction ? undefined : closestName(word, vectors.vocabulary.tokens.slice(0, 20_000));
    check(direction !== undefined, () => `predict: "${word}" is not in the vocabulary${near ? `: did you mean ${near}?` : ""}`);
    for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + sign * (direction[i] as number);
  }
  return sum;
}

/** Words that TensorBoard's projector is given. */
const projected = 10_000;

/** Rows that are written at a time. */
const rowsAtOnce = 1000;

/**
 * Leaves the vectors in the run folder: `vectors.txt` in word2vec's text format, and for TensorBoard's projector those of the most frequent words.
 */
export async function saveVectors({ folder }: PredictContext, { values, size, vocabulary }: WordVectors): Promise<void> {
  const { tokens } = vocabulary;
  const rows = function* (count: number, lineOf: (word: string, numbers: string[]) => string) {
    for (let start = 0; start < count; start += rowsAtOnce) {
      const part = tokens.slice(start, Math.min(count, start + rowsAtOnce));
      yield part.map((word, i) => lineOf(word, numbersOf(values.subarray((start + i) * size, (start + i + 1) * size)))).join("");
    }
  };
  const write = (name: string, texts: Iterable<string>, heading = "") =>
    files.writeAtomically(folder.file(name), async (handle) => {
      await handle.write(heading);
      for (const text of texts) await handle.write(text);
    });
  await write(
    "vectors.txt",
    rows(tokens.length, (word, numbers) => `${word} ${numbers.join(" ")}\n`),
    `${tokens.length} ${size}\n`,
  );
  await write(
    "projector.tsv",
    rows(Math.min(projected, tokens.length), (_, numbers) => `${numbers.join("\t")}\n`),
  );
  await write("projector-words.tsv", [
    tokens
      .slice(0, projected)
      .map((word) => `${word}\n`)
      .join(""),
  ]);
  const config = 'embeddings {\n  tensor_name: "words"\n  tensor_path: "projector.tsv"\n  metadata_path: "projector-words.tsv"\n}\n';
  await files.writeAtomically(folder.file("projector_config.pbtxt"), config);
}

/** Seven digits, which is what a float32 has. */
const numbersOf = (vector: Float32Array): string[] => Array.from(vector, (value) => String(Number(value.toPrecision(7))));

/** Draws words of the vocabulary in the plane in which their directions vary most. */
export async function drawMap(context: Context, vectors: WordVectors, words: readonly string[]): Promise<void> {
  const known = words.filter((word) => vectors.vocabulary.has(word));
  if (known.length < 3) return;
  const { size } = vectors;
  const rows = known.map((word) => vectors.directionOf(word) as Float32Array);
  const mean = Float64Array.from({ length: size }, (_, i) => rows.reduce((sum, row) => sum + (row[i] as number), 0) / rows.length);
  const centred = rows.map((row) => Float64Array.from(row, (value, i) => value - (mean[i] as number)));
  const covariance = new Float64Array(size * size);
  for (const row of centred) {
    for (let i = 0; i < size; i++)
      for (let j = 0; j < size; j++)
        covariance[i * size + j] = (covariance[i * size + j] as number) + (row[i] as number) * (row[j] as number);
  }
  const [first, second] = principalComponents(covariance, size, Math.min(2, size)).directions;
  const along = (row: Float64Array, direction: Float64Array | undefined) =>
    row.reduce((sum, value, i) => sum + value * (direction?.[i] ?? 0), 0);
  const points = known.map((label, i) => ({
    x: along(centred[i] as Float64Array, first),
    y: along(centred[i] as Float64Array, second),
    label,
  }));
  await files.writeAtomically(
    context.folder.file("map.svg"),
    drawScatter("Words in the plane of their first two principal components", points),
  );
}

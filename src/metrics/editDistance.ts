import { editDistance } from "../graph/closestName.js";
import { check } from "../graph/error.js";

export { editDistance };

/** One step from a reference to a hypothesis: both tokens, which may be equal, or one alone where it was left out or put in. */
export interface AlignedTokens<Token> {
  readonly reference?: Token;
  readonly hypothesis?: Token;
}

/** How a hypothesis comes from a reference. */
export interface Alignment<Token> {
  /** The least number of tokens put in, left out and replaced (Levenshtein 1965). */
  readonly distance: number;
  /** All tokens of both in their order. Of several shortest ways: replacing is preferred to deleting, and deleting to inserting. */
  readonly steps: readonly AlignedTokens<Token>[];
}

/** The edit distance of two sequences, with one of the shortest ways from the reference to the hypothesis. */
export function align<Token>(hypothesis: readonly Token[], reference: readonly Token[]): Alignment<Token> {
  const [rows, columns] = [reference.length + 1, hypothesis.length + 1];
  // d[i, j] = min(d[i-1, j-1] + [rᵢ ≠ hⱼ], d[i-1, j] + 1, d[i, j-1] + 1)
  const distances = new Int32Array(rows * columns);
  const at = (i: number, j: number) => distances[i * columns + j] as number;
  const replaced = (i: number, j: number) => at(i - 1, j - 1) + Number(reference[i - 1] !== hypothesis[j - 1]);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      distances[i * columns + j] = i === 0 || j === 0 ? i + j : Math.min(replaced(i, j), at(i - 1, j) + 1, at(i, j - 1) + 1);
    }
  }
  const steps: AlignedTokens<Token>[] = [];
  let [i, j] = [reference.length, hypothesis.length];
  while (i > 0 || j > 0) {
    if (i > 0 && j > 0 && at(i, j) === replaced(i, j)) {
      steps.push({ reference: reference[--i] as Token, hypothesis: hypothesis[--j] as Token });
    } else if (i > 0 && at(i, j) === at(i - 1, j) + 1) steps.push({ reference: reference[--i] as Token });
    else steps.push({ hypothesis: hypothesis[--j] as Token });
  }
  return { distance: at(rows - 1, columns - 1), steps: steps.reverse() };
}

/** For each sequence one or more references. The nearest counts. */
type References<Token> = readonly (readonly (readonly Token[])[])[];

/**
 * Edits for each token of the references: the word error rate of transcripts where the tokens are words, the phoneme error rate where they are
 * phonemes. It is more than 1 where most of what is predicted is wrong.
 * @throws KasaneError where there are not as many references as hypotheses, or the references have no tokens
 */
export function tokenErrorRate<Token>(hypotheses: readonly (readonly Token[])[], references: References<Token>): number {
  const nearest = hypotheses.map((hypothesis, i) =>
    referencesOf(hypotheses, references, i)
      .map((reference) => ({ edits: editDistance(hypothesis, reference), length: reference.length }))
      .reduce((best, other) => (other.edits < best.edits ? other : best)),
  );
  const [edits, length] = [nearest.reduce((sum, { edits }) => sum + edits, 0), nearest.reduce((sum, { length }) => sum + length, 0)];
  check(length > 0, () => `tokenErrorRate: the references of ${hypotheses.length} sequences have no tokens, expected some`);
  return edits / length;
}

/**
 * The share of sequences that equal none of their references: the word error rate where each is a word's pronunciation.
 * @throws KasaneError where there are none, or not as many references as hypotheses
 */
export function sequenceErrorRate<Token>(hypotheses: readonly (readonly Token[])[], references: References<Token>): number {
  check(hypotheses.length > 0, () => "sequenceErrorRate: got no sequences, expected one or more");
  const isSame = (a: readonly Token[], b: readonly Token[]) => a.length === b.length && a.every((token, i) => token === b[i]);
  const wrong = hypotheses.filter((hypothesis, i) => !referencesOf(hypotheses, references, i).some((other) => isSame(hypothesis, other)));
  return wrong.length / hypotheses.length;
}

function referencesOf<Token>(hypotheses: readonly unknown[], references: References<Token>, i: number): readonly (readonly Token[])[] {
  const some = references[i] ?? [];
  check(
    hypotheses.length === references.length && some.length > 0,
    () =>
      `error rate: ${hypotheses.length} sequences, ${references.length} with references; sequence ${i} has ${some.length}, expected 1 or more`,
  );
  check(
    some.every((reference) => typeof reference === "object"),
    () => `error rate: sequence ${i} has a ${typeof some[0]} for a reference: expected [[reference, ...], ...], each a list of tokens`,
  );
  return some;
}

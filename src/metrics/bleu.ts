import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type BleuTokenization, bleuTokens } from "./bleuTokens.js";
import { bootstrap, type Interval } from "./bootstrap.js";

/** The longest word sequences that are compared. */
const order = 4;
const orders = Array.from({ length: order }, (_, i) => i + 1);

/** The version of sacreBLEU whose scores these are (test/fixtures/bleu.py compares them), as signatures name it. */
const sacrebleuVersion = "2.6.0";

/** Settings of {@link corpusBleu}. */
export interface BleuOptions {
  /** By default "13a". */
  readonly tokenization?: BleuTokenization;
  /** Whether sequences longer than the hypothesis are left out of the mean: for single sentences. */
  readonly effectiveOrder?: boolean;
  /** How many samples of the sentences the interval is estimated from, by default none. */
  readonly resamples?: number;
  /** What the samples follow from. */
  readonly seed?: number;
}

/** A BLEU score and what it is made of. */
export interface Bleu {
  /** 0 to 100. */
  readonly score: number;
  /** For sequences of one to four tokens, the share of the hypotheses' that a reference has, in percent. */
  readonly precisions: readonly number[];
  /** 1, or less where the hypotheses are shorter than the references. */
  readonly brevityPenalty: number;
  /** In tokens. */
  readonly hypothesisLength: number;
  /** In tokens, of the reference nearest in length to each hypothesis. */
  readonly referenceLength: number;
  /** How the score was made, in sacreBLEU's form. */
  readonly signature: string;
  /** Where 95 % of the resampled scores are. */
  readonly interval?: Interval;
}

/** What BLEU counts in a sentence, or in a corpus. */
interface Counts {
  readonly hypothesisLength: number;
  readonly referenceLength: number;
  /** Sequences of each length in the hypothesis, and those of them that are in a reference. */
  readonly total: readonly number[];
  readonly correct: readonly number[];
}

/**
 * The BLEU score of a corpus (Papineni et al. 2002) by sacreBLEU's definition (Post 2018, A call for clarity in reporting BLEU scores), with its
 * exponential smoothing: each length without a match counts as half a match, a quarter, and so on.
 * @param hypotheses one line a sentence
 * @param references for each sentence one or more lines
 * @throws KasaneError where there are no sentences, or not as many references
 */
export function corpusBleu(hypotheses: readonly string[], references: readonly (readonly string[])[], options: BleuOptions = {}): Bleu {
  checkOptions("corpusBleu", options, { tokenization: "optional", effectiveOrder: "optional", resamples: "optional", seed: "optional" });
  check(
    hypotheses.length > 0 && hypotheses.length === references.length,
    () => `BLEU: ${hypotheses.length} hypotheses for ${references.length} sentences with references, expected as many, from 1`,
  );
  const { tokenization = "13a", effectiveOrder = false, resamples = 0, seed = 0 } = options;
  const counts = hypotheses.map((hypothesis, i) => countSentence(hypothesis, references[i] as readonly string[], tokenization, i));
  const score = (of: Iterable<number>) => scoreOf(addUp(counts, of), effectiveOrder);
  const numbers = [...new Set(references.map(({ length }) => length))];
  const signature = [
    `nrefs:${numbers.length === 1 ? numbers[0] : "var"}`,
    "case:mixed",
    `eff:${effectiveOrder ? "yes" : "no"}`,
    `tok:${tokenization}`,
    "smooth:exp",
    `version:${sacrebleuVersion}`,
  ].join("|");
  const result = { ...score(counts.keys()), signature };
  return resamples === 0 ? result : { ...result, interval: bootstrap(counts.length, (of) => score(of).score, { resamples, seed }) };
}

/** {@link corpusBleu} of one sentence, by default with the effective order. */
export const sentenceBleu = (hypothesis: string, references: readonly string[], options: BleuOptions = {}): Bleu =>
  corpusBleu([hypothesis], [references], { ...options, effectiveOrder: options.effectiveOrder ?? true });

function countSentence(hypothesis: string, references: readonly string[], tokenization: BleuTokenization, place: number): Counts {
  check(
    Array.isArray(references) && references.length > 0,
    () =>
      `BLEU: sentence ${place} has ${Array.isArray(references) ? "no reference" : `a ${typeof references} for references`}: expected a list of one line or more`,
  );
  const tokens = bleuTokens(hypothesis, tokenization);
  const others = references.map((reference) => bleuTokens(reference, tokenization));
  const total = orders.map((n) => Math.max(0, tokens.length - n + 1));
  const correct = orders.map((n) => {
    const known = others.map((other) => countSequences(other, n));
    let matches = 0;
    // A sequence counts at most as often as in the reference that has it most often.
    for (const [sequence, count] of countSequences(tokens, n))
      matches += Math.min(count, Math.max(...known.map((counts) => counts.get(sequence) ?? 0)));
    return matches;
  });
  const distance = ({ length }: readonly string[]) => Math.abs(length - tokens.length);
  const [nearest] = [...others].sort((a, b) => distance(a) - distance(b) || a.length - b.length);
  return { hypothesisLength: tokens.length, referenceLength: (nearest as string[]).length, total, correct };
}

function countSequences(tokens: readonly string[], length: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + length <= tokens.length; i++) {
    const sequence = tokens.slice(i, i + length).join(" ");
    counts.set(sequence, (counts.get(sequence) ?? 0) + 1);
  }
  return counts;
}

function addUp(counts: readonly Counts[], of: Iterable<number>): Counts {
  const sum = { hypothesisLength: 0, referenceLength: 0, total: orders.map(() => 0), correct: orders.map(() => 0) };
  for (const i of of) {
    const { hypothesisLength, referenceLength, total, correct } = counts[i] as Counts;
    sum.hypothesisLength += hypothesisLength;
    sum.referenceLength += referenceLength;
    for (let n = 0; n < order; n++) {
      sum.total[n] = (sum.total[n] as number) + (total[n] as number);
      sum.correct[n] = (sum.correct[n] as number) + (correct[n] as number);
    }
  }
  return sum;
}

/** BLEU = BP · exp(Σ ln pₙ / N), BP = min(1, e^(1 - r / c)) */
function scoreOf(counts: Counts, effectiveOrder: boolean): Omit<Bleu, "signature" | "interval"> {
  const { hypothesisLength, referenceLength, total, correct } = counts;
  const brevityPenalty = hypothesisLength === 0 ? 0 : Math.min(1, Math.exp(1 - referenceLength / hypothesisLength));
  let missed = 1;
  const precisions = orders.map((_, n) => {
    const [all, found] = [total[n] as number, correct[n] as number];
    if (all === 0) return 0;
    if (found === 0) missed *= 2;
    return (100 * (found || 1 / missed)) / all;
  });
  const lengths = { hypothesisLength, referenceLength, brevityPenalty };
  if (correct.every((count) => count === 0)) return { score: 0, precisions: orders.map(() => 0), ...lengths };
  const counted = effectiveOrder ? precisions.filter((_, n) => (total[n] as number) > 0) : precisions;
  const logarithms = counted.reduce((sum, precision) => sum + Math.log(precision), 0);
  return { score: brevityPenalty * Math.exp(logarithms / counted.length), precisions, ...lengths };
}

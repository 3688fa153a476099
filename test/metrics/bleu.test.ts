import { readFileSync } from "node:fs";
import { metrics } from "kasane";
import { describe, expect, it } from "vitest";

type Tokenization = metrics.BleuTokenization;

/** What sacreBLEU says (test/fixtures/bleu.py). */
const peer: {
  readonly tokens: readonly (Record<Tokenization, string[]> & { readonly line: string })[];
  readonly corpora: readonly (metrics.Bleu & {
    readonly hypotheses: string[];
    readonly references: string[][];
    readonly tokenization: Tokenization;
    readonly effectiveOrder: boolean;
  })[];
  readonly sentences: readonly { readonly hypothesis: string; readonly references: string[]; readonly score: number }[];
} = JSON.parse(readFileSync(new URL("../fixtures/bleu.json", import.meta.url), "utf8"));

/** Both compute in float64. */
const near = (got: number, expected: number) => expect(Math.abs(got - expected)).toBeLessThanOrEqual(1e-10 * Math.max(1, expected));

describe("BLEU, as sacreBLEU has it", () => {
  it.each(peer.tokens)("cuts $line into tokens", (expected) => {
    for (const tokenization of ["none", "13a", "char"] as const) {
      expect(metrics.bleuTokens(expected.line, tokenization), tokenization).toEqual(expected[tokenization]);
    }
  });

  it.each(peer.corpora.map((expected, i) => ({ i, ...expected })))(
    "scores corpus $i with $tokenization, effective order: $effectiveOrder",
    (expected) => {
      const { hypotheses, references, tokenization, effectiveOrder } = expected;
      const got = metrics.corpusBleu(hypotheses, references, { tokenization, effectiveOrder });
      near(got.score, expected.score);
      near(got.brevityPenalty, expected.brevityPenalty);
      got.precisions.forEach((precision, i) => near(precision, expected.precisions[i] as number));
      expect([got.hypothesisLength, got.referenceLength]).toEqual([expected.hypothesisLength, expected.referenceLength]);
      expect(got.signature).toBe(expected.signature);
    },
  );

  it.each(peer.sentences)("scores the sentence $hypothesis", ({ hypothesis, references, score }) => {
    near(metrics.sentenceBleu(hypothesis, references).score, score);
  });

  it("scores the example of its documentation, 48.53 with precisions 82.4/50.0/45.5/37.5", () => {
    const { hypotheses, references } = peer.corpora[0] as (typeof peer.corpora)[0];
    const { score, precisions, brevityPenalty } = metrics.corpusBleu(hypotheses, references);
    expect([score.toFixed(2), brevityPenalty.toFixed(3), ...precisions.map((precision) => precision.toFixed(1))]).toEqual([
      "48.53",
      "0.943",
      "82.4",
      "50.0",
      "45.5",
      "37.5",
    ]);
  });

  it("needs sentences, and references for each", () => {
    expect(() => metrics.corpusBleu([], [])).toThrow("BLEU: 0 hypotheses for 0 sentences");
    expect(() => metrics.corpusBleu(["a"], [["a"], ["b"]])).toThrow("BLEU: 1 hypotheses for 2 sentences");
    expect(() => metrics.corpusBleu(["a", "b"], [["a"], []])).toThrow("BLEU: sentence 1 has no reference");
  });
});

describe("bootstrap", () => {
  it("finds the interval of a mean as the normal distribution has it", () => {
    // 400 examples, a quarter of them 1: deviation of the mean √(0.25 · 0.75 / 400) = 0.02165, so 95 % are within ± 0.0424.
    const isOne = (place: number) => Number(place < 100);
    const { low, high, mean } = metrics.bootstrap(400, (places) => places.reduce((sum, place) => sum + isOne(place), 0) / 400, {
      resamples: 4000,
    });
    // The 2.5 % quantile of 4000 samples varies by √(0.025 · 0.975 / 4000) / φ(1.96) = 0.042 deviations, 0.0009; steps of the mean are 0.0025.
    expect(Math.abs(low - (0.25 - 0.0424))).toBeLessThan(0.006);
    expect(Math.abs(high - (0.25 + 0.0424))).toBeLessThan(0.006);
    expect(Math.abs(mean - 0.25)).toBeLessThan(5 * (0.02165 / Math.sqrt(4000)));
  });

  it("goes around a BLEU score, and follows from the seed", () => {
    const hypotheses = Array.from({ length: 60 }, (_, i) => `a b c d e ${i % 3 === 0 ? "f g h" : "x f z"} i j k`);
    const references = hypotheses.map(() => ["a b c d e f g h i j k"]);
    const score = (seed: number) => metrics.corpusBleu(hypotheses, references, { tokenization: "none", resamples: 400, seed });
    const { interval, score: whole } = score(1);
    expect(interval?.low).toBeLessThan(whole);
    expect(interval?.high).toBeGreaterThan(whole);
    expect(score(1)).toEqual(score(1));
    expect(score(2).interval).not.toEqual(interval);
    const perfect = metrics.corpusBleu(["a b c d", "e f g h"], [["a b c d"], ["e f g h"]], { resamples: 10 }).interval as metrics.Interval;
    for (const bound of Object.values(perfect)) near(bound, 100);
  });

  it("needs examples", () => {
    expect(() => metrics.bootstrap(0, () => 0)).toThrow("bootstrap: 1000 samples of 0 examples");
  });
});

import { metrics } from "kasane";
import { describe, expect, it } from "vitest";

/** The distance by its definition, the least over all ways. */
function byDefinition(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const rest = byDefinition(a.slice(1), b.slice(1)) + Number(a[0] !== b[0]);
  return Math.min(rest, byDefinition(a.slice(1), b) + 1, byDefinition(a, b.slice(1)) + 1);
}

describe("edit distance", () => {
  it.each([
    ["sitting", "kitten", 3],
    ["saturday", "sunday", 3],
    ["", "abc", 3],
    ["abc", "", 3],
    ["", "", 0],
    ["same", "same", 0],
  ])("of %s from %s is %d", (hypothesis, reference, distance) => {
    expect(metrics.editDistance([...hypothesis], [...reference])).toBe(distance);
  });

  it("is the least over all ways, and its alignment is one of these", () => {
    let state = 1;
    const draw = (below: number) => {
      state = (state * 48271) % 2147483647;
      return state % below;
    };
    for (let trial = 0; trial < 200; trial++) {
      const [hypothesis, reference] = [draw(6), draw(6)].map((length) => Array.from({ length }, () => "abc"[draw(3)] as string));
      const { distance, steps } = metrics.align(hypothesis as string[], reference as string[]);
      expect(distance).toBe(byDefinition((hypothesis as string[]).join(""), (reference as string[]).join("")));
      expect(steps.flatMap((step) => ("hypothesis" in step ? [step.hypothesis] : []))).toEqual(hypothesis);
      expect(steps.flatMap((step) => ("reference" in step ? [step.reference] : []))).toEqual(reference);
      expect(steps.filter((step) => step.hypothesis !== step.reference)).toHaveLength(distance);
    }
  });

  it("says what became of what", () => {
    expect(metrics.align(["x", "k", "o", "n"], ["k", "a", "n", "e"]).steps).toEqual([
      { hypothesis: "x" },
      { reference: "k", hypothesis: "k" },
      { reference: "a", hypothesis: "o" },
      { reference: "n", hypothesis: "n" },
      { reference: "e" },
    ]);
  });
});

describe("error rates", () => {
  const words = (text: string) => text.split(" ");
  const hypotheses = ["the cat sat", "a dog", "on mat now"].map(words);
  const references = [["the cat sat"], ["the dog", "a big dog barks"], ["on the mat", "on the mat now"]].map((some) => some.map(words));

  it("count the nearest reference of each", () => {
    // 0 of 3, 1 of 2, 1 of 4
    expect(metrics.tokenErrorRate(hypotheses, references)).toBe(2 / 9);
    expect(metrics.sequenceErrorRate(hypotheses, references)).toBe(2 / 3);
    expect(metrics.sequenceErrorRate([["a"], []], [[["b"], ["a"]], [[]]])).toBe(0);
    expect(metrics.tokenErrorRate([words("a b c d")], [[["x"]]])).toBe(4);
  });

  it("need as many references as hypotheses", () => {
    expect(() => metrics.tokenErrorRate(hypotheses, references.slice(1))).toThrow("error rate: 3 sequences, 2 with references");
    expect(() => metrics.sequenceErrorRate([["a"]], [[]])).toThrow("sequence 0 has 0, expected 1 or more");
    expect(() => metrics.sequenceErrorRate([], [])).toThrow("got no sequences");
    expect(() => metrics.tokenErrorRate([["a"]], [[[]]])).toThrow("the references of 1 sequences have no tokens");
  });
});

import { vision } from "kasane";
import { expect, it } from "vitest";

it("weighs classes by the median of their frequencies, and by a logarithm", () => {
  // Frequencies 1/8, 2/8, 5/8: the median is 1/4.
  expect([...vision.classWeights([1, 2, 5], { by: "median" })]).toEqual([2, 1, Math.fround(0.4)]);
  expect([...vision.classWeights([1, 3], { by: "median" })]).toEqual([2, Math.fround(2 / 3)]);
  const [rare, common] = vision.classWeights([0, 1], { by: "logarithm" });
  expect(rare).toBe(0);
  expect(common).toBeCloseTo(1 / Math.log(2.02), 6);
});

it("refuses counts that are none, and ways that it does not know", () => {
  expect(() => vision.classWeights([0, 0], { by: "median" })).toThrow(
    "classWeights: got counts 0, 0: expected numbers from 0, not all of them 0",
  );
  expect(() => vision.classWeights([1, -1], { by: "median" })).toThrow("classWeights: got counts 1, -1");
  expect(() => vision.classWeights([1], { by: "mean" } as never)).toThrow('classWeights: by "mean": expected "median" or "logarithm"');
  expect(() => vision.classWeights([1], { by: "median", for: 1 } as never)).toThrow("classWeights: unknown option for");
});

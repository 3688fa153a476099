import { metrics, tensor } from "kasane";
import { expect, it } from "vitest";

// The expected figures are scikit-learn 1.9.1's, for the same numbers.

it("rocAuc counts equal scores a half", () => {
  expect(metrics.rocAuc([0.1, 0.4, 0.35, 0.8, 0.4, 0.4, 0.9, 0.05], [0, 0, 1, 1, 1, 0, 1, 0])).toBe(0.8125);
  expect(metrics.rocAuc([1, 2], [true, false])).toBe(0);
  expect(() => metrics.rocAuc([1, 2], [1, 1])).toThrow("2 positive and 0 negative examples");
  expect(() => metrics.rocAuc([Number.NaN, 2], [1, 0])).toThrow("a score of NaN");
  expect(() => metrics.rocAuc([1, 2], [1, 2])).toThrow("the target 2");
  expect(() => metrics.rocAuc([1], [1, 0])).toThrow("1 scores for 2 targets");
});

it("spearman shares the ranks of equal values", () => {
  // scipy 1.17: scipy.stats.spearmanr([1, 2, 2, 3, 5], [2, 1, 4, 4, 9])
  expect(metrics.spearman([1, 2, 2, 3, 5], [2, 1, 4, 4, 9])).toBeCloseTo(0.7631578947368421, 12);
  expect(metrics.spearman([3, 1, 2], [-3, -1, -2])).toBe(-1);
  expect(metrics.spearman([1, 1], [1, 2])).toBeNaN();
  expect(() => metrics.spearman([1, 2], [1])).toThrow("2 values and 1");
  expect(() => metrics.spearman([1, Number.NaN], [1, 2])).toThrow("value 1 is NaN");
});

it("errors of regression", async () => {
  const [predicted, target] = [tensor([2.5, 0, 2, 8]), tensor([3, -0.5, 2, 7])];
  expect(await metrics.meanAbsoluteError(predicted, target).item()).toBe(0.5);
  expect(await metrics.rootMeanSquaredError(predicted, target).item()).toBeCloseTo(0.6123724, 6);
  expect(await metrics.rSquared(predicted, target).item()).toBeCloseTo(0.9486081, 6);
  const [whole, between] = [tensor(Int32Array.of(1, 2, 4)), tensor([1.5, 2.5, 3.5])];
  expect(await metrics.rSquared(whole, between).item()).toBeCloseTo(0.625, 6);
  expect(await metrics.rSquared(tensor([1, 2, 3], { dtype: "uint8" }), tensor(Int32Array.of(-1, 2, 3))).item()).toBeCloseTo(0.5385, 4);
  expect(() => metrics.rSquared(predicted, tensor([1]))).toThrow("predictions [4] and targets [1]");
});

it("topKAccuracy and logLoss", async () => {
  const rows = tensor([
    [0.7, 0.2, 0.1],
    [0.1, 0.1, 0.8],
    [0.25, 0.4, 0.35],
    [0, 0.5, 0.5],
  ]);
  const targets = tensor(Int32Array.from([0, 2, 0, 0]));
  expect(await metrics.topKAccuracy(rows, targets, 2).item()).toBe(0.5);
  expect(await metrics.topKAccuracy(rows, targets, 3).item()).toBe(1);
  const kept = -(Math.log(0.7) + Math.log(0.8) + Math.log(0.25) + Math.log(2 ** -23)) / 4;
  expect(await metrics.logLoss(rows, targets).item()).toBeCloseTo(kept, 5);
  expect(() => metrics.logLoss(rows, tensor(Int32Array.of(0, 2, 0, -1)))).toThrow("logLoss: index -1 is out of range: expected 0 to 2");
  expect(() => metrics.topKAccuracy(rows, tensor([0, 2, 0, 0.5]), 2)).toThrow("targets are float32: expected class indices");
  expect(() => metrics.accuracy(rows, tensor([0, 2, 0, 0.5]))).toThrow("targets are float32: expected class indices");
  expect(() => metrics.accuracy(rows, tensor(BigInt64Array.of(2n ** 32n, 2n, 0n, 0n)))).toThrow(
    "accuracy: index 4294967296 is out of range",
  );
  expect(() => metrics.accuracy(rows, tensor(Int32Array.of(0, 2, 0, -1)))).toThrow("accuracy: index -1 is out of range");
  expect(() => metrics.topKAccuracy(rows, tensor(Int32Array.of(0, 2, 0, 3)), 2)).toThrow("topKAccuracy: index 3 is out of range");
  expect(() => metrics.topKAccuracy(rows, tensor([1]), 2)).toThrow("targets [1] for logits [4, 3], expected [4]");
});

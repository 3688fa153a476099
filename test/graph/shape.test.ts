import { describe, expect, it } from "vitest";
import { broadcast, broadcastOrThrow, checkShape, normalizeAxes, normalizeAxis } from "../../src/graph/shape.js";

describe("broadcast", () => {
  it.each([
    [[], [], []],
    [[3], [], [3]],
    [[2, 3], [3], [2, 3]],
    [
      [2, 1],
      [1, 3],
      [2, 3],
    ],
    [
      [4, 1, 3],
      [2, 1],
      [4, 2, 3],
    ],
    [[0], [1], [0]],
    [[1], [0], [0]],
  ])("[%j] and [%j] to [%j]", (a, b, result) => {
    expect(broadcast(a, b)).toEqual(result);
  });

  it("fails where two sizes differ and none is 1", () => {
    expect(broadcast([2], [3])).toBeUndefined();
    expect(broadcast([2], [0])).toBeUndefined();
    expect(() => broadcastOrThrow("add", [2, 3], [2])).toThrow(
      "add: shapes [2, 3] and [2] do not broadcast: from the last axis backwards sizes must be equal or 1",
    );
  });
});

describe("axes", () => {
  it("count from the end where negative", () => {
    expect(normalizeAxis("f", -1, 3)).toBe(2);
    expect(normalizeAxes("f", [-1, 0], 3)).toEqual([0, 2]);
    expect(normalizeAxes("f", undefined, 2)).toEqual([0, 1]);
    expect(normalizeAxes("f", 1, 2)).toEqual([1]);
  });

  it("are refused out of range, fractional or twice", () => {
    expect(() => normalizeAxis("sum", 3, 3)).toThrow("sum: axis 3 of a tensor of rank 3: expected an integer from -3 to 2");
    expect(() => normalizeAxis("sum", 0.5, 3)).toThrow("sum: axis 0.5");
    expect(() => normalizeAxis("sum", 0, 0)).toThrow("sum: axis 0 of a scalar");
    expect(() => normalizeAxes("sum", [1, -1], 2)).toThrow("sum: axes [1,-1] name an axis twice");
  });
});

describe("checkShape", () => {
  it("refuses negative and fractional sizes", () => {
    expect(() => checkShape("zeros", [2, -1])).toThrow("zeros: shape [2, -1]: every size must be an integer from 0");
    expect(() => checkShape("zeros", [1.5])).toThrow("zeros: shape [1.5]");
  });
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Case, writeCase } from "../../bench/cases/case.js";
import { agrees, allowed, differenceOf, readOutcome, usual } from "../../bench/run/compare.js";

const tinyCase: Case = {
  name: "tiny",
  title: "tiny",
  model: "mlp",
  settings: {},
  update: { type: "sgd", learningRate: 0.1 },
  together: 1,
  weights: [
    { name: "a", shape: [2, 2], bound: 1 },
    { name: "b", shape: [2], bound: 1 },
  ],
  batch: (draw) => ({ x: draw.uniform([1, 2], 0, 1) }),
  multiplyAdds: 0,
  bytes: 0,
};

let folder: string;
let before: Float32Array;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kasane-bench-test-"));
  writeCase(tinyCase, folder);
  before = readOutcome(join(folder, "data.bin"), 0).values.slice(0, 6);
});
afterAll(() => rmSync(folder, { recursive: true }));

const changed = (changes: readonly number[]) => before.map((value, i) => value + (changes[i] as number));
const reference = () => ({ loss: 2, values: changed([1e-3, -2e-3, 0, 1e-3, 1e-5, -1e-5]) });

describe("differenceOf", () => {
  it("is nothing between the same", () => {
    expect(differenceOf(folder, reference(), reference())).toEqual({ loss: 0, element: 0, change: 0 });
  });

  it("sees a weight that was not updated, though its elements are within the tolerance", () => {
    const ours = { loss: 2, values: changed([1e-3, -2e-3, 0, 1e-3, 0, 0]) };
    const difference = differenceOf(folder, ours, reference());
    expect(difference.element).toBeLessThan(1e-4);
    expect(difference.change).toBeCloseTo(1, 2);
    expect(agrees(difference)).toBe(false);
  });

  it("sees another loss, another element, and a NaN", () => {
    expect(agrees(differenceOf(folder, { ...reference(), loss: 2.001 }, reference()))).toBe(false);
    const off = reference();
    off.values[3] = (off.values[3] as number) + 1e-3;
    expect(agrees(differenceOf(folder, off, reference()))).toBe(false);
    off.values[3] = Number.NaN;
    expect(agrees(differenceOf(folder, off, reference()))).toBe(false);
  });

  it("allows four times what rounding does to the reference itself, and never less than usual", () => {
    expect(allowed({ loss: 0, element: 1e-6, change: 1e-3 })).toEqual(usual);
    const most = allowed({ loss: 0, element: 1.5e-4, change: 0.01 });
    expect(most).toEqual({ ...usual, element: 6e-4, change: 0.04 });
    expect([5e-4, 7e-4].map((element) => agrees({ loss: 0, element, change: 0.03 }, most))).toEqual([true, false]);
  });

  it("refuses outcomes of other sizes", () => {
    expect(() => differenceOf(folder, { loss: 2, values: new Float32Array(5) }, reference())).toThrow("gave 5 numbers");
  });
});

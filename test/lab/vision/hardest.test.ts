import { expect, it } from "vitest";
import { Hardest } from "../../../lab/vision/hardest.js";

const options = { epochs: 10, batchSize: 5, share: 0.5, seed: 3 };
const indicesOf = (selection: Hardest, epoch: number) => [...selection.batchesOf(epoch)].flatMap((batch) => Array.from(batch));
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

it("gives all examples in the first and the last epochs, half between", () => {
  const selection = new Hardest(100, options);
  expect(options.epochs * 20 - 7 * 10).toBe(selection.batches);
  expect(Array.from({ length: 10 }, (_, epoch) => selection.batchesIn(epoch))).toEqual([20, 10, 10, 10, 10, 10, 10, 10, 20, 20]);
  for (const epoch of [0, 8, 9]) expect(sorted(indicesOf(selection, epoch))).toEqual(Array.from({ length: 100 }, (_, i) => i));
});

it("chooses those of the greatest losses, and a tenth of all at random", () => {
  const selection = new Hardest(100, options);
  selection.see(
    Int32Array.from({ length: 100 }, (_, i) => i),
    Float32Array.from({ length: 100 }, (_, i) => i),
  );
  const [second, third] = [indicesOf(selection, 1), indicesOf(selection, 2)];
  expect(new Set(second).size).toBe(50);
  // Ten are chosen first, whatever their losses; those of the greatest ones fill the rest.
  const hard = (indices: readonly number[]) => indices.filter((index) => index >= 60).length;
  expect(hard(second)).toBe(40);
  expect(second).not.toEqual(third);
  // Once their losses have fallen, others are chosen.
  selection.see(
    Int32Array.from({ length: 50 }, (_, i) => 50 + i),
    new Float32Array(50),
  );
  expect(indicesOf(selection, 3).filter((index) => index < 50).length).toBeGreaterThanOrEqual(40);
});

it("goes on within an epoch by what was chosen when it began", () => {
  const selection = new Hardest(100, options);
  const chosen = indicesOf(selection, 1);
  const resumed = new Hardest(100, options);
  for (const [name, array] of resumed.namedArrays()) array.set(selection.namedArrays().get(name) as never);
  resumed.see(Int32Array.of(0, 1, 2), [5, 6, 7]);
  expect(indicesOf(resumed, 1)).toEqual(chosen);
});

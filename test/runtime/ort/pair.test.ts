import { expect, test } from "vitest";
import { Pair } from "../../../src/runtime/ort/pair.js";
import { toOrt } from "../../../src/runtime/state.js";

const type = { dtype: "float32", shape: [2] } as const;
const holding = (...values: number[]) => toOrt(Float32Array.from(values), "float32", [2]);

test("a pair swaps its two tensors where steps write into its targets", async () => {
  const first = holding(1, 2);
  const pair = new Pair(type, first);
  const second = pair.target();
  pair.advance(second);
  expect([await pair.feed(false), pair.target()]).toEqual([second, first]);
  expect(pair.target()).toBe(first);
});

test("a pair keeps nothing but the value where steps return new tensors, as in a browser", () => {
  const first = holding(1, 2);
  const pair = new Pair(type, first);
  pair.advance(holding(3, 4));
  expect(pair.elements()).toEqual(Float32Array.of(3, 4));
  expect(pair.target()).not.toBe(first);
});

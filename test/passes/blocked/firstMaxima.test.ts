import { compile, type Tensor, tensor } from "kasane";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../../src/graph/walk.js";
import { isNodeOf } from "../../../src/ops/match.js";
import { apply } from "../../../src/ops/operator.js";
import { pool } from "../../../src/ops/pool.js";
import { loops } from "../../../src/ops/scan.js";
import { transpose } from "../../../src/ops/shapes.js";
import type { Windows } from "../../../src/ops/windows.js";
import { toFirstMaxima } from "../../../src/passes/blocked/firstMaxima.js";

const block = 4;

/** `[batch, channels, height, width]` as blocks of channels, and back. */
const blockwise = (x: Tensor): Tensor => {
  const [batch, channels, height, width] = x.shape as [number, number, number, number];
  return transpose(x.reshape([batch, channels / block, block, height, width]), [0, 1, 3, 4, 2]);
};
const channelwise = (x: Tensor): Tensor => {
  const [batch, blocks, height, width] = x.shape as [number, number, number, number];
  return transpose(x, [0, 1, 4, 2, 3]).reshape([batch, blocks * block, height, width]);
};

/** Few different numbers, so that many are equal. */
const image = (shape: readonly number[], period: number): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => Math.max(0, (i * i) % period) - 2),
    { shape: [...shape] },
  );

const square = (kernel: number, stride: number, padding: number, dilation = 1): Windows => ({
  kernel: [kernel, kernel],
  strides: [stride, stride],
  pads: [padding, padding, padding, padding],
  dilations: [dilation, dilation],
});

describe("the gradient of max pooling on blocked images", () => {
  it.each<[string, readonly number[], Windows]>([
    ["of windows side by side", [2, 8, 6, 8], square(2, 2, 0)],
    ["of windows that do not cover the image", [2, 8, 7, 9], square(2, 2, 0)],
    ["of windows that overlap", [2, 4, 7, 9], square(3, 2, 1)],
    ["of windows at every place", [1, 4, 6, 5], square(3, 1, 1)],
    ["of windows with gaps", [1, 4, 9, 9], square(2, 3, 0, 2)],
    ["of lines", [2, 4, 1, 9], { kernel: [1, 3], strides: [1, 2], pads: [0, 1, 0, 1], dilations: [1, 1] }],
    ["of images that are worked on in parts", [12, 16, 48, 48], square(2, 2, 0)],
    ["of images that are worked on in parts, of windows that overlap", [12, 16, 48, 48], square(3, 2, 1)],
  ])("%s is that on plain ones", async (_, shape, windows) => {
    const x = image(shape, 7);
    const compute = compile((x: Tensor) => {
      const y = apply(pool.MaxPool, [x], windows);
      const dy = image(y.shape, 11);
      const plain = apply(pool.MaxPoolGradient, [x, y, dy], windows);
      return { plain, byBlocks: channelwise(toFirstMaxima(blockwise(x), blockwise(y), blockwise(dy), windows)) };
    });
    const { plain, byBlocks } = await compute(x);
    const [expected, got] = [(await plain.data()) as Float32Array, (await byBlocks.data()) as Float32Array];
    expect(expected.some((value) => value !== 0)).toBe(true);
    expect(expected.findIndex((value, i) => Math.abs((got[i] as number) - value) > 1e-6)).toBe(-1);
  });

  it("works on parts of large images alone", () => {
    const hasLoop = (shape: readonly number[]) => {
      const x = image(shape, 7);
      const y = apply(pool.MaxPool, [x], square(2, 2, 0));
      const result = toFirstMaxima(blockwise(x), blockwise(y), blockwise(y), square(2, 2, 0));
      return topologicalOrder([result]).some((node) => isNodeOf(node, loops.Scan));
    };
    expect(hasLoop([2, 8, 6, 8])).toBe(false);
    expect(hasLoop([12, 16, 48, 48])).toBe(true);
  });
});

import {
  adaptiveMaxPool,
  averagePool,
  type DType,
  fold,
  globalMaxPool,
  grad,
  maxPool,
  mul,
  ones,
  sum,
  type Tensor,
  tensor,
  unfold,
  zeros,
} from "kasane";
import { describe, expect, it } from "vitest";

const inf = Number.POSITIVE_INFINITY;
const nan = Number.NaN;

const line = (values: readonly number[], dtype: DType = "float32"): Tensor => tensor([[[...values]]], { dtype });
const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);

/** The gradient of the sum of what the windows of a line hold, each weighted by its number from 1. */
const gradientOf = (x: Tensor, pooled: (x: Tensor) => Tensor): Promise<number[]> => {
  const y = pooled(x);
  const weights = tensor(
    Float32Array.from({ length: y.size }, (_, i) => i + 1),
    { shape: y.shape },
  );
  return numbers(grad(sum(mul(y, weights)), x));
};

describe("maxPool", () => {
  it("takes NaN for the maximum, whose gradient its first place gets", async () => {
    const x = line([1, nan, 2, 3, nan, nan, inf, 7]);
    expect(await numbers(maxPool(x, 2))).toEqual([nan, 3, nan, inf]);
    expect(await gradientOf(x, (x) => maxPool(x, 2))).toEqual([0, 1, 0, 2, 3, 0, 4, 0]);
    expect(await numbers(maxPool(x, 3, { stride: 1 }))).toEqual([nan, nan, nan, nan, nan, nan]);
    expect(await numbers(globalMaxPool(x))).toEqual([nan]);
    expect(await numbers(adaptiveMaxPool(x, 3))).toEqual([nan, nan, nan]);
  });

  it("never takes a place that was added, not even beside minus infinity", async () => {
    const x = line([-inf, -inf, -inf, 4]);
    const pooled = (x: Tensor) => maxPool(x, 3, { stride: 2, padding: 1 });
    expect(await numbers(pooled(x))).toEqual([-inf, 4]);
    expect(await gradientOf(x, pooled)).toEqual([1, 0, 0, 2]);
  });

  it.each<DType>(["int8", "uint8", "int32", "int64", "float16", "float32", "float64"])("holds %s", async (dtype) => {
    const y = maxPool(line([3, 1, 2, 5, 0], dtype), 2, { padding: 1 });
    expect(y.dtype).toBe(dtype);
    expect(await numbers(y.cast("float32"))).toEqual([3, 2, 5]);
    expect(averagePool(line([3, 1, 2, 5, 0], dtype), 2).dtype).toBe(dtype.startsWith("float") ? dtype : "float32");
  });

  it("holds integers below zero at the ends", async () => {
    expect(await numbers(maxPool(line([-3, -7], "int32"), 2, { padding: 1, stride: 1 }))).toEqual([-3, -3, -7]);
    expect(await numbers(maxPool(line([-3, -7], "int64"), 2, { padding: 1, stride: 1 }))).toEqual([-3, -3, -7]);
  });

  it("adds as many places as there are windows for every stride where padding is same, as TensorFlow", async () => {
    expect(await numbers(maxPool(line([1, 2, 3, 4, 5]), 3, { stride: 2, padding: "same" }))).toEqual([2, 4, 5]);
    expect(await numbers(maxPool(line([1, 2, 3, 4]), 3, { stride: 2, padding: "same" }))).toEqual([3, 4]);
    expect(await numbers(averagePool(line([1, 2, 3, 4]), 3, { stride: 2, padding: "same", countPadding: false }))).toEqual([2, 3.5]);
  });

  it("takes an image with more zeros added than a window has places", async () => {
    const wide = line([1, 2, 3, 4]).pad([
      [0, 0],
      [0, 0],
      [3, 3],
    ]);
    expect(await numbers(averagePool(wide, 2))).toEqual([0, 0.5, 2.5, 2, 0]);
    expect(await numbers(maxPool(wide, 2))).toEqual([0, 1, 3, 4, 0]);
  });

  it("has no elements of no images", async () => {
    for (const pooled of [maxPool, averagePool]) {
      const x = zeros([0, 2, 4, 4]);
      expect(pooled(x, 2).shape).toEqual([0, 2, 2, 2]);
      expect(await numbers(pooled(x, 2))).toEqual([]);
      expect(await numbers(grad(sum(pooled(x, 2)), x))).toEqual([]);
    }
  });
});

describe("what does not fit is one clear error", () => {
  const x = ones([1, 1, 4, 5]);
  it.each<[string, () => unknown]>([
    ["maxPool: got [4]: expected [batch, channels, ...places] with 1 to 3 axes of places", () => maxPool(ones([4]), 2)],
    ["maxPool: a window of 5 places on axis 2 of [1, 1, 4, 5] with 0 added", () => maxPool(x, 5)],
    ["maxPool: window 0 along axis 2 of [1, 1, 4, 5] has nothing but padding", () => maxPool(x, 2, { padding: 2 })],
    ["maxPool: window 0 along axis 2 of [1, 1, 1] has nothing but padding", () => maxPool(ones([1, 1, 1]), 2, { padding: 1, dilation: 2 })],
    ["maxPool: unknown option strides: did you mean stride?", () => maxPool(x, 2, { strides: 2 } as never)],
    ["maxPool: stride 0: expected an integer from 1", () => maxPool(x, 2, { stride: 0 })],
    ["maxPool: kernel [2]: expected an integer from 1, or a list of one for each of the 2 axes", () => maxPool(x, [2])],
    ["maxPool: operand 1 is undefined", () => maxPool(undefined as never, 2)],
    ["averagePool: unknown option dilation", () => averagePool(x, 2, { dilation: 2 } as never)],
    ["averagePool: a window of 2 places on axis 2 of [1, 1, 0] with 0 added", () => averagePool(ones([1, 1, 0]), 2)],
    ["adaptiveMaxPool: images of [1, 1, 0] have no places", () => adaptiveMaxPool(ones([1, 1, 0]), 2)],
    ["unfold: unknown option ceilMode", () => unfold(x, 2, { ceilMode: true } as never)],
    ["fold: [1, 3, 4] for windows [2,2] on images [3, 3]: expected [batch, channels * 4, 4]", () => fold(ones([1, 3, 4]), [3, 3], 2)],
    ["fold: got [1, 3]: expected [batch, channels * kernel, windows]", () => fold(ones([1, 3]), [3, 3], 2)],
  ])("%s", (message, call) => {
    expect(call).toThrow(message);
  });
});

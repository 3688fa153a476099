import * as k from "kasane";
import { describe, expect, it } from "vitest";
import { dtypes } from "../../src/graph/dtype.js";

const values: Record<k.DType, unknown[]> = {
  bool: [false, true, true],
  uint8: [0, 1, 250],
  int8: [0, 1, -100],
  int32: [0, 1, -70_000],
  int64: [0n, 1n, -(2n ** 40n)],
  float16: [0, 1, -2.5],
  float32: [0, 1, -2.5],
  float64: [0, 1, -1e-200],
};

describe.each(dtypes)("%s on the CPU", (dtype) => {
  const x = k.tensor(values[dtype] as number[], { dtype });

  it("is made, read back, reshaped, joined and cut", async () => {
    expect(await x.array()).toEqual(values[dtype]);
    const twice = k
      .concat([x, x])
      .reshape([2, 3])
      .transpose()
      .slice([[1, 3]]);
    expect(twice.dtype).toBe(dtype);
    expect(await twice.array()).toEqual(values[dtype].slice(1).map((value) => [value, value]));
    expect(await x.gather(k.tensor([2, 0], { dtype: "int32" })).array()).toEqual([values[dtype][2], values[dtype][0]]);
    expect(await x.flip().array()).toEqual([...values[dtype]].reverse());
    expect(
      await x
        .expand([2, 3])
        .pad(
          [
            [0, 0],
            [1, 0],
          ],
          1,
        )
        .data(),
    ).toHaveLength(8);
    expect(await x.tile([2]).roll(1).data()).toHaveLength(6);
    expect(await k.where(k.tensor([true, false, true]), x, k.zerosLike(x)).array()).toEqual([
      values[dtype][0],
      values[dtype][0],
      values[dtype][2],
    ]);
  });

  it("is filled", async () => {
    expect(await k.ones([2], dtype).cast("int32").array()).toEqual([1, 1]);
    expect(await k.zeros([2, 0], dtype).array()).toEqual([[], []]);
    expect(await k.arange(0, 2, 1, dtype).cast("int32").array()).toEqual([0, 1]);
    expect(await k.eye(2, 2, dtype).cast("int32").array()).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  it.each(dtypes)("is cast to %s", async (other) => {
    const small = k.tensor([0, 1, 3], { dtype: "int32" }).cast(dtype).cast(other);
    expect(small.dtype).toBe(other);
    const numbers = dtype === "bool" || other === "bool" ? [0, 1, 1] : [0, 1, 3];
    expect(((await small.array()) as unknown[]).map(Number)).toEqual(numbers);
  });

  it("is added, multiplied, compared and summed up", async () => {
    const small = k.tensor([0, 1, 3], { dtype: "int32" }).cast(dtype);
    const asNumbers = async (t: k.Tensor) => ((await t.array()) as unknown[]).map(Number);
    const whole = dtype === "bool" ? [0, 1, 1] : [0, 1, 3];
    const sum = small.add(small);
    expect(sum.dtype).toBe(dtype === "bool" ? "int32" : dtype);
    expect(await asNumbers(sum)).toEqual(whole.map((value) => 2 * value));
    expect(await asNumbers(small.mul(small))).toEqual(whole.map((value) => value * value));
    expect(await asNumbers(small.maximum(1))).toEqual(whole.map((value) => Math.max(value, 1)));
    expect(await asNumbers(small.greater(0))).toEqual(whole.map((value) => Number(value > 0)));
    expect(await asNumbers(small.equal(small))).toEqual([1, 1, 1]);
    expect(await small.sum().item()).toBe(whole.reduce((total, value) => total + value));
    expect(await small.max().cast("float32").item()).toBe(Math.max(...whole));
    expect(await small.argmax().item()).toBe(whole.indexOf(Math.max(...whole)));
    expect(await asNumbers(small.clip(1, 2))).toEqual(whole.map((value) => Math.min(Math.max(value, 1), 2)));
    expect(await small.mean().cast("float32").item()).toBeCloseTo(whole.reduce((total, value) => total + value) / 3, 3);
    expect(await asNumbers(small.cumulativeSum())).toEqual([0, whole[1], (whole[1] as number) + (whole[2] as number)]);
    expect(await asNumbers(small.abs())).toEqual(whole);
    expect(await asNumbers(small.floorDiv(2))).toEqual(whole.map((value) => Math.floor(value / 2)));
    expect(await asNumbers(small.mod(2))).toEqual(whole.map((value) => value % 2));
    expect(await asNumbers(small.sqrt())).toHaveLength(3);
    expect(await asNumbers(small.neg().neg())).toHaveLength(3);
    expect(await asNumbers(small.pow(2))).toEqual(whole.map((value) => value ** 2));
    expect(await asNumbers(small.sort({ descending: true }).values)).toEqual([...whole].reverse());
    expect(await small.matmul(small).cast("float32").item()).toBe(whole.reduce((total, value) => total + value * value, 0));
  });
});

describe("promotion", () => {
  it("takes the dtype of the tensor beside a plain number that it can hold", () => {
    const ids = k.tensor([1, 2], { dtype: "int32" });
    expect(ids.add(1).dtype).toBe("int32");
    expect(ids.add(0.5).dtype).toBe("float32");
    expect(ids.add(k.tensor([1, 2])).dtype).toBe("float32");
    expect(k.tensor([1], { dtype: "float16" }).mul(0.5).dtype).toBe("float16");
    expect(k.tensor([true]).add(1).dtype).toBe("int32");
    expect(k.tensor([1], { dtype: "uint8" }).add(1).dtype).toBe("uint8");
  });

  it("makes fractions of whole numbers where the result is one", () => {
    const ids = k.tensor([1, 2], { dtype: "int32" });
    for (const x of [ids.div(2), ids.mean(), ids.exp(), ids.sigmoid(), ids.softmax(), ids.variance()]) expect(x.dtype).toBe("float32");
  });
});

describe("float16", () => {
  const x = k.tensor([1, 2, 3, 4], { dtype: "float16" }).reshape([2, 2]);

  it("goes through products, softmax, normalisation and their gradients", async () => {
    const scale = k.ones([2], "float16");
    const y = k.layerNorm(x.matmul(x), scale, scale).softmax().sum({ axis: 0 });
    expect(y.dtype).toBe("float16");
    expect(await y.sum().item()).toBeCloseTo(2, 2);
    const loss = k.logSoftmax(x.matmul(x)).square().mean();
    const gradient = k.grad(loss, x);
    expect(gradient.dtype).toBe("float16");
    const single = x.cast("float32");
    const expected = (await k.grad(k.logSoftmax(single.matmul(single)).square().mean(), single).data()) as Float32Array;
    const got = (await gradient.cast("float32").data()) as Float32Array;
    const largest = Math.max(...expected.map(Math.abs));
    // float16 has 11 binary digits; a handful of roundings add up.
    for (const [i, value] of expected.entries()) expect(Math.abs((got[i] as number) - value)).toBeLessThan(0.005 * largest);
  });

  it("is not taken for a neutral element by its bits", async () => {
    const tiny = k.tensor(Uint16Array.of(1), { dtype: "float16", shape: [] });
    const double = k.tensor([1024], { dtype: "float16" }).mul(tiny);
    expect(await double.array()).toEqual([2 ** -14]);
  });
});

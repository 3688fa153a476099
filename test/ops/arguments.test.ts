import {
  arange,
  compile,
  concat,
  crossEntropy,
  type DType,
  expand,
  gather,
  KasaneError,
  log,
  matmul,
  meanSquaredError,
  ones,
  random,
  reshape,
  scatterAdd,
  sigmoid,
  slice,
  softmax,
  split,
  stack,
  type Tensor,
  tensor,
  unstack,
  zeros,
} from "kasane";
import { describe, expect, it } from "vitest";

/** The elements as both executors and eager computation have them, where they agree. */
async function everywhere(make: () => Tensor): Promise<unknown> {
  const eager = await make().array();
  for (const executor of ["onnxruntime", "wasm"] as const) {
    const run = compile(make, { executor });
    expect(await (await run()).array()).toEqual(eager);
    await run.dispose();
  }
  return eager;
}

describe("arange", () => {
  it("has as many elements as its shape says, also up to a fraction", async () => {
    expect(await everywhere(() => arange(0, 2.5))).toEqual([0, 1, 2]);
    expect(await everywhere(() => arange(3, -1.5, -2))).toEqual([3, 1, -1]);
    expect(await everywhere(() => arange(2, 2))).toEqual([]);
  });

  it("counts in float32 where it starts or steps at fractions, each element rounded once", async () => {
    const tenths = arange(0, 1, 0.1);
    expect(tenths.dtype).toBe("float32");
    const expected = Array.from({ length: 10 }, (_, i) => Math.fround(i * 0.1));
    expect(await everywhere(() => arange(0, 1, 0.1))).toEqual(expected);
    expect(await arange(0.5, 3).array()).toEqual([0.5, 1.5, 2.5]);
  });

  it("refuses what its dtype cannot hold", () => {
    expect(() => arange(0, 1, 0.1, "int32")).toThrow("arange: 0 to 1 by 0.1 are not integers: expected a floating-point dtype, got int32");
    expect(() => arange(0, 300, 100, "uint8").rank).not.toThrow();
    expect(() => arange(0, 400, 100, "uint8")).toThrow(
      "arange: uint8 does not hold every integer from 0 to 300: expected numbers from 0 to 255",
    );
    expect(() => arange(2 ** 31, 2 ** 31 + 1)).toThrow("arange: int32 does not hold every integer");
    expect(() => arange(2 ** 24, 2 ** 24 + 3, 1, "float32")).toThrow("arange: float32 does not hold every integer");
    expect(() => arange(0, 1, 0)).toThrow("arange: 0 to 1 by 0 has no end");
  });
});

describe("slice", () => {
  it("is empty where it starts before the first element and goes backwards", async () => {
    const x = tensor([1, 2, 3, 4]);
    for (const range of [
      [-5, null, -1],
      [-9, -6, -2],
      [3, 1],
      [9, null],
      [0, -9, 2],
      [1, 2, -1],
    ] as const) {
      expect(await everywhere(() => slice(x, [range]))).toEqual([]);
    }
    expect(await everywhere(() => slice(x, [[-4, null, -1]]))).toEqual([1]);
    expect(await everywhere(() => slice(x, [[-1, -9, -3]]))).toEqual([4, 1]);
  });

  it("refuses bounds that are no integers", () => {
    expect(() => slice(ones([3]), [[0.5]])).toThrow(
      "slice: got the bound 0.5 along axis 0: expected an integer, or null for the end of the axis",
    );
    expect(() => slice(ones([3]), [[0, Number.NaN]])).toThrow("slice: got the bound NaN along axis 0");
    expect(() => slice(ones([3]), [0, 2] as never)).toThrow("slice: got [0,2]: expected a range for each axis, such as [[0, 2]]");
  });
});

describe("parts of a tensor", () => {
  it("stack only where they are alike", () => {
    for (const axis of [0, 1, -1]) {
      const message = "stack: got float32[2, 3] and float32[3, 2]: expected tensors of one dtype and shape";
      expect(() => stack([ones([2, 3]), ones([3, 2])], { axis })).toThrow(message);
      expect(() => stack([ones([2, 3]), ones([2, 3], "int32")], { axis })).toThrow("stack: got float32[2, 3] and int32[2, 3]");
      expect(() => stack([ones([2, 3]), ones([4, 3])], { axis })).toThrow("stack: got");
    }
  });

  it("split into sizes from 0 that fill the axis", async () => {
    expect(() => split(ones([3]), [4, -1])).toThrow(
      "split: axis 0 of [3] does not part into [4,-1]: expected integers from 0 whose sum is 3",
    );
    expect(() => split(ones([3]), [1.5, 1.5])).toThrow("split: axis 0 of [3] does not part into [1.5,1.5]");
    for (const parts of [0, -1, 0.5])
      expect(() => split(ones([3]), parts)).toThrow(`split: got ${parts} parts: expected an integer from 1`);
    const [none, all] = split(ones([3]), [0, 3]) as [Tensor, Tensor];
    expect([await none.array(), await all.array()]).toEqual([[], [1, 1, 1]]);
    expect(unstack(zeros([0, 2]))).toEqual([]);
  });
});

describe("expand", () => {
  it("keeps an axis of size -1", async () => {
    const column = tensor([[1], [2]]);
    expect(await everywhere(() => expand(column, [-1, 3]))).toEqual([
      [1, 1, 1],
      [2, 2, 2],
    ]);
    expect(expand(column, [4, -1, -1]).shape).toEqual([4, 2, 1]);
    expect(expand(zeros([0]), [2, -1]).shape).toEqual([2, 0]);
    expect(() => expand(column, [-1, 2, 1])).toThrow("expand: shape [-1, 2, 1]: every size must be an integer from 0");
  });
});

describe("scatterAdd", () => {
  it("refuses booleans", () => {
    const truths = tensor([true, false]);
    expect(() => scatterAdd(truths, tensor([0, 1], { dtype: "int32" }), truths)).toThrow(
      "scatterAdd: booleans do not add up: cast them to int32",
    );
  });

  it.each(["uint8", "int8", "int32", "int64", "float16", "float32", "float64"] as DType[])("adds up %s", async (dtype) => {
    const x = tensor([1, 2, 3], { dtype });
    const sums = scatterAdd(x, tensor([2, 0, 2], { dtype: "int32" }), x);
    expect(((await sums.array()) as unknown[]).map(Number)).toEqual([3, 2, 7]);
  });
});

describe("operands of another kind", () => {
  const x = ones([2, 3]);
  const call =
    (f: unknown, ...values: unknown[]) =>
    () =>
      (f as (...values: unknown[]) => unknown)(...values);
  it.each<[string, () => unknown, string]>([
    ["matmul of one", call(matmul, x), "matmul: operand 2 is undefined: expected a tensor"],
    ["matmul by an array", call(matmul, x, [1]), "matmul: operand 2 is an array: expected a tensor"],
    ["gather by a number", call(gather, x, 1), "gather: operand 2 is a value of type number: expected a tensor"],
    ["a loss without targets", call(meanSquaredError, x), "meanSquaredError: operand 2 is undefined: expected a tensor"],
    ["labels left out", call(crossEntropy, x), "crossEntropy: operand 2 is undefined: expected a tensor"],
    ["concat of a tensor", call(concat, x), "concat: expected an array of tensors first"],
    ["stack of numbers", call(stack, [x, 1]), "stack: operand 2 is a value of type number: expected a tensor"],
    ["softmax of nothing", call(softmax), "softmax: operand 1 is undefined: expected a tensor"],
    ["reshape of null", call(reshape, null, [1]), "reshape: operand 1 is null: expected a tensor"],
    ["reshape to a number", call(reshape, x, 6), "reshape: the shape is 6: expected a list of sizes, such as [2, 3]"],
    ["zeros of a number", call(zeros, 3), "full: the shape is 3: expected a list of sizes, such as [2, 3]"],
    ["a draw of a bigint", call(random.uniform, 3n), "random: the shape is 3: expected a list of sizes, such as [2, 3]"],
  ])("%s", (_, made, message) => {
    expect(made).toThrow(KasaneError);
    expect(made).toThrow(message);
  });
});

describe("logarithms of probabilities that a kernel rounds to 0", () => {
  it("are those of the function itself", async () => {
    const values = (await everywhere(() => log(sigmoid(tensor([-30, -100, 0]).mul(1))))) as number[];
    [-30, -100, -Math.LN2].forEach((value, i) => expect(values[i]).toBeCloseTo(value, 5));
    const [first] = (await log(softmax(tensor([[0, 200]]).mul(1))).array()) as number[][];
    expect(first).toEqual([-200, 0]);
  });
});

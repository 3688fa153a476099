import { compile, KasaneError, matmul, printGraph, random, type Tensor, tensor, Variable, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { keyOfAttributes } from "../../src/graph/tensor.js";
import { inModule } from "../../src/graph/trace.js";

describe("errors", () => {
  const a = zeros([128, 784]);
  const b = zeros([512, 10]);

  it("say what was got, and in which module", () => {
    expect(() => matmul(a, b)).toThrow(new KasaneError("matmul: inner dimensions differ: [128, 784] x [512, 10]"));
    const inside = () => inModule("Mlp", () => inModule("layers.1", () => matmul(a, b)));
    expect(inside).toThrow("matmul: inner dimensions differ: [128, 784] x [512, 10] (in Mlp.layers.1)");
    expect(() => matmul(a, b)).toThrow(/x \[512, 10\]$/);
  });

  it.each([
    ["add: shapes", () => zeros([2]).add(zeros([3])), "shapes [2] and [3] do not broadcast"],
    ["reshape", () => zeros([2, 3]).reshape([4]), "reshape: [2, 3] has 6 elements, which do not fill [4]"],
    ["reshape to two open sizes", () => zeros([4]).reshape([-1, -1]), "reshape: [4] has 4 elements, which do not fill [-1, -1]"],
    ["transpose", () => zeros([2, 3]).transpose([0, 0]), "transpose: axes [0,0] are not an order of the 2 axes of [2, 3]"],
    ["pad", () => zeros([2, 3]).pad([[1, 0]]), "pad: got [[1,0]] for [2, 3]"],
    ["split", () => zeros([5]).split(2), "split: axis 0 of [5] does not part into 2 equal parts"],
    ["squeeze", () => zeros([2, 1]).squeeze({ axis: 0 }), "squeeze: axis 0 of [2, 1] has size 2, not 1"],
    ["expand", () => zeros([2]).expand([3]), "expand: [2] does not broadcast to [3]"],
    ["slice", () => zeros([2]).slice([[0, 1, 0]]), "slice: step 0 along axis 0: expected an integer other than 0"],
    ["max of nothing", () => zeros([0]).max(), "max: shape [0] has no elements, so it has no max"],
    ["gather by floats", () => zeros([2]).gather(zeros([1])), "gather: indices are float32[1]: expected integers, such as int32"],
    ["topK", () => zeros([3]).topK(4), "topK: k = 4 of an axis of 3: expected an integer from 0 to 3"],
    ["crossEntropy", () => zeros([2, 3]).crossEntropy(zeros([2])), "crossEntropy: logits [2, 3] need integer targets [2], got float32[2]"],
    ["rows", () => tensor([[1, 2], [3]]), "tensor: rows differ in length: 1 and 2 at depth 1"],
    ["elements", () => tensor(["a"] as never), "tensor: an element is string: expected numbers, bigints or booleans"],
    ["fill", () => tensor(new Float32Array(3), { shape: [2] }), "tensor: 3 elements do not fill shape [2], which has 2"],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(KasaneError);
    expect(call).toThrow(message);
  });
});

describe("printGraph", () => {
  it("shows one value a line", () => {
    const weight = new Variable(zeros([3, 2]), { name: "weight" });
    const y = inModule("Mlp", () => matmul(zeros([4, 3]), weight).relu());
    expect(printGraph([y])).toBe(
      [
        "%0 = Expand(data0, shape: [4,3]) : float32[4, 3]  (Mlp)",
        "%1 = MatMul(%0, weight) : float32[4, 2]  (Mlp)",
        "%2 = Relu(%1) : float32[4, 2]  (Mlp)",
        "return %2",
      ].join("\n"),
    );
  });
});

describe("keyOfAttributes", () => {
  it("tells infinities apart", () => {
    expect(keyOfAttributes({ value: Number.POSITIVE_INFINITY })).not.toBe(keyOfAttributes({ value: Number.NEGATIVE_INFINITY }));
    expect(keyOfAttributes({ value: null })).not.toBe(keyOfAttributes({ value: Number.NaN }));
    expect(keyOfAttributes({})).toBe(keyOfAttributes({}));
  });
});

it("a value is computed once", async () => {
  const drawn = random.normal([3]).mul(2);
  const first = await drawn.data();
  expect(await drawn.data()).toBe(first);
  const sums = compile((x: Tensor, y: Tensor) => [x.sum(), y.sum()]);
  const total = await (await sums(drawn, random.normal([2])))[0]?.item();
  expect(total).toBeCloseTo(
    [...(first as Float32Array)].reduce((a, b) => a + b),
    5,
  );
});

it("bytes taken for booleans are 0 and 1, and NaN is true", async () => {
  const bits = tensor(new Uint8Array([0, 1, 2, 255]), { dtype: "bool" });
  expect(await bits.cast("int32").array()).toEqual([0, 1, 1, 1]);
  expect(await bits.equal(true).array()).toEqual([false, true, true, true]);
  for (const executor of ["wasm", "onnxruntime"] as const) {
    const read = compile((q: Tensor) => ({ number: q.cast("float32"), same: q.equal(true) }), { executor });
    const { number, same } = await read(bits);
    expect([await number.array(), await same.array()]).toEqual([
      [0, 1, 1, 1],
      [false, true, true, true],
    ]);
  }
  expect(await tensor([Number.NaN], { dtype: "bool" }).array()).toEqual(await tensor([Number.NaN]).cast("bool").array());
});

import { clip, concat, grad, matmul, ones, prod, sum, tensor, zeros } from "kasane";
import { describe, expect, it } from "vitest";

describe("tensors without elements", () => {
  const none = zeros([0, 3]);

  it("reduce to the neutral element, and refuse reductions that have none", async () => {
    expect(await sum(none, { axis: 0 }).array()).toEqual([0, 0, 0]);
    expect(await prod(none, { axis: 0 }).array()).toEqual([1, 1, 1]);
    expect(() => none.mean()).toThrow("mean: shape [0, 3] has no elements, so it has no mean");
    expect(() => none.argmax()).toThrow("has no elements");
  });

  it("join, multiply, repeat and index", async () => {
    expect(await concat([none, ones([1, 3])]).array()).toEqual([[1, 1, 1]]);
    expect((await matmul(none, ones([3, 2])).data()).length).toBe(0);
    expect(await matmul(ones([2, 0]), ones([0, 2])).array()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect(await ones([2]).tile([0]).array()).toEqual([]);
    expect(await none.reshape([3, 0]).array()).toEqual([[], [], []]);
    expect(
      await ones([3, 2])
        .gather(zeros([0], "int32"))
        .array(),
    ).toEqual([]);
    expect(await ones([3]).topK(0).values.array()).toEqual([]);
    expect(
      await ones([5])
        .slice([[3, 1]])
        .array(),
    ).toEqual([]);
    expect(zeros([0]).unstack()).toEqual([]);
  });

  it("have gradients without elements, and give none", async () => {
    for (const loss of [sum(none), prod(none)]) expect(await grad(loss, none).array()).toEqual([]);
    const x = ones([3, 2]);
    expect(await grad(sum(x.gather(zeros([0], "int32"))), x).array()).toEqual([
      [0, 0],
      [0, 0],
      [0, 0],
    ]);
    const row = ones([5]);
    expect(await grad(sum(row.slice([[3, 1]])), row).array()).toEqual([0, 0, 0, 0, 0]);
  });
});

describe("clip", () => {
  it("takes bounds that the dtype cannot hold", async () => {
    expect(await clip(tensor([3, 200], { dtype: "uint8" }), -1, 300).array()).toEqual([3, 200]);
    expect(await clip(tensor([3, -7], { dtype: "int32" }), Number.NEGATIVE_INFINITY, 2).array()).toEqual([2, -7]);
    expect(await clip(tensor([3, -7], { dtype: "int32" }), -0.5, 1.5).array()).toEqual([1.5, -0.5]);
  });
});

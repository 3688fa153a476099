import {
  clip,
  compile,
  crossEntropy,
  gather,
  grad,
  matmul,
  mul,
  sigmoid,
  sum,
  Tensor,
  tanh,
  tensor,
  transpose,
  Variable,
  zeros,
} from "kasane";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/graph/walk.js";
import { prepare } from "../../src/passes/index.js";
import { scaleLast } from "../../src/passes/scaleLast.js";
import { scatterOnto } from "../../src/passes/scatterOnto.js";
import { targetOf } from "../../src/targets/targets.js";

const input = (shape: readonly number[], name = "x") => new Tensor("float32", shape, { kind: "input", name });
const types = (outputs: readonly Tensor[]) => topologicalOrder(outputs).map((node) => node.operator.type);
/** The sizes of what multiplications by numbers make. */
const multiples = (outputs: readonly Tensor[]) =>
  topologicalOrder(outputs).flatMap(({ operator, inputs, outputs: [result] }) =>
    operator.type === "Mul" && inputs.some((x) => x.size === 1) ? [result?.size] : [],
  );

describe("scaleLast", () => {
  const [raw, y] = [input([50, 40]), input([40, 3], "y")];
  const x = tanh(raw);

  it("multiplies constants first", () => {
    expect(multiples(scaleLast([mul(0.5, mul(0.25, x))]))).toEqual([2000]);
    expect(multiples(scaleLast([mul(mul(mul(raw, 2), 3), 4)]))).toEqual([2000]);
  });

  it.each<[string, number, number]>([
    ["whose product vanishes", 1e-25, 1e-25],
    ["whose product is infinite", 1e25, 1e25],
    ["of which one makes less and the other more", 1e30, 1e-30],
  ])("leaves constants apart %s", (_, first, second) => {
    const outputs = [mul(second, mul(first, raw))];
    expect(scaleLast(outputs)).toEqual(outputs);
  });

  it("leaves factors of half precision where they are", () => {
    const outputs = [sum(mul(sigmoid(new Tensor("float16", [4000], { kind: "input", name: "x" })), 1 / 1024))];
    expect(scaleLast(outputs)).toEqual(outputs);
  });

  it("multiplies what products and sums make of a tensor where that is smaller", () => {
    const scaled = mul(x, 0.1);
    expect(multiples(scaleLast([matmul(scaled, y), sum(scaled, { axis: 0 })])).sort()).toEqual([150, 40]);
    expect(multiples(scaleLast([matmul(mul(x, 0.1), mul(transpose(x), 0.2))]))).toEqual([2000, 2000]);
  });

  it("leaves a multiple that is used otherwise, of which more is made, or that might be too large without its factor", () => {
    for (const make of [
      () => [sum(mul(x, 0.1)), mul(x, 0.1)],
      () => [matmul(mul(tanh(y), 0.1), input([3, 40], "z"))],
      () => [mul(x, 0.1).exp()],
      () => [mul(mul(x, 0.1), y.sum({ axis: 1 }))],
      () => [sum(mul(raw, 0.1))],
      () => [sum(mul(x, 1e-12))],
      () => [sum(mul(x, 2))],
      () => [sum(mul(x, input([], "s")))],
    ]) {
      const outputs = make();
      const [first] = outputs as [Tensor];
      const shared = outputs.length > 1 ? [sum(outputs[1] as Tensor), outputs[1] as Tensor] : [first];
      expect(types(scaleLast(shared))).toEqual(types(shared));
    }
  });

  it("multiplies what is made of a tensor that is reshaped first", () => {
    const [first, second] = [mul(tanh(input([5, 10, 40])), 0.1), mul(tanh(input([5, 10, 40])), 0.1)];
    const made = (scaled: Tensor) => [matmul(scaled.reshape([50, 40]), y), sum(scaled, { axis: [0, 1] })];
    expect(multiples(scaleLast(made(first))).sort()).toEqual([150, 40]);
    expect(multiples(scaleLast([...made(second), second.reshape([2000])]))).toEqual([2000]);
  });

  it.each([[[20]], [[4, 5]]])("scales no gradient of the logits of %j rows by their number", (rows) => {
    const [weight, bias] = [new Variable(zeros([8, 30])), new Variable(zeros([30]))];
    const hidden = input([...rows, 8]);
    const loss = crossEntropy(matmul(hidden, weight).add(bias), input(rows, "targets").cast("int32"));
    const prepared = prepare([loss, ...grad(loss, [hidden, weight, bias])], targetOf("cpu"));
    const products = topologicalOrder(prepared).filter(({ operator }) => operator.type === "Mul");
    expect(Math.max(...products.map(({ outputs: [result] }) => (result as Tensor).size))).toBeLessThan(20 * 30);
  });

  it("computes the same", async () => {
    const step = compile(({ a, b }: { a: Tensor; b: Tensor }) => {
      const scaled = mul(mul(clip(a, -10, 10), 0.75), 0.5);
      return { product: matmul(scaled, b), total: sum(scaled, { axis: 0 }) };
    });
    const { product, total } = await step({ a: [[1, 2, 3], [4, 5, 6]], b: [[1], [0], [-1]] }); // biome-ignore format: rows
    expect(await product.array()).toEqual([[-0.75], [-0.75]]);
    expect(await total.array()).toEqual([1.875, 2.625, 3.375]);
  });
});

describe("scatterOnto", () => {
  const table = new Variable(tensor([[1, 2], [3, 4], [5, 6]])); // biome-ignore format: rows
  const ids = tensor([2, 0, 2], { dtype: "int32" });
  const loss = (hidden: Tensor) => sum(gather(table, ids)).add(sum(matmul(hidden, transpose(table))));

  it("adds rows to the product that they would be added to", () => {
    const outputs = [grad(loss(input([4, 2])), table)];
    const before = types(outputs);
    const after = types(scatterOnto(outputs));
    const added = (list: readonly string[]) => list.filter((type) => type === "Add").length;
    expect(added(after)).toBe(added(before) - 1);
    expect(after).toContain("ScatterND");
  });

  it("leaves rows alone that are repeated", async () => {
    const step = compile((row: Tensor, other: Tensor) => grad(sum(gather(row, tensor([0, 0], { dtype: "int32" }))), row).add(other));
    expect(await (await step([[1, 2]], zeros([2, 2]))).array()).toEqual([[2, 2], [2, 2]]); // biome-ignore format: rows
  });

  it("computes the same", async () => {
    const step = compile((hidden: Tensor) => grad(loss(hidden), table));
    // From the product (10, 20) in every row, and 1 for each look-up.
    expect(await (await step([[10, 20]])).array()).toEqual([[11, 21], [10, 20], [12, 22]]); // biome-ignore format: rows
  });
});

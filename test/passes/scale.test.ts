import { compile, crossEntropy, gather, grad, matmul, mul, sum, Tensor, tensor, transpose, Variable, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/graph/walk.js";
import { prepare } from "../../src/passes/index.js";
import { scaleLast } from "../../src/passes/scaleLast.js";
import { scatterOnto } from "../../src/passes/scatterOnto.js";

const input = (shape: readonly number[], name = "x") => new Tensor("float32", shape, { kind: "input", name });
const types = (outputs: readonly Tensor[]) => topologicalOrder(outputs).map((node) => node.operator.type);
/** The sizes of what multiplications by numbers make. */
const multiples = (outputs: readonly Tensor[]) =>
  topologicalOrder(outputs).flatMap(({ operator, inputs, outputs: [result] }) =>
    operator.type === "Mul" && inputs.some((x) => x.size === 1) ? [result?.size] : [],
  );

describe("scaleLast", () => {
  const [x, y, s, t] = [input([50, 40]), input([40, 3], "y"), input([], "s"), input([1, 1], "t")];

  it("multiplies numbers first", () => {
    expect(multiples(scaleLast([mul(s, mul(t, x))]))).toEqual([1, 2000]);
    expect(multiples(scaleLast([mul(mul(mul(x, s), t), s)]))).toEqual([1, 1, 2000]);
  });

  it("multiplies what products and sums make of a tensor where that is smaller", () => {
    const scaled = mul(x, s);
    expect(multiples(scaleLast([matmul(scaled, y), sum(scaled, { axis: 0 })])).sort()).toEqual([150, 40]);
    expect(multiples(scaleLast([matmul(mul(x, s), mul(transpose(x), t))]))).toEqual([2000, 2000]);
  });

  it("leaves a multiple that is used otherwise, or of which more is made", () => {
    for (const make of [
      () => [sum(mul(x, s)), mul(x, s)],
      () => [matmul(mul(y, s), input([3, 40], "z"))],
      () => [mul(x, s).exp()],
      () => [mul(mul(x, s), y.sum({ axis: 1 }))],
    ]) {
      const outputs = make();
      const [first] = outputs as [Tensor];
      const shared = outputs.length > 1 ? [sum(outputs[1] as Tensor), outputs[1] as Tensor] : [first];
      expect(types(scaleLast(shared))).toEqual(types(shared));
    }
  });

  it("multiplies what is made of a tensor that is reshaped first", () => {
    const [first, second] = [mul(input([5, 10, 40]), s), mul(input([5, 10, 40]), t)];
    const made = (scaled: Tensor) => [matmul(scaled.reshape([50, 40]), y), sum(scaled, { axis: [0, 1] })];
    expect(multiples(scaleLast(made(first))).sort()).toEqual([150, 40]);
    expect(multiples(scaleLast([...made(second), second.reshape([2000])]))).toEqual([2000]);
  });

  it.each([[[20]], [[4, 5]]])("scales no gradient of the logits of %j rows by their number", (rows) => {
    const [weight, bias] = [new Variable(zeros([8, 30])), new Variable(zeros([30]))];
    const hidden = input([...rows, 8]);
    const loss = crossEntropy(matmul(hidden, weight).add(bias), input(rows, "targets").cast("int32"));
    const prepared = prepare([loss, ...grad(loss, [hidden, weight, bias])], { device: "cpu" });
    const products = topologicalOrder(prepared).filter(({ operator }) => operator.type === "Mul");
    expect(Math.max(...products.map(({ outputs: [result] }) => (result as Tensor).size))).toBeLessThan(20 * 30);
  });

  it("computes the same", async () => {
    const step = compile(({ a, b, s }: { a: Tensor; b: Tensor; s: Tensor }) => {
      const scaled = mul(mul(a, 3), s);
      return { product: matmul(scaled, b), total: sum(scaled, { axis: 0 }) };
    });
    const { product, total } = await step({ a: [[1, 2, 3], [4, 5, 6]], b: [[1], [0], [-1]], s: 0.5 }); // biome-ignore format: rows
    expect(await product.array()).toEqual([[-3], [-3]]);
    expect(await total.array()).toEqual([7.5, 10.5, 13.5]);
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

  it("computes the same", async () => {
    const step = compile((hidden: Tensor) => grad(loss(hidden), table));
    // From the product (10, 20) in every row, and 1 for each look-up.
    expect(await (await step([[10, 20]])).array()).toEqual([[11, 21], [10, 20], [12, 22]]); // biome-ignore format: rows
  });
});

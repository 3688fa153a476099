import { compile, grad, matmul, mul, nn, seed, Tensor, tensor, transpose, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/graph/walk.js";
import { absent } from "../../src/ops/create.js";
import { gemm } from "../../src/ops/matmul.js";
import { addToProducts } from "../../src/passes/addToProducts.js";
import { prepare } from "../../src/passes/index.js";
import { applyRules } from "../../src/passes/rules.js";
import { simplify } from "../../src/passes/simplify.js";
import { skipZeros } from "../../src/passes/skipZeros.js";
import { targetOf } from "../../src/targets/targets.js";

const input = (shape: readonly number[], name = "x") => new Tensor("float32", shape, { kind: "input", name });
const types = (outputs: readonly Tensor[]) => topologicalOrder(outputs).map((node) => node.operator.type);
const [a, b] = [input([4, 3], "a"), input([5, 3], "b")];
const product = () => gemm(a, b, 0, 1); // [4, 5]

describe("addToProducts", () => {
  it.each([[[5]], [[1, 5]], [[4, 1]], [[4, 5]], [[]]])("adds %j to a product", (shape) => {
    const c = input(shape, "c");
    expect(types(addToProducts([product().add(c)]))).toEqual(["Gemm"]);
    expect(types(addToProducts([c.add(product())]))).toEqual(["Gemm"]);
    expect(types(addToProducts([c.sub(product())]))).toEqual(["Gemm"]);
  });

  it("adds a bias to the product of all rows of a batch", () => {
    const [x, weight] = [input([2, 3, 7]), input([5, 7], "weight")];
    const sum = (bias: Tensor) => types(addToProducts(applyRules(simplify)([matmul(x, transpose(weight)).add(bias)], targetOf("cpu"))));
    expect(sum(input([5], "bias"))).toEqual(["Reshape", "Gemm", "Reshape"]);
    // Not the same for every row.
    expect(sum(input([3, 1], "bias"))).toContain("Add");
    expect(sum(input([3, 5], "bias"))).toContain("Add");
  });

  it.each<[string, () => readonly Tensor[]]>([
    ["that is needed by itself", () => [product(), product()].flatMap((x) => [x.add(input([5], "c")), x])],
    ["that is taken from", () => [product().sub(input([5], "c"))]],
    ["that is the smaller part of the sum", () => [product().add(input([2, 4, 5], "c"))]],
    ["that is large", () => [gemm(input([128, 3]), input([3, 128], "y"), 0, 0).add(input([128], "c"))]],
    ["to which something was added before", () => [gemm(a, b, 0, 1, { added: input([5], "d") }).add(input([5], "c"))]],
  ])("leaves a product %s", (_, make) => {
    const outputs = make();
    expect(types(addToProducts(outputs))).toEqual(types(outputs));
  });

  it("adds to a large product too where one thread runs, but not to the gradient of a weight", () => {
    const bias = input([128], "c");
    expect(types(addToProducts([gemm(input([128, 3]), input([3, 128], "y"), 0, 0).add(bias)], { threads: 1 }))).toEqual(["Gemm"]);
    const gradient = [gemm(input([3, 128]), input([3, 128], "y"), 1, 0).add(bias)];
    expect(types(addToProducts(gradient, { threads: 1 }))).toEqual(["Gemm", "Add"]);
  });

  it("multiplies the product by a constant itself", async () => {
    const rate = input([], "rate");
    expect(types(addToProducts([mul(0.5, product())]))).toEqual(["Gemm"]);
    // What is not known could be out of float32's range with one of the factors, a vector scales each column, and 0 times infinity is NaN.
    const kept = [mul(rate, product()), mul(input([5], "c"), product()), mul(0, product())];
    expect(types(addToProducts(kept))).toEqual(types(kept));
    const step = compile((x: Tensor, y: Tensor) => matmul(transpose(x), y).mul(1e-30), { executor: "onnxruntime" });
    const [value] = await (await step([[1e20, 1]], [[1e15, 2]])).array() as number[][]; // biome-ignore format: a row
    expect(value?.[0]).toBeCloseTo(1e5, -1);
    expect(value?.[1]).toBeCloseTo(2e-10, 15);
    await step.dispose();
  });

  it("computes the same", async () => {
    const values = (rows: number, columns: number) =>
      Array.from({ length: rows }, (_, i) => Array.from({ length: columns }, (_, j) => Math.sin(1 + i * 7 + j)));
    const [x, w, c] = [values(4, 3), values(5, 3), values(4, 5)] as const;
    const step = compile(({ x, w, c, rate }: { x: Tensor; w: Tensor; c: Tensor; rate: Tensor }) => ({
      sum: matmul(x, transpose(w)).add(c),
      difference: c.sub(mul(rate, matmul(x, transpose(w)))),
      batch: matmul(x.reshape([2, 2, 3]), transpose(w)).add(c.mean({ axis: 0 })),
    }));
    const { sum, difference, batch } = await step({ x, w, c, rate: tensor(0.5) });
    const dot = (i: number, j: number) => (x[i] as number[]).reduce((total, value, k) => total + value * (w[j]?.[k] as number), 0);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < 5; j++) {
        const [product, added] = [dot(i, j), c[i]?.[j] as number];
        const mean = c.reduce((total, row) => total + (row[j] as number), 0) / 4;
        // Float32, in sums of three.
        expect(((await sum.array()) as number[][])[i]?.[j]).toBeCloseTo(product + added, 6);
        expect(((await difference.array()) as number[][])[i]?.[j]).toBeCloseTo(added - 0.5 * product, 6);
        expect(((await batch.array()) as number[][][])[i >> 1]?.[i & 1]?.[j]).toBeCloseTo(product + mean, 6);
      }
    }
  });

  it("makes a product that has gradients", async () => {
    const [x, y, c] = [tensor([[1, 2]]), tensor([[3], [4]]), tensor([[5]])];
    const [result] = [gemm(x, y, 0, 0, { added: c, alpha: -1 })];
    expect(await result.array()).toEqual([[5 - 11]]);
    const gradients = grad(result.sum(), [x, y, c]);
    expect(await Promise.all(gradients.map((gradient) => gradient.array()))).toEqual([[[-3, -4]], [[-1], [-2]], [[1]]]);
  });
});

describe("skipZeros", () => {
  it("leaves out products with zeros, however they are laid out, and sums with them", () => {
    const x = input([4, 5]);
    const outputs = [
      x.add(matmul(absent([4, 3], "float32"), transpose(b))),
      matmul(a, transpose(absent([5, 3], "float32"))).add(x),
      x.add(gemm(absent([2, 4], "float32"), input([2, 5], "y"), 1, 0)),
    ];
    for (const result of applyRules(skipZeros)(outputs, targetOf("cpu"))) expect(result).toBe(x);
  });

  it("leaves what is not known to be zero", () => {
    const outputs = [
      matmul(a, transpose(tensor([[0, 0, 1]]))),
      matmul(a, absent([3, 2], "float32")).add(input([6, 4, 2])),
      input([3]).add(absent([2, 3], "float32")),
    ];
    expect(types([applyRules(skipZeros)(outputs, targetOf("cpu"))[0] as Tensor])).toContain("MatMul");
    expect(applyRules(skipZeros)(outputs, targetOf("cpu")).map(({ shape }) => shape)).toEqual([
      [4, 1],
      [6, 4, 2],
      [2, 3],
    ]);
  });

  it("multiplies zeros that somebody gives: zero times infinity is not zero", async () => {
    const step = compile((x: Tensor) => ({ product: matmul(zeros([1, 2]), x), sum: x.add(zeros([2, 1])) }));
    const { product, sum } = await step([[Number.POSITIVE_INFINITY], [Number.NaN]]);
    expect(await product.array()).toEqual([[Number.NaN]]);
    expect(await sum.array()).toEqual([[Number.POSITIVE_INFINITY], [Number.NaN]]);
    await step.dispose();
  });

  it("spares a recurrent network the first step's product", () => {
    seed(0);
    const rnn = new nn.Rnn(1, 5, { bias: false });
    const outputs = (state?: { hidden: Tensor }) =>
      prepare([rnn.forward(input([1, 2, 1]), state && { state }).outputs.sum()], targetOf("cpu"));
    const products = (list: readonly Tensor[]) => types(list).filter((type) => type === "Gemm" || type === "MatMul").length;
    expect(products(outputs({ hidden: input([1, 2, 5], "hidden") }))).toBe(2);
    expect(products(outputs())).toBeLessThan(2);
  });
});

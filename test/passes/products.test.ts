import { compile, grad, matmul, mul, nn, seed, Tensor, tensor, transpose, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/graph/walk.js";
import { gemm } from "../../src/ops/matmul.js";
import { addToProducts } from "../../src/passes/addToProducts.js";
import { prepare } from "../../src/passes/index.js";
import { simplify } from "../../src/passes/simplify.js";
import { skipZeros } from "../../src/passes/skipZeros.js";

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
    const sum = (bias: Tensor) => types(addToProducts(simplify([matmul(x, transpose(weight)).add(bias)])));
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

  it("multiplies the smaller factor in place of the product", () => {
    const rate = input([], "rate");
    const [column, row] = [input([6, 1], "column"), input([1, 8], "row")];
    const [scaled] = addToProducts([mul(rate, gemm(column, row, 0, 0))]) as [Tensor];
    expect(topologicalOrder([scaled]).map(({ operator, outputs: [x] }) => [operator.type, x?.shape])).toEqual([
      ["Mul", [6, 1]],
      ["Gemm", [6, 8]],
    ]);
    // Both factors have more elements than the product, and a vector scales each column by itself.
    const kept = [mul(rate, product().sum()), mul(rate, gemm(input([9, 2]), input([9, 2], "y"), 1, 0)), mul(input([5], "c"), product())];
    expect(types(addToProducts(kept))).toEqual(types(kept));
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
    const { sum, difference, batch } = await step({ x, w, c, rate: 0.5 });
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
    const [result] = [gemm(x, y, 0, 0, { added: c, negative: true })];
    expect(await result.array()).toEqual([[5 - 11]]);
    const gradients = grad(result.sum(), [x, y, c]);
    expect(await Promise.all(gradients.map((gradient) => gradient.array()))).toEqual([[[-3, -4]], [[-1], [-2]], [[1]]]);
  });
});

describe("skipZeros", () => {
  it("leaves out products with zeros, however they are laid out, and sums with them", () => {
    const x = input([4, 5]);
    const outputs = [
      x.add(matmul(zeros([4, 3]), transpose(b))),
      matmul(a, transpose(zeros([5, 3]))).add(x),
      x.add(gemm(zeros([2, 4]), input([2, 5], "y"), 1, 0)),
    ];
    for (const result of skipZeros(outputs)) expect(result).toBe(x);
  });

  it("leaves what is not known to be zero", () => {
    const outputs = [
      matmul(a, transpose(tensor([[0, 0, 1]]))),
      matmul(a, zeros([3, 2])).add(input([6, 4, 2])),
      input([3]).add(zeros([2, 3])),
    ];
    expect(types([skipZeros(outputs)[0] as Tensor])).toContain("MatMul");
    expect(skipZeros(outputs).map(({ shape }) => shape)).toEqual([
      [4, 1],
      [6, 4, 2],
      [2, 3],
    ]);
  });

  it("spares a recurrent network the first step's product", () => {
    seed(0);
    const rnn = new nn.Rnn(1, 5, { bias: false });
    const outputs = (state?: { hidden: Tensor }) =>
      prepare([rnn.forward(input([1, 2, 1]), state && { state }).outputs.sum()], { device: "cpu" });
    const products = (list: readonly Tensor[]) => types(list).filter((type) => type === "Gemm" || type === "MatMul").length;
    expect(products(outputs({ hidden: input([1, 2, 5], "hidden") }))).toBe(2);
    expect(products(outputs())).toBeLessThan(2);
  });
});

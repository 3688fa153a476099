import {
  argmax,
  argmin,
  binaryCrossEntropy,
  cast,
  clip,
  compile,
  cosineSimilarity,
  crossEntropy,
  expand,
  floorDiv,
  full,
  gather,
  grad,
  gridSample,
  huber,
  klDivergence,
  log,
  max,
  maxPool,
  meanAbsoluteError,
  meanSquaredError,
  mod,
  nn,
  norm,
  pad,
  pow,
  random,
  sigmoid,
  smoothL1,
  softmax,
  sort,
  sum,
  type Tensor,
  tensor,
  topK,
  tril,
  triu,
} from "kasane";
import { describe, expect, it } from "vitest";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
/** The greatest finite number of float32. */
const greatest = (2 - 2 ** -23) * 2 ** 127;
const ints = (...values: number[]) => tensor(values, { dtype: "int32" });

type Function = (...inputs: Tensor[]) => Tensor;
const ways: readonly (readonly [string, (call: Function, ...inputs: Tensor[]) => Promise<unknown>])[] = [
  ["eager", async (call, ...inputs) => call(...inputs).array()],
  ["onnxruntime", async (call, ...inputs) => (await compile(call, { executor: "onnxruntime" })(...inputs)).array()],
  ["wasm", async (call, ...inputs) => (await compile(call, { executor: "wasm" })(...inputs)).array()],
];

describe.each(ways)("%s", (way, run) => {
  const isWasm = way === "wasm";

  it("extrema and their indices: NaN wins, and the first of several counts", async () => {
    const rows = tensor([
      [3, nan, infinity, nan],
      [-infinity, -infinity, 2, 2],
    ]);
    expect(await run((x) => max(x, { axis: 1 }), rows)).toEqual([nan, 2]);
    expect(await run((x) => argmax(x, { axis: 1 }), rows)).toEqual([1, 2]);
    expect(await run((x) => argmin(x, { axis: 1 }), rows)).toEqual([1, 0]);
    expect(await run((x) => argmax(x, { axis: 0, keepDims: true }), rows)).toEqual([[0, 0, 0, 0]]);
    expect(await run((x) => argmin(x), ints(4, -7, -7))).toBe(1);
  });

  it("casts of floats beyond the range of int32: the nearest that it holds, and 0 of NaN", async () => {
    const x = tensor([nan, infinity, -infinity, 3e9, -3e9, 2147483520, -(2 ** 31), 1.9, -1.9]);
    const expected = [0, 2 ** 31 - 1, -(2 ** 31), 2 ** 31 - 1, -(2 ** 31), 2147483520, -(2 ** 31), 1, -1];
    expect(await run((x) => cast(x, "int32"), x)).toEqual(expected);
  });

  it.skipIf(isWasm)("casts of floats to int64 and to 8 bits", async () => {
    expect(await run((x) => cast(x, "int64"), tensor([nan, infinity, -infinity, 3e9]))).toEqual([
      0n,
      2n ** 63n - 1n,
      -(2n ** 63n),
      3_000_000_000n,
    ]);
    // The low bits of 0, of 2^31 - 1, of -2^31, of 300 and of -1
    expect(await run((x) => cast(x, "uint8"), tensor([nan, infinity, -infinity, 300, -1]))).toEqual([0, 255, 0, 44, 255]);
    expect(await run((x) => cast(x, "int32"), tensor([nan, infinity, 5], { dtype: "float16" }))).toEqual([0, 2 ** 31 - 1, 5]);
  });

  it.skipIf(isWasm)("sorting puts NaN above infinity, and keeps the order of equal ones", async () => {
    const x = tensor([greatest, nan, infinity, 1, nan, -infinity, infinity, 1]);
    expect(await run((x) => sort(x).values, x)).toEqual([-infinity, 1, 1, greatest, infinity, infinity, nan, nan]);
    expect(await run((x) => sort(x).indices, x)).toEqual([5, 3, 7, 0, 2, 6, 1, 4]);
    expect(await run((x) => sort(x, { descending: true }).indices, x)).toEqual([1, 4, 2, 6, 0, 3, 7, 5]);
    const y = tensor([5, nan, infinity, 1, nan, -infinity, infinity, 1]);
    expect(await run((x) => topK(x, 3).indices, y)).toEqual([1, 4, 2]);
    expect(await run((x) => grad(sum(topK(x, 3).values.mul(tensor([1, 2, 3]))), x), y)).toEqual([0, 1, 3, 0, 2, 0, 0, 0]);
  });

  it("powers of 1", async () => {
    expect(await run((x) => pow(1, x), tensor([infinity, -infinity, nan]))).toEqual([1, 1, 1]);
    expect(await run((x) => pow(x, infinity), tensor([1, -1, 0.5, 2]))).toEqual([1, 1, 0, infinity]);
  });

  it("the logarithm of a sigmoid or a softmax that vanishes has a gradient", async () => {
    const slopes = (await run((x) => grad(sum(log(sigmoid(x))), x), tensor([-200, -30, 0, -infinity]))) as number[];
    // d ln σ(x) / dx = σ(-x)
    [1, 1, 0.5, 1].forEach((value, i) => expect(slopes[i]).toBeCloseTo(value, 6));
    // d (x₀ - ln Σ eˣ) / dx = [1 - p₀, -p₁] with p = [0, 1]
    const first = (x: Tensor) => gather(log(softmax(x)), ints(0));
    expect(await run((x) => grad(sum(first(x)), x), tensor([0, 200]))).toEqual([1, -1]);
    // By the sigmoid itself it is 1 / σ(x).
    const byItself: Function = (x) => {
      const y = sigmoid(x);
      return grad(sum(log(y)), y);
    };
    expect(await run(byItself, tensor([0]))).toEqual([2]);
  });

  it("bounds that a dtype cannot hold are its ends, and none is where there is an infinity", async () => {
    expect(await run((x) => clip(x, 0, 3e9), ints(5, -5))).toEqual([5, 0]);
    expect(await run((x) => clip(x, -3e9, 3), ints(5, -5))).toEqual([3, -5]);
    expect(await run((x) => clip(x, -infinity, 1), tensor([-infinity, infinity, nan]))).toEqual([-infinity, 1, nan]);
    expect(await run((x) => clip(x, infinity, infinity), tensor([-infinity, 2, infinity]))).toEqual([infinity, infinity, infinity]);
    expect(await run((x) => clip(x, -infinity, -infinity), tensor([-infinity, 2, infinity]))).toEqual([-infinity, -infinity, -infinity]);
    expect(() => clip(tensor([1]), 0, nan)).toThrow("clip: the bounds 0 and NaN: expected numbers");
  });

  it("a diagonal beyond the corners leaves all, or nothing", async () => {
    const x = ints(1, 2, 3, 4).reshape([2, 2]);
    expect(await run((x) => tril(x, 2 ** 31 - 1), x)).toEqual([[1, 2], [3, 4]]); // biome-ignore format: rows
    expect(await run((x) => triu(x, 2 ** 40), x)).toEqual([[0, 0], [0, 0]]); // biome-ignore format: rows
    expect(() => tril(x, 0.5)).toThrow("tril: diagonal 0.5: expected an integer");
  });

  it("an infinity in an image leaves the greatest finite numbers what they are", async () => {
    const image = tensor([-greatest, -greatest, infinity, -infinity, -infinity, -infinity], { shape: [1, 1, 6] });
    expect(await run((x) => maxPool(x, 2), image)).toEqual([[[-greatest, infinity, -infinity]]]);
  });

  it.skipIf(isWasm)("infinity is greater than the greatest finite number", async () => {
    const x = tensor([1, greatest, infinity, nan]);
    expect(await run((x) => topK(x, 2).indices, x)).toEqual([3, 2]);
    expect(await run((x) => topK(x, 1).indices, x.slice([[0, 3]]))).toEqual([2]);
    expect(await run((x) => topK(x.neg(), 2, { largest: false }).indices, x)).toEqual([2, 1]);
  });

  it("an image is sampled far outside as it is at its border, and at no number as at -1", async () => {
    const image = tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], { shape: [1, 1, 3, 3] });
    const at = [1.2e7, 1e9, infinity, -infinity, nan];
    const grid = tensor(at.flatMap((x) => [x, 0]), { shape: [1, 1, 5, 2] }); // biome-ignore format: short
    const sampled = (padding: "zeros" | "border") =>
      run((x, grid) => gridSample(x, grid as Tensor, { padding }).reshape([-1]), image, grid);
    expect(await sampled("border")).toEqual([6, 6, 6, 4, 4]);
    // -1 is the image's outer border: half of the first place.
    expect(await sampled("zeros")).toEqual([0, 0, 0, 0, 2]);
    const mirrored = (x: number) =>
      run(
        (x, grid) => gridSample(x, grid as Tensor, { padding: "reflection" }).reshape([-1]),
        image,
        tensor([x, 0], { shape: [1, 1, 1, 2] }),
      );
    expect(await mirrored(4e6 + 0.5)).toEqual(await mirrored(0.5));
  });

  it("no elements are picked from no elements", async () => {
    expect(await run((x, indices) => gather(x, indices as Tensor), tensor([], { shape: [0, 2] }), tensor([], { dtype: "int32" }))).toEqual(
      [],
    );
  });

  it("lengths beyond the steps are errors that name them", async () => {
    const network = new nn.Lstm(2, 3);
    const call: Function = (x, lengths) => network.forward(x, { lengths: lengths as Tensor }).outputs;
    const message = way === "eager" ? "lengths: 5 of sequence 0" : /index 5 is out of range for an axis of 3 \(in Lstm\.lengths\)/;
    await expect(run(call, tensor(new Float32Array(8), { shape: [2, 2, 2] }), ints(5, 1))).rejects.toThrow(message);
  });

  it.skipIf(isWasm)("integers divided by 0 are one error", async () => {
    for (const divide of [floorDiv, mod])
      for (const dtype of ["int32", "int64"] as const)
        await expect(run(divide, tensor([5], { dtype }), tensor([0], { dtype }))).rejects.toThrow(/^an integer is divided by 0$/);
  });
});

describe("an index of 64 bits beyond any axis", () => {
  it("is an error that does not name another", async () => {
    const embedding = new nn.Embedding(4, 2);
    const ids = tensor([2n ** 32n]);
    expect(() => embedding.forward(ids)).toThrow("index 4294967296 is out of range: expected 0 to 3");
    const lookUp = compile((ids: Tensor) => embedding.forward(ids));
    await expect(lookUp(ids)).rejects.toThrow("index 1073741823 or more is out of range for an axis of 4");
    await expect(lookUp(tensor([-(2n ** 32n)]))).rejects.toThrow("index -1073741823 or less is out of range for an axis of 4");
  });
});

describe("plain numbers that a dtype cannot hold", () => {
  it.each([
    ["as an element", () => tensor([300], { dtype: "uint8" }), "tensor: the number 300 as uint8: expected one that it holds"],
    ["of a typed array", () => tensor(new Float64Array([3e9]), { dtype: "int32" }), "tensor: the number 3000000000 as int32"],
    ["as NaN", () => tensor([nan], { dtype: "int32" }), "tensor: the number NaN as int32"],
    ["filling a tensor", () => full([2], 2 ** 31, "int32"), "full: the number 2147483648 as int32"],
    ["beside a tensor", () => ints(1).add(3e9), "Add: the number 3000000000 beside int32: expected one that it holds"],
    ["around a tensor", () => pad(ints(1), [[1, 1]], 3e9), "pad: the number 3000000000 beside int32"],
    ["a fraction around integers", () => pad(ints(1), [[1, 1]], 0.5), "pad: the number 0.5 beside int32"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });

  it("but fractions are cut off, and all that it holds is held", async () => {
    expect(await tensor([255.9, 0], { dtype: "uint8" }).array()).toEqual([255, 0]);
    expect(await tensor([2n ** 63n - 1n, -(2n ** 63n)]).array()).toEqual([2n ** 63n - 1n, -(2n ** 63n)]);
  });
});

describe("what is no operand, no shape and no option", () => {
  it.each([
    ["a dtype in place of options", () => tensor([1], "int32" as never), "tensor: got string in place of options"],
    ["a sum of a text", () => sum("x" as never), "sum: operand 1 is a value of type string: expected a tensor"],
    ["an argmax of nothing", () => argmax(undefined as never), "argmax: operand 1 is undefined"],
    ["an expansion to a number", () => expand(ints(1), 3 as never), "expand: the shape is 3: expected a list of sizes"],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
  });
});

it("categorical draws of integer logits have the probabilities of their softmax", async () => {
  for (const dtype of ["int32", "int64", "uint8"] as const) {
    const drawn = (await random.categorical(expand(tensor([0, 0, 0, 0], { dtype }), [20_000, 4])).array()) as number[];
    // 5000 each, with a standard deviation of 61
    for (const kind of [0, 1, 2, 3]) expect(Math.abs(drawn.filter((each) => each === kind).length - 5000)).toBeLessThan(360);
  }
});

it("graphs of very many operators are ONNX Runtime's, and an error of the other executor", async () => {
  const long = (x: Tensor) => {
    let y = x;
    for (let i = 0; i < 2100; i++) y = y.add(x).tanh();
    return y;
  };
  await expect(compile(long, { executor: "wasm" })(tensor([0.5]))).rejects.toThrow(
    'executor "wasm": it has no code for 4200 operators in one graph',
  );
  const [value] = (await (await compile(long)(tensor([0.5]))).array()) as number[];
  // The fixed point of y = tanh(y + 1/2)
  expect(Math.abs(Math.tanh((value as number) + 0.5) - (value as number))).toBeLessThan(1e-6);
}, 60_000);

// The module has no bytes.
describe.each(ways.filter(([name]) => name !== "wasm"))("losses and norms of integers are those of floats: %s", (_, run) => {
  const bytes = (...values: number[]) => tensor(values, { dtype: "uint8" });
  it.each<[string, Function, Tensor[], number]>([
    ["norm of bytes", (x) => norm(x), [bytes(16, 16, 3)], Math.sqrt(521)],
    ["norm of large integers", (x) => norm(x), [ints(65536, 65536)], 65536 * Math.SQRT2],
    ["squared error", (a, b) => meanSquaredError(a, b), [ints(1, 2), tensor([0.5, 2.75])], 0.40625],
    ["absolute error", (a, b) => meanAbsoluteError(a, b), [bytes(1, 2), bytes(20, 30)], 23.5],
    ["Huber", (a, b) => huber(a, b), [bytes(1, 2), bytes(3, 5)], 2],
    ["smooth L1", (a, b) => smoothL1(a, b), [bytes(1, 2), bytes(3, 5)], 2],
    ["cross entropy", (a, b) => binaryCrossEntropy(a, b), [ints(1, 2), tensor([0.5, 0.5])], 0.970095],
    ["divergence", (a, b) => klDivergence(a, b), [tensor([[-1, -2]], { dtype: "int32" }), tensor([[0.5, 0.5]])], 0.806853],
    ["angle", (a, b) => cosineSimilarity(a, b), [bytes(200, 100), bytes(200, 100)], 1],
  ])("%s", async (__, call, inputs, expected) => {
    expect(Math.abs(Number(await run(call, ...inputs)) - expected)).toBeLessThan(1e-5 * Math.max(expected, 1));
  });

  it("an ignored target counts nothing where its loss is infinite", async () => {
    const logits = tensor([
      [-infinity, 1, 2],
      [-infinity, 1, 2],
    ]);
    expect(await run((x) => crossEntropy(x, ints(0, 1), { ignoreIndex: 0 }), logits)).toBeCloseTo(1.31326, 4);
  });

  it("a norm of an order below 1 has the gradient 0 at a zero", async () => {
    expect(await run((x) => grad(norm(x, { order: 0.5 }), x), tensor([0, 4]))).toEqual([0, 1]);
  });
});

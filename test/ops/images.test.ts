import {
  batchNorm,
  compile,
  type DType,
  eye,
  grad,
  gridSample,
  groupNorm,
  instanceNorm,
  localResponseNorm,
  matmul,
  mul,
  reshape,
  sum,
  type Tensor,
  tensor,
  upsample,
  zeros,
} from "kasane";
import { describe, expect, it, test } from "vitest";
import { elementAt } from "../../src/graph/dtype.js";
import { relativeError } from "./evaluate.js";

async function values(x: Tensor): Promise<number[]> {
  const data = await x.data();
  return Array.from({ length: x.size }, (_, i) => Number(elementAt(data, i, x.dtype)));
}
const executors = ["onnxruntime", "wasm"] as const;

/** An image `[2, 4, 3, 4]` of plain numbers. */
const numbers = Float32Array.from({ length: 2 * 4 * 3 * 4 }, (_, i) => Math.sin(3 * i));
const image = (dtype: DType = "float32", change: Record<number, number> = {}) =>
  tensor(
    Float32Array.from(numbers, (value, i) => change[i] ?? value),
    { shape: [2, 4, 3, 4], dtype },
  );
const grid = (dtype: DType = "float32") =>
  tensor(
    Float32Array.from({ length: 2 * 5 * 2 }, (_, i) => 1.3 * Math.cos(i)),
    { shape: [2, 5, 1, 2], dtype },
  );

const functions: Record<string, (x: Tensor) => Tensor> = {
  "batchNorm of the batch": (x) => batchNorm(x),
  "batchNorm by running statistics": (x) => batchNorm(x, { mean: zeros([4], x.dtype), variance: zeros([4], x.dtype).add(2) }),
  instanceNorm: (x) => instanceNorm(x),
  groupNorm: (x) => groupNorm(x, 2),
  localResponseNorm: (x) => localResponseNorm(x, 3, { alpha: 1 }),
  "upsample to the nearest": (x) => upsample(x, { scale: 2 }),
  "upsample along lines": (x) => upsample(x, { size: [5, 3], mode: "linear" }),
  "upsample along cubics": (x) => upsample(x, { scale: 1.5, mode: "cubic" }),
  gridSample: (x) => gridSample(x, grid(x.dtype), { padding: "reflection" }),
};

async function run(f: (x: Tensor) => Tensor, x: Tensor, executor: (typeof executors)[number] = "onnxruntime"): Promise<number[]> {
  const compiled = compile(f, { executor });
  try {
    return await values(await compiled(x));
  } finally {
    await compiled.dispose();
  }
}

test.each(Object.entries(functions))(
  "%s is the same in half and double precision, and by our own module, within rounding",
  async (_, f) => {
    const expected = await run(f, image("float64"));
    for (const executor of executors) expect(relativeError(await run(f, image(), executor), expected, 1e-3)).toBeLessThan(1e-5);
    expect(relativeError(await run(f, image("float16")), expected, 1e-3)).toBeLessThan(5e-3);
  },
);

describe.each(executors)("by %s", (executor) => {
  test.each(Object.entries(functions))("%s keeps what is not finite in its channel", async (name, f) => {
    // The first element of the last channel of the last example.
    const at = (2 * 4 - 1) * 12;
    const expected = await run(f, image(), executor);
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const got = await run(f, image("float32", { [at]: value }), executor);
      // What the channel before it, or those of its group or neighbourhood, have to do with it is left out.
      const free = expected.length / 2;
      const channels = name.startsWith("batchNorm") ? 0.75 * free : free;
      expect(relativeError(got.slice(0, channels), expected.slice(0, channels), 1e-3)).toBeLessThan(1e-5);
    }
  });

  it("samples at places that are no numbers without a fault, and at the others as before", async () => {
    const coordinates = Float32Array.from([
      0.1,
      0.2,
      Number.NaN,
      0,
      Number.POSITIVE_INFINITY,
      0.5,
      -0.3,
      0.9,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
    const at = tensor(coordinates, { shape: [1, 5, 1, 2] });
    const x = image().slice([[0, 1]]);
    for (const padding of ["zeros", "border"] as const) {
      const got = await run((places) => gridSample(x, places, { padding }), at, executor);
      const expected = await run((places) => gridSample(x, places, { padding }), at.slice([[], [0, 1]]), executor);
      expect(got.filter((_, i) => i % 5 === 0)).toEqual(expected);
    }
  });
});

describe("images without elements", () => {
  test.each(Object.entries(functions).filter(([name]) => name !== "gridSample"))("%s", (name, f) => {
    const shape = f(zeros([0, 4, 3, 4])).shape;
    expect(shape.slice(0, 2)).toEqual([0, 4]);
    if (!name.startsWith("upsample")) expect(shape).toEqual([0, 4, 3, 4]);
  });
});

describe("the gradient of a long line", () => {
  test.each(["linear", "nearest"] as const)("along %s ones is the transpose of what each of its places gives", async (mode) => {
    const resample = (x: Tensor) => upsample(x, { size: 701, mode });
    const weights = tensor(Float64Array.from({ length: 701 }, (_, i) => Math.cos(i)));
    const gradient = await run((x) => grad(sum(mul(resample(x), weights)), x), zeros([1, 1, 300], "float64"));
    const each = await run((x) => matmul(resample(reshape(x, [300, 1, 300])), weights), eye(300, 300, "float64"));
    expect(relativeError(gradient, each, 1e-3)).toBeLessThan(1e-12);
  });
});

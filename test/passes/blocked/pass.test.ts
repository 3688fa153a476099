import {
  add,
  averagePool,
  batchNorm,
  type CompileOptions,
  compile,
  concat,
  conv,
  explain,
  globalAveragePool,
  grad,
  matmul,
  maxPool,
  mul,
  neg,
  pad,
  random,
  relu,
  reshape,
  round,
  seed,
  sigmoid,
  slice,
  split,
  sqrt,
  square,
  sum,
  Tensor,
  tanh,
  tensor,
} from "kasane";
import { beforeEach, describe, expect, it } from "vitest";
import { topologicalOrder } from "../../../src/graph/walk.js";
import { convolutions } from "../../../src/ops/conv.js";
import { apply } from "../../../src/ops/operator.js";
import { prepare } from "../../../src/passes/index.js";
import { targetOf } from "../../../src/targets/targets.js";
import { apart, caseOf } from "./cases.js";

const input = (...shape: readonly number[]) => new Tensor("float32", shape, { kind: "input", name: "x" });
const typesOf = (outputs: readonly Tensor[], block: number) =>
  topologicalOrder(prepare(outputs, targetOf("cpu", 1, block))).map(({ operator }) => operator.type);
const count = (types: readonly string[], type: string) => types.filter((each) => each === type).length;

/** What a function gives with blocks of channels and without, and the layouts with them. */
async function both(fn: (...values: Tensor[]) => readonly Tensor[], values: readonly Tensor[], options: CompileOptions = {}) {
  const blocked = compile(fn, { executor: "onnxruntime", ...options });
  const plain = compile(fn, { executor: "onnxruntime", ...options, channelBlocks: false });
  const results = { blocked: await blocked(...values), plain: await plain(...values) };
  const [{ convolutions = [] } = {}] = explain(blocked);
  await blocked.dispose();
  await plain.dispose();
  return { ...results, convolutions };
}

/** The gradients of a loss of a value by some tensors. */
const gradients = (y: Tensor, by: readonly Tensor[]): readonly Tensor[] => grad(sum(square(y)), by) as readonly Tensor[];

/** A kernel of one element for more or fewer channels. */
const tiled = (w: Tensor, channels: number): Tensor => slice(concat([w, w, w], { axis: 1 }), [[], [0, channels]]);

beforeEach(() => seed(1));

describe("blockChannels", () => {
  it("reorders at the ends alone, and computes bias and ReLU with the convolutions", () => {
    const [x, w, b] = [input(4, 32, 14, 14), input(32, 32, 3, 3), input(32)];
    let y = x;
    for (let i = 0; i < 3; i++) y = relu(conv(y, w, { bias: b, padding: 1 }));
    const types = typesOf([y], 16);
    expect([count(types, "BlockedConv"), count(types, "FromBlocked"), count(types, "Relu"), count(types, "Add")]).toEqual([3, 1, 0, 0]);
    // One of the images; the weights, which are shared, take two.
    expect(count(types, "ToBlocked")).toBe(3);
    expect(typesOf([y], 1)).not.toContain("BlockedConv");
  });

  it("adds what a residual connection adds within the convolution, and its gradient in that of the images", () => {
    const [x, v, w] = [input(4, 32, 14, 14), input(32, 32, 3, 3), input(32, 32, 3, 3)];
    const y = relu(add(x, conv(relu(conv(x, v, { padding: 1 })), w, { padding: 1 })));
    const types = typesOf([y, ...gradients(y, [x, v, w])], 16);
    expect([count(types, "Add"), count(types, "Relu")]).toEqual([0, 0]);
  });

  it.each([8, 16])("computes the same in blocks of %i, by the definitions of its operators", async (block) => {
    for (const seed of [0, 3, 5, 8, 13, 21, 34, 55]) {
      const { batch, channels, outputs, size, kernel, geometry } = caseOf(seed);
      const [x, w] = [random.normal([batch, channels, ...size]), random.normal([outputs, channels / geometry.group, ...kernel])];
      const y = relu(apply(convolutions.Conv, [x, w, random.normal([outputs])], geometry));
      const results = [y, ...gradients(y, [x, w])];
      const prepared = prepare(results, targetOf("cuda", 1, block));
      for (const [i, result] of results.entries()) expect(await apart(prepared[i] as Tensor, result)).toBeLessThan(1e-5);
    }
  });

  it.each([1, 3, 16, 20, 40])("gives the values and gradients of the plain layout: network with %i channels", async (channels) => {
    const x = random.normal([20, 3, 16, 16]);
    const [u, v, w, dense] = [
      [channels, 3, 3, 3],
      [channels + 5, channels, 3, 3],
      [channels + 5, channels + 5, 3, 3],
      [(channels + 5) * 16, 4],
    ].map((shape) => mul(random.normal(shape), 0.2)) as [Tensor, Tensor, Tensor, Tensor];
    const network = (...[x, u, v, w, dense]: Tensor[]): readonly Tensor[] => {
      let h = maxPool(relu(conv(x as Tensor, u as Tensor, { padding: 1 })), 2);
      h = relu(conv(h, v as Tensor, { padding: 1, stride: 2 }));
      h = add(h, conv(h, w as Tensor, { padding: 2, dilation: 2 }));
      const y = matmul(reshape(h, [20, -1]), dense as Tensor);
      return [y, ...gradients(y, [x, u, v, w, dense] as Tensor[])];
    };
    const { blocked, plain } = await both(network, [x, u, v, w, dense]);
    for (const [i, each] of blocked.entries()) expect(await apart(each, plain[i] as Tensor)).toBeLessThan(1e-5);
  });

  it("sums up products with factors that lack the axis of the batch", async () => {
    const [x, w, b] = [random.normal([1, 32, 32, 32]), random.normal([32, 32, 3, 3]), random.normal([32, 32, 32])];
    const { blocked, plain } = await both(
      (x, w, b) => [sum(mul(conv(x as Tensor, w as Tensor, { padding: 1 }), b as Tensor), { axis: [0, 2, 3] })],
      [x, w, b],
    );
    expect(await apart(blocked[0] as Tensor, plain[0] as Tensor)).toBeLessThan(1e-5);
  });

  it("leaves pools alone whose padding is as wide as their windows", async () => {
    const { blocked, plain } = await both(
      (x, w) => [maxPool(conv(x as Tensor, w as Tensor, { padding: 1 }), 3, { padding: 3, dilation: 2, stride: 2 })],
      [random.normal([2, 32, 16, 16]), random.normal([32, 32, 3, 3])],
    );
    expect(await apart(blocked[0] as Tensor, plain[0] as Tensor)).toBeLessThan(1e-5);
  });

  it("keeps NaN and infinities where they are, and takes no gradient through a ReLU that is off", async () => {
    const data = new Float32Array(2 * 32 * 8 * 8).map((_, i) => Math.sin(i));
    for (const [place, value] of [
      [5, Number.NaN],
      [700, Number.POSITIVE_INFINITY],
      [3000, Number.NEGATIVE_INFINITY],
    ] as const)
      data[place] = value;
    const w = random.normal([32, 32, 1, 1]);
    const y = await both(
      (x, w) => [relu(conv(relu(conv(x as Tensor, w as Tensor)), w as Tensor))],
      [tensor(data, { shape: [2, 32, 8, 8] }), w],
    );
    expect(await apart(y.blocked[0] as Tensor, y.plain[0] as Tensor)).toBeLessThan(1e-5);
    // The square root's gradient is infinite where the ReLU gives 0. The sums of integers are exact.
    const rooted = (x: Tensor, w: Tensor) => {
      const h = sqrt(relu(conv(x, w, { padding: 1 })));
      return grad(sum(conv(h, w, { padding: 1 })), [x, w]) as readonly Tensor[];
    };
    const g = await both(
      rooted as never,
      [
        [4, 32, 12, 12],
        [32, 32, 3, 3],
      ].map((shape) => round(random.normal(shape))),
    );
    for (const [i, each] of g.blocked.entries()) {
      const elements = await each.data();
      expect(elements.every((value) => Number.isFinite(Number(value)))).toBe(true);
      expect(await apart(each, g.plain[i] as Tensor)).toBeLessThan(1e-5);
    }
    expect(g.convolutions.map(({ layout }) => layout)).toContain("blocked");
  });

  it.each<[string, (x: Tensor) => Tensor]>([
    ["maxima of windows side by side", (x) => maxPool(x, 2)],
    ["maxima of windows that overlap, with padding", (x) => maxPool(x, 3, { stride: 2, padding: 1 })],
    ["maxima of dilated windows", (x) => maxPool(x, [2, 3], { stride: 1, dilation: 2 })],
    ["means of windows side by side", (x) => averagePool(x, 2)],
    ["means that count the padding", (x) => averagePool(x, 3, { stride: 2, padding: 1 })],
    ["means that do not", (x) => averagePool(x, 3, { stride: 2, padding: 1, countPadding: false })],
    ["the mean over all places", (x) => globalAveragePool(x)],
    ["channels side by side, and apart", (x) => concat(split(concat([x, tanh(x)], { axis: 1 }), 2, { axis: 1 }).toReversed(), { axis: 1 })],
    [
      "a part of the places, padded",
      (x) =>
        pad(slice(x, [[], [], [1, 7], [2, null, 2]]), [
          [0, 0],
          [0, 0],
          [1, 0],
          [0, 2],
        ]),
    ],
    ["a gate of each channel", (x) => mul(x, sigmoid(mul(globalAveragePool(x), 3)))],
  ])("keeps blocked: %s", async (_, between) => {
    const values = [
      [16, 32, 12, 12],
      [32, 32, 3, 3],
      [32, 32, 1, 1],
    ].map((shape) => random.normal(shape));
    const network = (...[x, v, w]: Tensor[]): readonly Tensor[] => {
      const y = between(relu(conv(x as Tensor, v as Tensor, { padding: 1 })));
      const z = conv(y, tiled(w as Tensor, y.shape[1] as number));
      return [z, ...gradients(z, [x, v, w] as Tensor[])];
    };
    const { blocked, plain, convolutions } = await both(network, values);
    for (const [i, each] of blocked.entries()) expect(await apart(each, plain[i] as Tensor)).toBeLessThan(1e-5);
    expect(convolutions.map(({ layout }) => layout)).toContain("blocked");
  });

  it("finds the maximum that is no number, or infinite, and gives infinite gradients to the first maximum alone", async () => {
    const image = await random.normal([4, 32, 16, 16]).data();
    const elements = Float32Array.from(image as Float32Array, (x) => Math.round(x * 2));
    for (const [place, value] of [
      [3, Number.NaN],
      [9000, Number.POSITIVE_INFINITY],
      [20000, Number.NEGATIVE_INFINITY],
    ] as const)
      elements[place] = value;
    const kernel = await random.normal([4, 32, 8, 8]).data();
    const factors = Float32Array.from(kernel as Float32Array, (x, i) => (i === 50 ? Number.POSITIVE_INFINITY : x));
    const identity = tensor(
      Float32Array.from({ length: 32 * 32 }, (_, i) => (i % 33 === 0 ? 1 : 0)),
      { shape: [32, 32, 1, 1] },
    );
    for (const poisoned of [elements, elements.map((x) => (Number.isFinite(x) ? x : 0))]) {
      const pooled = (...[x, f, w]: Tensor[]): readonly Tensor[] => {
        const y = maxPool(mul(x as Tensor, 1), 2);
        // The convolutions are those of the zeros, so that no infinity spreads.
        const z = add(mul(y, f as Tensor), conv(mul(relu(neg(square(y))), 0), w as Tensor));
        return [y, ...(grad(sum(z), [x as Tensor]) as readonly Tensor[])];
      };
      const values = [tensor(poisoned, { shape: [4, 32, 16, 16] }), tensor(factors, { shape: [4, 32, 8, 8] }), identity];
      const { blocked, plain } = await both(pooled, values);
      for (const [i, each] of blocked.entries()) expect(await each.data()).toEqual(await (plain[i] as Tensor).data());
      expect(typesOf(pooled(...values.map(({ shape }) => input(...shape))), 16)).toContain("Branch");
    }
  });

  it.each([0, 1])("finds minus infinity where a window has nothing else, padding %i", async (padding) => {
    const values = [random.normal([2, 32, 12, 12]), random.normal([32, 32, 3, 3])];
    // A bias that no number is above makes a whole channel of it.
    const bias = tensor(Float32Array.from({ length: 32 }, (_, i) => (i === 3 ? Number.NEGATIVE_INFINITY : i)));
    const pooled = (...[x, w]: Tensor[]): readonly Tensor[] => [
      maxPool(conv(x as Tensor, w as Tensor, { bias, padding: 1 }), 3, { stride: 2, padding }),
    ];
    const { blocked, plain } = await both(pooled, values);
    const [[got], [expected]] = [blocked, plain] as [[Tensor], [Tensor]];
    expect(typesOf(pooled(...values.map(({ shape }) => input(...shape))), 16)).toContain("Branch");
    const channel = async (x: Tensor) => new Set((await x.slice([[], [3, 4]]).data()) as Float32Array);
    expect([await channel(got), await channel(expected)]).toEqual([
      new Set([Number.NEGATIVE_INFINITY]),
      new Set([Number.NEGATIVE_INFINITY]),
    ]);
    const others = [got, expected].map((x) => x.slice([[], [4, null]])) as [Tensor, Tensor];
    expect(await apart(...others)).toBeLessThan(1e-5);
  });

  it.each([32, 20])("computes batch normalisation and its gradient as operators on blocks, %i channels", async (channels) => {
    const values = [[16, channels, 10, 10], [channels, channels, 3, 3], [channels], [channels]].map((shape) =>
      add(random.normal(shape), 0.5),
    );
    const network = (...[x, w, slope, shift]: Tensor[]): readonly Tensor[] => {
      const y = batchNorm(conv(x as Tensor, w as Tensor), { weight: slope, bias: shift });
      const z = tanh(add(y, conv(y, mul(w as Tensor, 0.1), { padding: 1 })));
      return [z, ...gradients(z, [x, w, slope, shift] as Tensor[])];
    };
    const { blocked, plain } = await both(network, values);
    for (const [i, each] of blocked.entries()) expect(await apart(each, plain[i] as Tensor)).toBeLessThan(1e-5);
    const inputs = values.map(({ shape }) => input(...shape));
    const types = typesOf(network(...inputs), 16);
    if (channels === 32) expect([count(types, "ReduceMean"), count(types, "BatchNormalization")]).toEqual([0, 0]);
  });

  it("explains what it leaves in the plain layout", async () => {
    const of = async (dtype: "float32" | "float64", x: readonly number[], w: readonly number[], groups = 1) => {
      const { convolutions } = await both(
        (x, w) => [conv(x as Tensor, w as Tensor, { groups })],
        [random.normal(x).cast(dtype), random.normal(w).cast(dtype)],
      );
      return convolutions.map(({ operator, layout, reason }) => [operator, layout, reason]);
    };
    expect(await of("float32", [16, 64, 28, 28], [64, 64, 3, 3])).toEqual([["Conv", "blocked", undefined]]);
    expect(await of("float64", [2, 16, 8, 8], [16, 16, 3, 3])).toEqual([["Conv", "plain", "no blocked form: float64"]]);
    expect(await of("float32", [2, 16, 8, 8, 8], [16, 16, 3, 3, 3])).toEqual([["Conv", "plain", "no blocked form: 3 spatial axes"]]);
    expect(await of("float32", [2, 16, 8, 8], [16, 4, 3, 3], 4)).toEqual([["Conv", "plain", "no blocked form: groups of 4 channels"]]);
    expect(await of("float32", [1, 16, 3, 3], [16, 16, 3, 3])).toEqual([
      ["Conv", "plain", "the blocked kernel saves less than reordering its operands costs"],
    ]);
  });
});

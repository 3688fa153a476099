import {
  add,
  type CompileOptions,
  compile,
  conv,
  explain,
  grad,
  matmul,
  maxPool,
  mul,
  random,
  relu,
  reshape,
  round,
  sqrt,
  square,
  sum,
  Tensor,
  tensor,
} from "kasane";
import { describe, expect, it } from "vitest";
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

describe("blockChannels", () => {
  it("reorders at the ends alone, and computes bias and ReLU with the convolutions", () => {
    const [x, w, b] = [input(4, 32, 14, 14), input(32, 32, 3, 3), input(32)];
    let y = x;
    for (let i = 0; i < 3; i++) y = relu(conv(y, w, { bias: b, padding: 1 }));
    const types = typesOf([y], 16);
    expect([count(types, "BlockedConv"), count(types, "FromBlocked"), count(types, "Relu"), count(types, "Add")]).toEqual([3, 1, 0, 0]);
    // One of the images; the weights, which are shared, take another.
    expect(count(types, "ToBlocked")).toBe(2);
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

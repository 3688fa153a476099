import { compile, nn, random, scan, seed, type Tensor, tensor, Variable } from "kasane";
import ort from "onnxruntime-node";
import { afterEach, describe, expect, it, vi } from "vitest";

/** How many sessions of ONNX Runtime `body` opens. */
async function sessionsOf(body: () => Promise<unknown>): Promise<number> {
  const create = vi.spyOn(ort.InferenceSession, "create");
  const before = create.mock.calls.length;
  await body();
  return create.mock.calls.length - before;
}

afterEach(() => void vi.restoreAllMocks());

/** A step that multiplies the carry by a number and adds the slice. */
const chain = (xs: Tensor, factor: number, extra?: Tensor) =>
  scan(
    (h, x) => {
      const next = h.mul(factor).add(extra ? x.add(extra) : x);
      return { carry: next, outputs: { next } };
    },
    tensor([0, 0]),
    xs,
    { unroll: 0 },
  );

const sequence = (start: number) => tensor(Array.from({ length: 5 }, (_, t) => [start + t, -t]));

/** The last state of {@link chain}, by plain numbers. */
const expected = (start: number, factor: number, extra = [0, 0]) =>
  [0, 1].map((i) =>
    Array.from({ length: 5 }).reduce<number>((h, _, t) => h * factor + ((i === 0 ? start + t : -t) + (extra[i] as number)), 0),
  );

describe("what is computed outside traced functions is compiled once", () => {
  it("for a recurrent network, whatever its weights and inputs are", async () => {
    const networks = [0, 1].map(() => new nn.Lstm(3, 4));
    const run = async (value: number) => {
      for (const lstm of networks) await lstm.forward(tensor(new Float32Array(9 * 2 * 3).fill(value), { shape: [9, 2, 3] })).outputs.data();
    };
    await run(0.5);
    expect(await sessionsOf(() => run(0.25))).toBe(0);
    const [weight] = (networks[0] as nn.Lstm).parameters();
    await weight?.assign(random.normal(weight.shape));
    expect(await sessionsOf(() => run(0.125))).toBe(0);
  });

  it("for a loop and a loop of its gradient, by its structure: another number or constant in the step is another", async () => {
    const last = async (start: number, factor: number, extra?: Tensor) => await chain(sequence(start), factor, extra).carry.array();
    expect(await last(1, 0.5)).toEqual(expected(1, 0.5));
    expect(await sessionsOf(async () => expect(await last(3, 0.5)).toEqual(expected(3, 0.5)))).toBe(0);
    expect(await last(1, 0.25)).toEqual(expected(1, 0.25));
    const constants = [[1, 2], [1, 3]]; // biome-ignore format: pairs
    for (const constant of constants) {
      // Made in the step, so that it stays within the body of the loop.
      const inner = scan((h: Tensor, x: Tensor) => ({ carry: h.add(x).add(tensor(constant)), outputs: {} }), tensor([0, 0]), sequence(0), {
        unroll: 0,
      });
      expect(await inner.carry.array()).toEqual(expected(0, 1, constant));
    }
  });

  it("for draws, which stay those of the seed", async () => {
    const draw = () => random.normal([3]).add(random.bernoulli([3], 0.5));
    seed(3);
    const first = await draw().array();
    const sessions = await sessionsOf(async () => {
      const second = await draw().array();
      expect(second).not.toEqual(first);
      seed(3);
      expect(await draw().array()).toEqual(first);
      expect(await draw().array()).toEqual(second);
    });
    expect(sessions).toBe(0);
  });

  it("for variables that were assigned meanwhile", async () => {
    const v = new Variable(tensor([1, 2]));
    const s = new Variable(tensor(3));
    const product = async () => v.mul(s).array();
    expect(await product()).toEqual([3, 6]);
    const sessions = await sessionsOf(async () => {
      await Promise.all([v.assign(tensor([5, 6])), s.assign(tensor(2))]);
      expect(await product()).toEqual([10, 12]);
    });
    expect(sessions).toBe(0);
  });
});

it("0 and -0 are two constants, outside and in one graph", async () => {
  const x = tensor([1, 2]);
  const infinity = Number.POSITIVE_INFINITY;
  expect([await x.div(0).array(), await x.div(-0).array()]).toEqual([[infinity, infinity], [-infinity, -infinity]]); // biome-ignore format: pairs
  // ONNX Runtime itself makes one of two such constants in one graph.
  const both = compile((x: Tensor) => [x.div(0), x.div(-0)], { executor: "wasm" });
  expect(await Promise.all((await both(x)).map((y) => y.array()))).toEqual([[infinity, infinity], [-infinity, -infinity]]); // biome-ignore format: pairs
});

it("a draw that leaks out of a traced function is an error", async () => {
  let leaked: Tensor | undefined;
  await compile((x: Tensor) => {
    leaked = random.uniform([2]);
    return x;
  })([1]);
  await expect(leaked?.data()).rejects.toThrow("drawn in a traced function have no value outside it");
});

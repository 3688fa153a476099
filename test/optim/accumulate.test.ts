import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, gather, nn, optim, random, seed, stack, type Tensor, tensor, Variable } from "kasane";
import { train } from "kasane/node";
import { describe, expect, it } from "vitest";

const optimizers: Record<string, (model: nn.Module, accumulate: number) => optim.Optimizer> = {
  "Sgd with momentum": (m, accumulate) => new optim.Sgd(m, { learningRate: 0.1, momentum: 0.9, accumulate }),
  "Adam with a schedule": (m, accumulate) => new optim.Adam(m, { learningRate: optim.cosine(0.05, 8), accumulate }),
  "AdamW, clipped": (m, accumulate) => new optim.AdamW(m, { learningRate: 0.05, clipGlobalNorm: 0.1, clipValue: 0.05, accumulate }),
  Adadelta: (m, accumulate) => new optim.Adadelta(m, { learningRate: 1, accumulate }),
  Adagrad: (m, accumulate) => new optim.Adagrad(m, { learningRate: 0.1, accumulate }),
  RmsProp: (m, accumulate) => new optim.RmsProp(m, { learningRate: 0.01, accumulate }),
};

/** A model that begins alike each time, and a step of a mean loss. */
function setup(make: (model: nn.Module) => optim.Optimizer, workers = 1) {
  seed(3);
  const model = new nn.Sequential(new nn.Linear(5, 6), (x: Tensor) => x.tanh(), new nn.Linear(6, 1));
  const optimizer = make(model);
  const step = compile(
    ({ x, y }: { x: Tensor; y: Tensor }) => {
      const loss = model.forward(x).sub(y).square().mean();
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true, workers },
  );
  const weights = async () => (await Promise.all(model.parameters().map((p) => p.data()))).flatMap((d) => Array.from(d, Number));
  return { model, optimizer, step, weights };
}

const examples = 48;
const at = (i: number) => Math.sin(i * i + 1);

/** Examples `[first, first + count)`. */
const batch = (first: number, count: number) => ({
  x: tensor(
    Float32Array.from({ length: 5 * count }, (_, i) => at(5 * first + i)),
    { shape: [count, 5] },
  ),
  y: tensor(
    Float32Array.from({ length: count }, (_, i) => Math.cos(first + i)),
    { shape: [count, 1] },
  ),
});

describe("accumulate", () => {
  it.each(Object.keys(optimizers))("%s: four batches make the update of one as large as they are together", async (name) => {
    const make = optimizers[name] as (typeof optimizers)[string];
    const large = setup((model) => make(model, 1));
    const small = setup((model) => make(model, 4));
    for (let first = 0; first < examples; first += 16) {
      await large.step(batch(first, 16));
      const before = await small.weights();
      for (let part = 0; part < 4; part++) {
        // Until the last of the four nothing changes, to the bit.
        expect(await small.weights()).toEqual(before);
        await small.step(batch(first + 4 * part, 4));
      }
      const [got, expected] = [await small.weights(), await large.weights()];
      expect(got).not.toEqual(before);
      // Sums in another order, in float32; what Adam divides by is small in the first steps.
      got.forEach((weight, i) => expect(Math.abs(weight - (expected[i] as number))).toBeLessThan(2e-5));
    }
    expect(await small.optimizer.step.item()).toBe(await large.optimizer.step.item());
    await large.step.dispose();
    await small.step.dispose();
  });

  it("is the same with several steps a call, and with workers", async () => {
    const make = (model: nn.Module) => new optim.Adam(model, { learningRate: 0.05, accumulate: 3 });
    const [single, many, workers] = [setup(make), setup(make), setup(make, 2)];
    const batches = Array.from({ length: 9 }, (_, i) => batch(4 * i, 4));
    for (const each of batches) await single.step(each);
    await many.step.many({ x: stack(batches.map(({ x }) => x)), y: stack(batches.map(({ y }) => y)) });
    for (const each of batches) await workers.step(each);
    const expected = await single.weights();
    for (const other of [many, workers]) {
      (await other.weights()).forEach((weight, i) => expect(Math.abs(weight - (expected[i] as number))).toBeLessThan(1e-5));
      await other.step.dispose();
    }
    await single.step.dispose();
  });

  it("goes on to the bit from a checkpoint between two updates", async () => {
    const make = (model: nn.Module) => new optim.Adam(model, { learningRate: 0.05, accumulate: 4 });
    const [whole, first, second] = [setup(make), setup(make), setup(make)];
    const batches = () => Array.from({ length: 10 }, (_, i) => batch(4 * i, 4));
    const folder = await mkdtemp(join(tmpdir(), "kasane-"));
    const run = ({ step, model, optimizer }: typeof whole, steps: number, options: { folder?: string; resume?: boolean }) =>
      train.fit({ step, batches, steps, state: { model, optimizer }, recordEvery: 1, progress: false, ...options });
    const unbroken = await run(whole, 10, {});
    await run(first, 6, { folder });
    const resumed = await run(second, 10, { folder, resume: true });
    expect(resumed.history).toEqual(unbroken.history);
    expect(await second.weights()).toEqual(await whole.weights());
    for (const { step } of [whole, first, second]) await step.dispose();
  });

  it("goes on from more steps than make an update now", async () => {
    const make = (steps: number) => {
      const x = new Variable(tensor(0));
      const optimizer = new optim.Sgd([x], { learningRate: 1, accumulate: steps });
      const step = compile((slope: Tensor) => optimizer.minimize(x.mul(slope).sum()), { training: true });
      return { x, optimizer, step };
    };
    const [before, after] = [make(4), make(2)];
    for (const slope of [1, 2, 3]) await before.step(Float32Array.of(slope));
    await nn.writeVariables(after.optimizer.namedVariables(), await nn.readVariables(before.optimizer.namedVariables()));
    await after.step(Float32Array.of(6));
    expect(await after.x.item()).toBe(-(1 + 2 + 3 + 6) / 4);
    for (const slope of [1, 3]) await after.step(Float32Array.of(slope));
    expect(await after.x.item()).toBe(-3 - 2);
    for (const { step } of [before, after]) await step.dispose();
  });

  it("sums gradients of rows, and those of float16 in float32", async () => {
    const table = new Variable(tensor([[1], [2], [3], [4], [5], [6]]));
    const half = new Variable(tensor([1], { dtype: "float16" }));
    const optimizer = new optim.Sgd([table, half], { learningRate: 1, accumulate: 2 });
    const step = compile(
      (ids: Tensor, slope: Tensor) => {
        optimizer.minimize(
          gather(table, ids)
            .sum()
            .add(half.mul(slope.cast("float16")).sum().cast("float32")),
        );
      },
      { training: true },
    );
    await step(tensor([1, 1], { dtype: "int32" }), tensor([1]));
    await step(tensor([1, 4], { dtype: "int32" }), tensor([2 ** -11]));
    expect(Array.from(await table.data(), Number)).toEqual([1, 2 - 3 / 2, 3, 4, 5 - 1 / 2, 6]);
    // In float16 the sum of 1 and 2^-11 would be 1.
    expect(Array.from((await half.array()) as number[])).toEqual([1 - (1 + 2 ** -11) / 2]);
    await step.dispose();
  });

  it("refuses what it cannot do", () => {
    const weights = [new Variable(random.normal([2, 2]))];
    const make = (options: object) => () => new optim.Sgd(weights, { learningRate: 1, ...options });
    expect(make({ accumulate: 0 })).toThrow(/Sgd: got accumulate 0, expected an integer from 1/);
    expect(make({ accumulate: 1.5 })).toThrow(/got accumulate 1\.5/);
    expect(make({ accumulate: 2, sparse: true })).toThrow(/accumulate keeps sums of whole gradients: leave out sparse/);
  });
});

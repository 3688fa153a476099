import { compile, gather, matmul, nn, optim, square, sum, type Tensor, tensor, transpose, Variable } from "kasane";
import { profile } from "kasane/node";
import { describe, expect, it } from "vitest";
import { trace } from "../../src/graph/trace.js";
import { bind } from "../../src/passes/binding.js";
import { changedInPlace } from "../../src/passes/inPlace.js";
import { targetOf } from "../../src/targets/targets.js";

const [rows, width] = [5_000, 128];
const first = Float32Array.from({ length: rows * width }, (_, i) => (i % 7) - 3);
/** So many elements that several threads may not add them in one operator; some rows stand three times. */
const ids = tensor(Int32Array.from({ length: 2_000 }, (_, i) => (i < 1_997 ? 2 * i : 3_996)));

/** A table of which a step of gradient descent changes some rows, and what else the step gives. */
function training(also: (table: Variable, ids: Tensor) => Tensor | readonly Tensor[]) {
  const table = new Variable(tensor(first, { shape: [rows, width] }));
  const optimizer = new optim.Sgd([table], { learningRate: 0.5 });
  const step = (ids: Tensor): readonly Tensor[] => {
    const results = [also(table, ids)].flat() as Tensor[];
    optimizer.minimize(sum(square(gather(table, ids))));
    return results;
  };
  return { table, step };
}

/** What may be written over, as a step is traced for the given number of threads. */
function writtenOver(also: Parameters<typeof training>[0], threads: number): readonly Variable[] {
  const { step } = training(also);
  const { trace: found, result } = trace(true, () => step(ids));
  return [...changedInPlace(bind({ inputs: [], outputs: result, updates: found.assignments }, targetOf("cpu", threads)))];
}

/** The greatest difference of two elements at the same place. */
const farthest = (a: Float32Array, b: Float32Array): number => a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0);

/** Whether the old value is read before any row changes, for certain. */
const readers: Record<string, { readonly also: Parameters<typeof training>[0]; readonly before: boolean }> = {
  "what the rows follow from": { also: (table, ids) => sum(gather(table, ids)), before: true },
  "nothing else": { also: () => [], before: true },
  "the value itself": { also: (table) => table.mul(1), before: false },
  "a view of it": { also: (table) => table.reshape([width, rows]), before: false },
  "a product with a view of it": {
    also: (table) => matmul(tensor([[1, ...new Array(rows - 1).fill(2)]]), table.reshape([rows, width])),
    before: false,
  },
  "a sum of all of it": { also: (table) => sum(transpose(table)), before: false },
};

describe.each([1, 2])("rows of a table, with %i threads,", (threads) => {
  it.each(Object.keys(readers))("change in their places only where nothing reads the old value afterwards: %s", (name) => {
    const { also, before } = readers[name] as (typeof readers)[string];
    expect(writtenOver(also, threads)).toHaveLength(before ? 1 : 0);
  });

  it.each(Object.keys(readers))("become the same either way: %s", async (name) => {
    const { also } = readers[name] as (typeof readers)[string];
    const { table, step } = training(also);
    const run = compile(step, { training: true, executor: "onnxruntime", threads });
    const numbers = async (x: Tensor) => (await x.data()) as Float32Array;
    // A row that stands n times has n times the gradient 2 x.
    const expected = Float32Array.from(first);
    for (let t = 0; t < 3; t++) {
      const old = tensor(Float32Array.from(expected), { shape: [rows, width] });
      const right = await Promise.all([also(old as Variable, ids)].flat().map(numbers));
      const results = await Promise.all((await run(ids)).map(numbers));
      results.forEach((result, i) => {
        const expected = right[i] as Float32Array;
        expect(farthest(result, expected)).toBeLessThan(1e-5 * Math.max(1, farthest(expected, new Float32Array(expected.length))));
      });
      const touched = Int32Array.from((await ids.data()) as Int32Array);
      const copy = Float32Array.from(expected);
      for (const row of touched) {
        for (let j = row * width; j < (row + 1) * width; j++) expected[j] = (expected[j] as number) - (copy[j] as number);
      }
      expect(farthest(await numbers(table), expected)).toBe(0);
    }
    await run.dispose();
  });
});

it("a profile leaves a table that changes in its place as it was", async () => {
  const { table, step } = training(() => []);
  const run = compile(step, { training: true, executor: "onnxruntime" });
  await run(ids);
  const before = await table.data();
  await profile(run, ids);
  expect(await table.data()).toEqual(before);
});

it("an embedding of many words is trained in one array, by one thread of ONNX Runtime", async () => {
  const model = new nn.Embedding(100_000, 16);
  const optimizer = new optim.Sgd(model, { learningRate: 0.1 });
  const step = compile(
    (ids: Tensor) => {
      const loss = sum(square(model.forward(ids)));
      optimizer.minimize(loss);
      return loss;
    },
    { training: true },
  );
  const arrays = new Set<unknown>();
  for (let i = 0; i < 3; i++) {
    await step(ids);
    arrays.add((model.weight.storage as unknown as { holder: { current: { data: unknown } } }).holder.current.data);
  }
  expect(arrays.size).toBe(1);
  // Only one thread adds rows without losing some.
  expect((await profile(step, ids)).kernels.map(({ operator }) => operator)).toContain("ScatterND");
});

import { allReduce, compile, KasaneError, nn, optim, scan, type Tensor, tensor, Variable, vision, zeros } from "kasane";
import { afterAll, describe, expect, test } from "vitest";
import { threadOf } from "../../src/parallel/threads.js";

const rows = (count: number, width = 2): Tensor =>
  tensor(
    Float32Array.from({ length: count * width }, (_, i) => i + 1),
    { shape: [count, width] },
  );

/** Adds up what `term` makes of 1 to 8, in a loop that is too long to be written out. */
const overTime = (term: (k: Tensor) => Tensor): Tensor =>
  scan((total, k) => ({ carry: total.add(term(k)), outputs: {} }), tensor(0), tensor([1, 2, 3, 4, 5, 6, 7, 8])).carry;

/** Adds up over time what `term` makes of `[batch, time]`, in a loop that is too long to be written out. */
const inTime = (x: Tensor, term: (slice: Tensor) => Tensor): Tensor => {
  const times = x.tile([1, 5]).transpose();
  return scan((total, slice) => ({ carry: total.add(term(slice)), outputs: total }), times.slice([[0, 1]]).reshape([-1]), times).outputs;
};

test("a loop over time is computed by the workers as by one", async () => {
  const fn = (x: Tensor) => inTime(x, (slice) => slice.mul(2).square());
  const [one, two] = [compile(fn), compile(fn, { workers: 2 })];
  expect(await (await two(rows(4))).array()).toEqual(await (await one(rows(4))).array());
  await two.dispose();
});

test("sums of half precision are added up as numbers", async () => {
  const two = compile((x: Tensor) => x.cast("float16").sum(), { workers: 2 });
  expect(await (await two(tensor([1, 1, 1, 1]))).item()).toBe(4);
  await two.dispose();
});

describe("compile with workers names", () => {
  test.each<[string, (x: Tensor) => unknown, RegExp]>([
    [
      "state that follows from a share",
      (x) => void new Variable(zeros([2]), { name: "runningMean" }).assign(x.mean({ axis: 0 })),
      /the next value of runningMean does not follow .* a mean over a worker's share/,
    ],
    [
      "state with gradients that nobody exchanged",
      (x) => {
        const weight = new Variable(zeros([2]), { name: "weight" });
        weight.assign(weight.sub(x.mul(weight).tanh().max({ axis: 0 })));
      },
      /the next value of weight .*ReduceMax\(float32\[2, 2\]\) works along the axis of the batch/,
    ],
    ["a result that is a function of a mean", (x) => ({ perplexity: x.mean().exp() }), /the result "perplexity" .*Exp.*put allReduce\(/],
    ["a mean with other parts than the batch", (x) => x.sub(x.mean({ axis: 0 })), /the result does not follow .*Sub.*put allReduce\(/],
    ["a quotient of sums", (x) => ({ mean: [x.sum().div(x.abs().sum())] }), /"mean.0" .*Div\(float32\[\], float32\[\]\).*allReduce\(/],
    ["a sum cut off to an integer", (x) => x.sum().cast("int32"), /Cast\(float32\[\]\) takes a sum or a mean over a worker's share/],
    ["bounds by the batch's size", (x) => x.clip(0, x.shape[0] as number), /Clip.* has another "high" by the size of the batch/],
    [
      "a place by the batch's size",
      (x) => new Variable(zeros([9]), { name: "w" }).slice([[x.shape[0] as number, (x.shape[0] as number) + 1]]),
      /Slice.* has another ".*" by the size of the batch/,
    ],
    [
      "a product of examples in two orders",
      (x) => x.reshape([1, -1]).matmul(x.transpose().reshape([-1, 1])),
      /MatMul.* brings the examples into another order/,
    ],
    ["a sum and a penalty", (x) => x.sum().add(new Variable(tensor(1)).square()), /Add\(float32\[\], float32\[\]\) puts a sum or a mean/],
    ["all pairs of examples", (x) => x.matmul(x.transpose()), /MatMul.* compares or joins examples: \[2, 2\] of a share, \[4, 4\] of all/],
    ["a softmax over the batch", (x) => x.softmax({ axis: 0 }), /Softmax.* works along the axis of the batch/],
    ["a constant of the batch's size", (x) => x.add(tensor(new Float32Array(x.shape[0] as number)).reshape([-1, 1])), /a constant \[2\]/],
    ["examples to be exchanged", (x) => allReduce(x), /AllReduce.* would mix the examples of the workers/],
    ["an exchange in a loop", (x) => overTime((k) => allReduce(x.mean().mul(k))), /Scan.* has an allReduce within it: take it out/],
    ["one in a loop in a loop", () => overTime(() => overTime((k) => allReduce(k, { reduction: "sum" }))), /Scan.* has an allReduce/],
    ["a mean over the batch in a loop", (x) => inTime(x, (s) => s.sub(s.mean({ axis: 0 }))), /Sub.*a value of its own|Sub.*put allReduce/],
    ["a softmax over the batch in a loop", (x) => inTime(x, (s) => s.softmax({ axis: 0 })), /Softmax.* works along the axis of the batch/],
    [
      "a carry that becomes a mean over a share",
      (x) => scan((c, s) => ({ carry: c.add(s.mean()), outputs: {} }), tensor(0), x.tile([1, 4]).transpose()).carry,
      /Add.* puts|Scan.* carries on what is no longer a value of its own/,
    ],
    [
      "a loop along the batch",
      (x) => scan((c, s) => ({ carry: c.add(s), outputs: c }), zeros([2]), x.tile([4, 1])).outputs,
      /Scan.* goes along the axis of the batch/,
    ],
    [
      "boxes of all images",
      (x) => {
        const boxes = x.tile([1, 2]).reshape([-1, 1, 4]);
        return vision.suppressBoxes(boxes, boxes.slice([[], [], [0, 1]]));
      },
      /NonMaxSuppression.* names images by their places in the batch/,
    ],
    ["the size of the batch as a result", (x) => ({ size: tensor(x.shape[0] as number) }), /"size" .* depends on the size of the batch/],
  ])("%s", async (_, fn, message) => {
    const compiled = compile(fn as (x: Tensor) => Tensor, { workers: 2 });
    await expect(compiled(rows(4))).rejects.toThrow(message);
    await expect(compiled(rows(4))).rejects.toBeInstanceOf(KasaneError);
  });

  test("a hidden state that is carried from batch to batch", async () => {
    const network = new nn.StatefulNetwork(new nn.Lstm(2, 3, { batchFirst: true }), 4);
    const fn = compile((x: Tensor) => network.forward(x), { workers: 2 });
    await expect(fn(rows(4, 10).reshape([4, 5, 2]))).rejects.toThrow(
      /takes 4 examples but not the 2 of a share: .*; state of the batch's size, which workers cannot divide: .*\[1, 4, 3\]/,
    );
  });

  test("sparse updates", async () => {
    const table = new Variable(zeros([5, 2]), { name: "table" });
    const optimizer = new optim.Adam([table], { learningRate: 0.1, sparse: true });
    const fn = compile((ids: Tensor) => optimizer.minimize(table.gather(ids).square().mean()), { training: true, workers: 2 });
    await expect(fn(tensor([0, 1, 2, 3], { dtype: "int32" }))).rejects.toThrow("Adam: sparse: workers exchange whole gradients");
  });

  test("inputs that are not all divided alike, numbers of workers, and devices", async () => {
    const fn = (x: Tensor, y: Tensor) => x.sum().add(y.sum());
    await expect(compile(fn, { workers: 2 })(rows(4), rows(6))).rejects.toThrow("inputs [4, 2], [6, 2]: the first axis of each is divided");
    await expect(compile(fn, { workers: 1.5 })(rows(4), rows(4))).rejects.toThrow("workers: 1.5: expected an integer from 1");
    await expect(compile(fn, { workers: 0 })(rows(4), rows(4))).rejects.toThrow("workers: 0");
    await expect(compile(fn, { workers: 2, device: "webgpu" })(rows(4), rows(4))).rejects.toThrow(/device "webgpu"/);
  });
});

/** A step that counts, and fails where told so: by the row of the example that is at fault. */
function counting(options: { detectAnomalies?: boolean } = {}) {
  const count = new Variable(tensor(0), { name: "count" });
  const weight = new Variable(tensor([1, 1]), { name: "weight" });
  const step = compile(
    ({ x, ids }: { x: Tensor; ids: Tensor }) => {
      const loss = x
        .mul(weight)
        .log()
        .mean()
        .add(tensor([1, 2, 3]).gather(ids).mean());
      new optim.Sgd([weight], { learningRate: 0.1 }).minimize(loss);
      count.assign(count.add(1));
      return loss;
    },
    { training: true, workers: 3, ...options },
  );
  const batch = (bad: { x?: number; id?: number } = {}) => ({
    x: tensor(Array.from({ length: 6 }, (_, i) => [1, bad.x === i ? -1 : 1])),
    ids: tensor(
      Array.from({ length: 6 }, (_, i) => (bad.id === i ? 9 : 0)),
      { dtype: "int32" },
    ),
  });
  return { count, weight, step, batch };
}

describe("a step that fails in the leader or in a worker leaves the state as it was, and the next one is made", () => {
  test.each([0, 3, 5])("with an index out of range in row %i", async (row) => {
    const { count, step, batch } = counting();
    await step(batch());
    await expect(step(batch({ id: row }))).rejects.toThrow(/Gather: index .* is out of range for an axis of/);
    await expect(step(batch({ id: row }))).rejects.toBeInstanceOf(KasaneError);
    expect(await count.item()).toBe(1);
    expect(await (await step(batch())).item()).toBeLessThan(1);
    expect(await count.item()).toBe(2);
  });

  test.each([0, 3, 5])("with a NaN made in row %i", async (row) => {
    const { count, weight, step, batch } = counting({ detectAnomalies: true });
    await expect(step(batch({ x: row }))).rejects.toThrow(/anomaly: Log\(float32\[2, 2\]\) made NaN at element [13]: the variables keep/);
    expect([await count.item(), await weight.array()]).toEqual([0, [1, 1]]);
    expect(await (await step(batch())).item()).toBe(1);
  });

  test("with a NaN that the final computation makes", async () => {
    const state = new Variable(tensor(1), { name: "state" });
    const step = compile(
      (x: Tensor) => {
        state.assign(allReduce(x.sum()).log());
        return x;
      },
      { workers: 2, detectAnomalies: true },
    );
    await expect(step(tensor([1, 1, 1, -9]))).rejects.toThrow(/anomaly: Log\(float32\[\]\) made NaN/);
    expect(await state.item()).toBe(1);
    await step(tensor([1, 0, 0, 0]));
    expect(await state.item()).toBe(0);
  });
});

describe("a worker that dies", () => {
  /** A step whose shares take a while. */
  const weight = new Variable(zeros([512, 512]), { name: "weight" });
  const step = compile(
    (x: Tensor) => {
      let y = x;
      for (let i = 0; i < 40; i++) y = y.matmul(weight).tanh();
      weight.assign(weight.add(allReduce(y.mean()).mul(0).add(1)));
    },
    { workers: 2 },
  );
  const batch = rows(512, 512);
  afterAll(() => step.dispose());

  test("between two steps is replaced", async () => {
    await step(batch);
    await threadOf(1).end();
    await step(batch);
    expect((await weight.data())[0]).toBe(2);
  });

  test("during a step is reported and replaced", async () => {
    const thread = threadOf(1);
    const before = (await weight.data())[0] as number;
    const failing = step(batch);
    failing.catch(() => undefined);
    while (!thread.isBusy) await new Promise(setImmediate);
    void thread.end();
    await expect(failing).rejects.toThrow(/worker 1 ended during a step \(exit code 1\): the variables keep the values they had before it/);
    await expect(failing).rejects.toBeInstanceOf(KasaneError);
    expect((await weight.data())[0]).toBe(before);
    await step(batch);
    expect((await weight.data())[0]).toBe(before + 1);
    expect(threadOf(1)).not.toBe(thread);
  });
});

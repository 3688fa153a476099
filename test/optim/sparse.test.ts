import { readFileSync } from "node:fs";
import {
  compile,
  gather,
  matmul,
  mean,
  nn,
  optim,
  random,
  seed,
  square,
  sub,
  sum,
  type Tensor,
  tensor,
  transpose,
  Variable,
  zeros,
} from "kasane";
import { describe, expect, it } from "vitest";
import { trace } from "../../src/graph/trace.js";
import { relativeError } from "../ops/evaluate.js";

interface Update {
  readonly loss: number;
  readonly vectors: number[];
}

/** Updates of an embedding by PyTorch from sparse gradients in float64 (test/fixtures/sparse.py). */
const fixture: { vectors: number[]; y: number[]; ids: number[][]; cases: Record<string, Update[]> } = JSON.parse(
  readFileSync(new URL("../fixtures/sparse.json", import.meta.url), "utf8"),
);

const clipGlobalNorm = 0.3;
const cases: Record<string, (parameters: Variable[]) => optim.Optimizer> = {
  SGD: (p) => new optim.Sgd(p, { learningRate: 0.5, clipGlobalNorm, sparse: true }),
  Adagrad: (p) => new optim.Adagrad(p, { learningRate: 0.5, clipGlobalNorm, sparse: true }),
  Adam: (p) => new optim.Adam(p, { learningRate: 0.1, clipGlobalNorm, sparse: true }),
  "Adam with other settings": (p) => new optim.Adam(p, { learningRate: 0.1, clipGlobalNorm, beta1: 0.5, beta2: 0.8, sparse: true }),
};

/** What assigns each variable of one update. */
function assigners(make: (parameters: Variable[]) => optim.Optimizer, loss: (vectors: Variable) => Tensor, rows = 100): string[] {
  const vectors = new Variable(zeros([rows, 3]));
  const { assignments } = trace(true, () => make([vectors]).minimize(loss(vectors))).trace;
  return [...assignments].flatMap(([{ rank }, { source }]) => (rank === 2 && source.kind === "node" ? [source.operator.type] : []));
}

describe("an update by rows", () => {
  it("has a case of every one that PyTorch computed", () => expect(Object.keys(cases)).toEqual(Object.keys(fixture.cases)));

  it.each(Object.keys(cases))("makes PyTorch's: %s", async (name) => {
    const vectors = new Variable(tensor(fixture.vectors, { shape: [7, 3] }));
    const optimizer = (cases[name] as (typeof cases)[string])([vectors]);
    const step = compile(
      (ids: Tensor) => {
        const loss = mean(square(sub(gather(vectors, ids), tensor(fixture.y, { shape: [5, 3] }))));
        optimizer.minimize(loss);
        return loss;
      },
      { training: true },
    );
    for (const [t, expected] of (fixture.cases[name] as Update[]).entries()) {
      const loss = await (await step(tensor(fixture.ids[t] as number[], { dtype: "int32" }))).item();
      expect(relativeError([loss, ...(await vectors.data())].map(Number), [expected.loss, ...expected.vectors], 0)).toBeLessThan(1e-5);
    }
    await step.dispose();
  });

  const ids = tensor(
    [
      [3, 98, 3],
      [-1, 5, 3],
    ],
    { dtype: "int32" },
  );
  const lookUp = (vectors: Variable) => sum(square(gather(vectors, ids).add(1)));

  it("is made where it is asked for, or changes nothing", () => {
    const learningRate = 0.1;
    expect(assigners((p) => new optim.Adam(p, { learningRate, sparse: true }), lookUp)).toEqual(["SetRows", "SetRows", "SetRows"]);
    expect(assigners((p) => new optim.Adam(p, { learningRate }), lookUp)).not.toContain("SetRows");
    expect(assigners((p) => new optim.Sgd(p, { learningRate, clipGlobalNorm }), lookUp)).toEqual(["SetRows"]);
    // What is subtracted is the gradient times a number: rows that stand twice need not be added up before.
    expect(assigners((p) => new optim.Sgd(p, { learningRate }), lookUp)).toEqual(["ScatterND"]);
    expect(assigners((p) => new optim.Adagrad(p, { learningRate }), lookUp)).toEqual(["SetRows", "SetRows"]);
    for (const option of [{ momentum: 0.9 }, { weightDecay: 0.1 }, { sparse: false }]) {
      expect(assigners((p) => new optim.Sgd(p, { learningRate, ...option }), lookUp)).toContain("Sub");
    }
  });

  it("is not made of a parameter whose every row has a gradient, or most of them unless asked for", () => {
    const sgd = (p: Variable[]) => new optim.Sgd(p, { learningRate: 0.1 });
    expect(assigners(sgd, (vectors) => lookUp(vectors).add(sum(matmul(vectors, transpose(vectors)))))).toEqual(["Sub"]);
    const twice = (vectors: Variable) => lookUp(vectors).add(sum(square(gather(vectors, tensor([7], { dtype: "int32" })))));
    expect(assigners(sgd, twice)).toEqual(["ScatterND"]);
    expect(assigners(sgd, (vectors) => sum(gather(vectors, tensor([0, 1], { dtype: "int32" }))), 3)).toEqual(["Sub"]);
  });

  it("computes what an update of the whole does, one by one and many at once", async () => {
    const train = async (sparse: boolean | undefined, many: boolean) => {
      seed(5);
      const model = new nn.Embedding(40, 4);
      const optimizer = new optim.Sgd(model, { learningRate: 0.5, ...(sparse !== undefined && { sparse }) });
      const step = compile(
        (batch: Tensor) => {
          const loss = sum(square(model.forward(batch).sub(1)));
          optimizer.minimize(loss);
          return loss;
        },
        { training: true },
      );
      const batches = tensor(Int32Array.of(1, 7, 7, 39, 0, 1, 7, 2, 2), { shape: [3, 3] });
      if (many) await step.many(batches);
      else for (const batch of batches.unstack()) await step(batch.reshape([3]));
      return [...(await model.weight.data())];
    };
    const expected = await train(false, false);
    expect(await train(undefined, false)).toEqual(expected);
    expect(await train(true, true)).toEqual(expected);
    seed(5);
    expect(expected).not.toEqual([...(await random.normal([40, 4]).data())]);
  });

  it("leaves what was read before as it was", async () => {
    const vectors = new Variable(zeros([50, 2]));
    const optimizer = new optim.Sgd([vectors], { learningRate: 1 });
    const step = compile(
      (ids: Tensor) => {
        const read = vectors.mul(1);
        optimizer.minimize(sum(gather(vectors, ids)));
        return read;
      },
      { training: true },
    );
    const before = await vectors.data();
    const given = await step(tensor([3, 3], { dtype: "int32" }));
    expect([...(before as Float32Array)]).toEqual(new Array(100).fill(0));
    expect([...((await given.data()) as Float32Array)]).toEqual(new Array(100).fill(0));
    expect([...((await vectors.data()) as Float32Array)].slice(4, 10)).toEqual([0, 0, -2, -2, 0, 0]);
  });
});

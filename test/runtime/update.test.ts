import { compile, crossEntropy, explain, grad, mul, nn, optim, random, relu, seed, type Tensor, tensor, Variable, zeros } from "kasane";
import { describe, expect, it } from "vitest";

const sizes = { inputs: 37, hidden: 29, classes: 5 };

class Model extends nn.Module {
  readonly first = new nn.Linear(sizes.inputs, sizes.hidden);
  readonly second = new nn.Linear(sizes.hidden, sizes.classes, { bias: false });

  forward(x: Tensor): Tensor {
    return this.second.forward(relu(this.first.forward(x)));
  }
}

type MakeOptimizer = (model: nn.Module) => optim.Optimizer;

/** A model with its training step, run by ONNX Runtime: with anomalies looked for, all of the step. */
async function training(makeOptimizer: MakeOptimizer, detectAnomalies = false) {
  seed(7);
  const model = new Model();
  const optimizer = makeOptimizer(model);
  const step = compile(
    ({ x, y }: { x: Tensor; y: Tensor }) => {
      const loss = crossEntropy(model.forward(x), y);
      optimizer.minimize(loss);
      return loss;
    },
    { training: true, executor: "onnxruntime", detectAnomalies },
  );
  const batch = async (count: number) => {
    const x = random.normal([count, sizes.inputs]);
    const y = random.categorical(zeros([count, sizes.classes]));
    return { x, y };
  };
  const values = async () => {
    const variables = [...model.namedVariables(), ...optimizer.namedVariables()];
    return Object.fromEntries(await Promise.all(variables.map(async ([name, variable]) => [name, [...(await variable.data())]] as const)));
  };
  return { model, optimizer, step, batch, values };
}

function expectClose(a: Record<string, readonly (number | bigint)[]>, b: Record<string, readonly (number | bigint)[]>): void {
  expect(Object.keys(a)).toEqual(Object.keys(b));
  for (const [name, list] of Object.entries(a)) {
    const other = (b[name] as readonly (number | bigint)[]).map(Number);
    // A few roundings, which the two make in different orders, in each of some steps.
    const scale = Math.max(...other.map(Math.abs), 1e-6);
    list.forEach((value, i) => expect(Math.abs(Number(value) - Number(other[i])), `${name}[${i}]`).toBeLessThan(1e-5 * scale));
  }
}

describe("an update by a module", () => {
  const optimizers: Record<string, MakeOptimizer> = {
    Adam: (model) => new optim.Adam(model, { learningRate: 0.01 }),
    "AdamW, clipped, by a schedule": (model) =>
      new optim.AdamW(model, { learningRate: optim.cosine(0.01, 20), weightDecay: 0.1, clipGlobalNorm: 0.5 }),
    "SGD with momentum": (model) => new optim.Sgd(model, { learningRate: 0.1, momentum: 0.9, clipValue: 0.05 }),
    RMSProp: (model) => new optim.RmsProp(model, { learningRate: 0.01 }),
    Adadelta: (model) => new optim.Adadelta(model, { learningRate: 1 }),
  };
  for (const [name, make] of Object.entries(optimizers)) {
    it(`is the update that ONNX Runtime makes: ${name}`, async () => {
      const [module, whole] = [await training(make), await training(make, true)];
      for (let i = 0; i < 6; i++) {
        const batch = await module.batch(8 + (i % 3));
        const [a, b] = [await (await module.step(batch)).item(), await (await whole.step(batch)).item()];
        expect(Math.abs(a - b)).toBeLessThan(1e-5);
      }
      expectClose(await module.values(), await whole.values());
      expect(explain(module.step).every(({ reason }) => /then a module changes \d+ variables in their places/.test(reason))).toBe(true);
      expect(explain(whole.step).every(({ reason }) => reason.includes("module changes"))).toBe(false);
      await Promise.all([module.step.dispose(), whole.step.dispose()]);
    });
  }

  it.each(["onnxruntime", "wasm"] as const)("reads all variables before it writes any: %s", async (executor) => {
    const filled = (value: number) => new Variable(zeros([1000]).add(value));
    const [a, b, old] = [filled(1), filled(10), filled(0)];
    const weight = new Variable(zeros([30, 30]).add(0.1));
    const step = compile(
      () => {
        const [p, q, before] = [a.add(1), b.add(2), a.mul(0.5)];
        a.assign(q);
        b.assign(p);
        old.assign(before);
        return weight.matmul(weight).sum();
      },
      { executor },
    );
    await step();
    const firsts = await Promise.all([a, b, old].map(async (variable) => (await variable.data())[999]));
    expect(firsts).toEqual([12, 2, 0.5]);
    await step.dispose();
  });

  it("of nothing else is made by ONNX Runtime", async () => {
    const [a, b] = [1, 10].map((value) => new Variable(zeros([2]).add(value))) as [Variable, Variable];
    const swap = compile(
      () => {
        const [p, q] = [a.add(1), b.add(2)];
        a.assign(q);
        b.assign(p);
      },
      { executor: "onnxruntime" },
    );
    await swap();
    await swap();
    expect([await a.array(), await b.array()]).toEqual([
      [4, 4],
      [13, 13],
    ]);
  });

  it("tells of rows that may have been changed before a run failed", async () => {
    const table = new Variable(zeros([400, 3]), { name: "table" });
    const optimizer = new optim.Sgd([table], { learningRate: 0.1 });
    const step = compile(
      (rows: Tensor, other: Tensor) => {
        optimizer.minimize(table.gather(rows).sub(1).square().sum());
        return tensor([1, 2, 3]).gather(other);
      },
      { training: true, executor: "onnxruntime" },
    );
    await step(Int32Array.of(0, 1), Int32Array.of(2));
    await expect(step(Int32Array.of(0, 1), Int32Array.of(7))).rejects.toThrow(
      "index 7 is out of range for an axis of 3; rows of table may have",
    );
  });

  it("keeps values where other functions, assignments and reads find and leave them", async () => {
    const make: MakeOptimizer = (model) => new optim.Adam(model, { learningRate: 0.01 });
    const [module, whole] = [await training(make), await training(make, true)];
    const batch = await module.batch(8);
    for (const { model, step } of [module, whole]) {
      const weight = model.second.weight;
      const evaluate = compile((x: Tensor) => model.forward(x), { executor: "onnxruntime" });
      await step(batch);
      const logits = await (await evaluate(batch.x)).data();
      await weight.assign(mul(weight, 0.5));
      (await (await evaluate(batch.x)).data()).forEach((value, i) => expect(Number(value)).toBeCloseTo(Number(logits[i]) / 2, 5));
      await step(batch);
      await evaluate.dispose();
      await step.dispose();
      // Opened again, it goes on.
      await step(batch);
    }
    expectClose(await module.values(), await whole.values());
  });

  it("leaves in ONNX Runtime what others need, and reads what a step began with", async () => {
    const run = async (detectAnomalies: boolean) => {
      seed(3);
      const weight = new Variable(random.normal([40, 50]));
      const average = new Variable(zeros([40, 50]));
      const total = new Variable(zeros([50]));
      const step = compile(
        (x: Tensor) => {
          const loss = weight.matmul(x).square().mean();
          const next = weight.sub(grad(loss, weight).mul(0.1).add(weight.mul(0.01)));
          // The average of the values before the step; the sum needs the next value as a whole.
          average.assign(average.mul(0.9).add(weight.mul(0.1)));
          weight.assign(next);
          total.assign(total.add(next.sum({ axis: 0 })));
          return { loss, weight, next };
        },
        { executor: "onnxruntime", detectAnomalies },
      );
      const x = random.normal([50, 3]);
      const results = [await step(x), await step(x)];
      const values = await Promise.all(
        [weight, average, total, ...results.flatMap(({ loss, weight: before, next }) => [loss, before, next])].map((each) => each.data()),
      );
      return { reason: explain(step)[0]?.reason, values: Object.fromEntries(values.map((data, i) => [i, [...data]])) };
    };
    const [module, whole] = [await run(false), await run(true)];
    expect(module.reason).toContain("then a module changes 2 variables");
    expectClose(module.values, whole.values);
  });
});

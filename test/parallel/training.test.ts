import { allReduce, compile, explain, isTraining, nn, ones, optim, random, seed, type Tensor, tensor, Variable, zeros } from "kasane";
import { describe, expect, test } from "vitest";

type Batch = { x: Tensor; y: Tensor };
type Results = Record<string, Tensor>;

/** Deterministic numbers of mean 0. */
const wave = (shape: number[], phase = 0): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(3 * i + phase)),
    { shape },
  );
};
const labels = (shape: number[], classes: number): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Int32Array.from({ length: size }, (_, i) => (i * 7 + (i >> 2)) % classes),
    { shape },
  );
};

/** Makes steps and gives the results of all of them, and the variables at the end, as plain numbers. */
async function train(
  workers: number,
  make: () => { step: (batch: Batch) => Results; variables: () => Iterable<Variable> },
  batchOf: (step: number) => Batch,
  steps = 4,
) {
  seed(5);
  const { step, variables } = make();
  const compiled = compile(step, { training: true, workers });
  const results: Record<string, number[]> = {};
  for (let i = 0; i < steps; i++) {
    const result = await compiled(batchOf(i));
    for (const [name, value] of Object.entries(result)) results[`${name} ${i} ${value.shape}`] = Array.from(await value.data(), Number);
  }
  for (const variable of variables()) results[variable.name] = Array.from(await variable.data(), Number);
  await compiled.dispose();
  return results;
}

/** One worker is the reference: what several compute must be the same within 1e-5 of the largest number. */
async function expectSame(make: Parameters<typeof train>[1], batchOf: Parameters<typeof train>[2], counts = [2], steps = 4) {
  const expected = await train(1, make, batchOf, steps);
  for (const workers of counts) {
    const found = await train(workers, make, batchOf, steps);
    expect(Object.keys(found)).toEqual(Object.keys(expected));
    for (const [name, numbers] of Object.entries(expected)) {
      const scale = Math.max(1, ...numbers.map(Math.abs));
      const distance = Math.max(0, ...numbers.map((number, i) => Math.abs(number - (found[name]?.[i] as number))));
      expect(distance / scale, `${name} of ${workers} workers`).toBeLessThan(1e-5);
    }
  }
}

/** An MLP trained by Adam with a norm limit that is always reached. */
function perceptron(lossOf: (out: Tensor, y: Tensor, weight: Tensor) => Tensor, more: (out: Tensor) => Results = () => ({})) {
  return () => {
    const model = new nn.Sequential(new nn.Linear(6, 16), (x: Tensor) => x.tanh(), new nn.Linear(16, 4));
    const optimizer = new optim.Adam(model, { learningRate: 0.01, clipGlobalNorm: 0.1 });
    const [weight] = model.parameters() as [Variable];
    const step = ({ x, y }: Batch) => {
      const out = model.forward(x);
      const loss = lossOf(out, y, weight);
      optimizer.minimize(loss);
      return { loss, ...more(out) } as Results;
    };
    return { step, variables: () => [...model.parameters(), ...optimizer.namedVariables().values()] };
  };
}

const classified = (i: number): Batch => ({ x: wave([12, 6], i), y: labels([12], 4) });

describe("several workers train as one does", () => {
  test("a perceptron with Adam and clipping by the global norm: 2, 3 and 4 workers", async () => {
    const make = perceptron(
      (out, y) => out.crossEntropy(y),
      (out) => ({ out, transposed: out.transpose(), best: out.argmax({ axis: -1 }), mean: out.mean({ axis: 0 }), total: out.sum() }),
    );
    await expectSame(make, classified, [2, 3, 4]);
  });

  test.each<[string, Parameters<typeof perceptron>[0]]>([
    ["a sum", (out, y) => out.crossEntropy(y, { reduction: "sum" })],
    ["a sum divided by the size of the batch", (out, y) => out.crossEntropy(y, { reduction: "sum" }).div(out.shape[0] as number)],
    ["means of means", (out, y) => out.crossEntropy(y, { reduction: "none" }).reshape([-1, 2]).mean({ axis: 0 }).mean()],
    ["a mean and a penalty of the weights", (out, y, weight) => out.crossEntropy(y).add(weight.square().sum().mul(0.01))],
    ["a mean over the targets that count", (out, y) => out.crossEntropy(y, { ignoreIndex: 2 })],
    ["a weighted mean", (out, y) => out.crossEntropy(y, { classWeights: tensor([1, 2, 3, 4]) })],
    ["a function of an exchanged mean", (out, y) => allReduce(out.crossEntropy(y)).square()],
    ["a function of an exchanged sum", (out, y) => allReduce(out.crossEntropy(y, { reduction: "sum" })).sqrt()],
    // Standardised by the statistics of the whole batch, through which the gradient flows.
    [
      "a mean of what exchanged statistics standardise",
      (out, y) => {
        // (An exact zero, such as the gradient of a bias that the mean takes off again, Adam would make noise of.)
        const x = out.sigmoid();
        const mean = allReduce(x.mean({ axis: 0 }));
        const deviation = allReduce(x.sub(mean).square().mean({ axis: 0 }))
          .add(1e-3)
          .sqrt();
        return x.sub(mean).div(deviation).crossEntropy(y);
      },
    ],
  ])("a loss that is %s", async (_, lossOf) => {
    await expectSame(perceptron(lossOf), classified, [2, 3]);
  });

  test("a maximum, told to be a mean, is the mean of the workers' maxima", async () => {
    const fn = compile((x: Tensor) => allReduce(x.max({ axis: 0 }), { reduction: "mean" }), { workers: 2 });
    const highest = await fn([
      [1, 8],
      [3, 2],
      [7, 4],
      [5, 6],
    ]);
    expect(await highest.array()).toEqual([(3 + 7) / 2, (8 + 6) / 2]);
  });

  test.each([
    ["first", true, 3],
    ["second, in a loop", false, 9],
  ])("an LSTM with the batch %s, dropout between its layers, and lengths", async (_, batchFirst, time) => {
    const make = () => {
      const embedding = new nn.Embedding(11, 5);
      const lstm = new nn.Lstm(5, 7, { layers: 2, batchFirst, dropout: 0.4 });
      const readout = new nn.Linear(7, 11);
      const optimizer = new optim.Sgd(
        [embedding, lstm, readout].flatMap((part) => part.parameters()),
        { learningRate: 0.5, momentum: 0.9 },
      );
      const step = ({ x, y }: Batch) => {
        const ids = batchFirst ? x : x.transpose();
        const { outputs, state } = lstm.forward(embedding.forward(ids), {
          lengths: y
            .slice([[], [0, 1]])
            .reshape([-1])
            .mod(time)
            .add(1),
        });
        const logits = readout.forward(outputs);
        const loss = logits.crossEntropy(batchFirst ? y : y.transpose());
        optimizer.minimize(loss);
        return { loss, rows: logits.reshape([-1, 11]), hidden: state.hidden };
      };
      return { step, variables: () => [...lstm.parameters(), ...embedding.parameters()] };
    };
    await expectSame(make, (i) => ({ x: labels([6, time], 11), y: labels([6, time], 11 - i) }), [2, 3]);
  });

  test("dropout, noise of every example and noise that all share draw what one worker draws", async () => {
    const make = () => {
      const weight = new Variable(random.normal([6, 6]), { name: "weight" });
      const step = ({ x }: Batch) => {
        const noisy = new nn.Dropout(0.5)
          .forward(x.add(random.uniform([6])).matmul(weight))
          .add(random.normal(x.shape.toReversed()).transpose());
        const loss = noisy.square().mean();
        new optim.Sgd([weight], { learningRate: 0.1 }).minimize(loss);
        return { loss, noisy, same: random.uniform([3]) };
      };
      return { step, variables: () => [weight] };
    };
    await expectSame(make, classified, [2, 4]);
  });

  test("a batch that the workers cannot share alike: fewer make the step", async () => {
    const make = perceptron((out, y) => out.crossEntropy(y));
    const rows = [9, 7, 3, 2];
    await expectSame(make, (i) => ({ x: wave([rows[i] as number, 6], i), y: labels([rows[i] as number], 4) }), [4]);
  });

  // Smooth throughout: rounding could switch a ReLU.
  test("a network of convolutions with batch normalisation, on blocks of channels", async () => {
    const make = () => {
      const layer = (inputs: number, outputs: number) => [
        new nn.Conv2d(inputs, outputs, 3, { padding: 1, bias: false }),
        new nn.BatchNorm2d(outputs),
        (x: Tensor) => x.tanh(),
      ];
      const model = new nn.Sequential(
        ...layer(3, 16),
        ...layer(16, 32),
        new nn.AvgPool2d(2),
        ...layer(32, 32),
        (x: Tensor) => x.mean({ axis: [2, 3] }),
        new nn.Linear(32, 4),
      );
      const optimizer = new optim.Sgd(model, { learningRate: 0.05, momentum: 0.9 });
      const step = ({ x, y }: Batch) => {
        const logits = model.forward(x);
        const loss = logits.crossEntropy(y);
        optimizer.minimize(loss);
        return { loss, logits };
      };
      return { step, variables: () => model.namedVariables().values() };
    };
    await expectSame(make, (i) => ({ x: wave([12, 3, 16, 16], i), y: labels([12], 4) }), [2, 3], 2);
  });

  test("state that does not depend on the batch", async () => {
    const make = () => {
      const [count, average] = [new Variable(zeros([]), { name: "count" }), new Variable(zeros([6]), { name: "average" })];
      const step = ({ x }: Batch) => {
        count.assign(count.add(1));
        average.assign(average.mul(0.9).add(allReduce(x.mean({ axis: 0 })).mul(0.1)));
        return { standardised: x.sub(average) };
      };
      return { step, variables: () => [count, average] };
    };
    await expectSame(make, classified);
  });
});

describe("compile with workers", () => {
  test("many steps in a call are as many calls", async () => {
    const make = perceptron(
      (out, y) => out.crossEntropy(y),
      (out) => ({ out: out.add(random.normal(out.shape)) }),
    );
    const xs = wave([3, 12, 6]);
    const ys = labels([3, 12], 4);
    seed(2);
    const together = make();
    const all = await compile(together.step, { training: true, workers: 2 }).many({ x: xs, y: ys });
    seed(2);
    const single = make();
    const step = compile(single.step, { training: true, workers: 2 });
    for (let i = 0; i < 3; i++) {
      const { loss, out } = await step({ x: xs.gather(tensor(i, { dtype: "int32" })), y: ys.gather(tensor(i, { dtype: "int32" })) });
      expect((await all.loss?.data())?.[i]).toBe(await loss?.item());
      expect((await all.out?.data())?.slice(i * 48, i * 48 + 48)).toEqual(await out?.data());
    }
  });

  test("sees variables that were assigned between the steps, and those of other functions", async () => {
    const weight = new Variable(tensor([1, 2]), { name: "weight" });
    const predict = compile((x: Tensor) => x.mul(weight), { workers: 2 });
    const update = compile(() => void weight.assign(weight.add(1)));
    const x = [
      [1, 1],
      [1, 1],
      [1, 1],
      [1, 1],
    ];
    expect(await (await predict(x)).array()).toEqual(x.map(() => [1, 2]));
    expect(await (await predict(x)).array()).toEqual(x.map(() => [1, 2]));
    await weight.assign(tensor([5, 6]));
    expect(await (await predict(x)).array()).toEqual(x.map(() => [5, 6]));
    await update();
    expect(await (await predict(x)).array()).toEqual(x.map(() => [6, 7]));
    await update();
    expect(await (await predict(x)).array()).toEqual(x.map(() => [7, 8]));
  });

  test("takes scalars beside the batch, and traces as it is told", async () => {
    const fn = compile((x: Tensor, rate: Tensor) => ({ scaled: x.mul(rate), rate: rate.mul(2), training: tensor(isTraining() ? 1 : 0) }), {
      training: true,
      workers: 2,
    });
    const { scaled, rate, training } = await fn([1, 2, 3, 4], tensor(3));
    expect(await scaled.array()).toEqual([3, 6, 9, 12]);
    expect([await rate.item(), await training.item()]).toEqual([6, 1]);
  });

  test("goes on after it was disposed of", async () => {
    const fn = compile((x: Tensor) => x.sum(), { workers: 2 });
    expect(await (await fn([1, 2, 3, 4])).item()).toBe(10);
    await fn.dispose();
    expect(await (await fn([1, 2, 3, 5])).item()).toBe(11);
  });

  test("says what runs where", async () => {
    const weight = new Variable(tensor([1, 2]), { name: "weight" });
    const step = compile(
      (x: Tensor) => {
        weight.assign(weight.sub(allReduce(x.mul(weight).mean({ axis: 0 }))));
        return x.mul(2);
      },
      { workers: 2 },
    );
    await step(ones([4, 2]));
    const [explanation] = explain(step);
    expect(explanation).toMatchObject({ executor: "onnxruntime", reason: "2 workers" });
    expect(explanation?.parts?.map(({ name, workers, executor }) => ({ name, workers, executor }))).toEqual([
      { name: "phase 1", workers: [0, 1], executor: "onnxruntime" },
      { name: "final computation", workers: [0], executor: "onnxruntime" },
    ]);
    expect(explanation?.parts?.[0]?.reason).toContain("values added up over the workers after it: 1");
    expect(explanation?.operators).toBe(explanation?.parts?.reduce((sum, { operators }) => sum + operators, 0));
    await step.dispose();
  });
});

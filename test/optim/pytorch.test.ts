import { readFileSync } from "node:fs";
import { add, compile, div, matmul, mean, nn, optim, square, sub, type Tensor, tanh, tensor, Variable } from "kasane";
import { expect, it } from "vitest";
import { relativeError } from "../ops/evaluate.js";

interface Update {
  readonly loss: number;
  readonly weight: number[];
  readonly bias: number[];
}

/** Ten updates of two parameters by PyTorch in float64, with a rate that falls (test/fixtures/optim.py). */
const fixture: {
  x: number[];
  y: number[];
  weight: number[];
  bias: number[];
  cases: Record<string, Update[]>;
  averages: Record<"0.8" | "equal", Omit<Update, "loss">[]>;
} = JSON.parse(readFileSync(new URL("../fixtures/optim.json", import.meta.url), "utf8"));

const learningRate: optim.Schedule = (step) => div(0.1, add(1, div(step, 5)));

/** The weight by half the rate and with a decay of its own, the bias without any. */
const groups: optim.ParameterGroup[] = [
  { where: /^0$/, rateFactor: 0.5, weightDecay: 0.3 },
  { where: optim.isBiasOrNorm, weightDecay: 0 },
];

const cases: Record<string, (parameters: Variable[]) => optim.Optimizer> = {
  SGD: (p) => new optim.Sgd(p, { learningRate }),
  "SGD with weight decay": (p) => new optim.Sgd(p, { learningRate, weightDecay: 0.2 }),
  "SGD with momentum": (p) => new optim.Sgd(p, { learningRate, momentum: 0.9 }),
  "SGD with Nesterov's momentum and weight decay": (p) =>
    new optim.Sgd(p, { learningRate, momentum: 0.8, nesterov: true, weightDecay: 0.2 }),
  Adagrad: (p) => new optim.Adagrad(p, { learningRate }),
  "Adagrad with a large epsilon": (p) => new optim.Adagrad(p, { learningRate, epsilon: 0.1 }),
  Adadelta: (p) => new optim.Adadelta(p, { learningRate }),
  "Adadelta with other settings": (p) => new optim.Adadelta(p, { learningRate, decay: 0.5, epsilon: 1e-2 }),
  RMSProp: (p) => new optim.RmsProp(p, { learningRate }),
  "RMSProp with other settings": (p) => new optim.RmsProp(p, { learningRate, decay: 0.5, epsilon: 0.1 }),
  Adam: (p) => new optim.Adam(p, { learningRate }),
  "Adam with other settings": (p) => new optim.Adam(p, { learningRate, beta1: 0.5, beta2: 0.8, epsilon: 0.1 }),
  "Adam with AMSGrad": (p) => new optim.Adam(p, { learningRate, beta1: 0.5, beta2: 0.8, amsgrad: true }),
  AdamW: (p) => new optim.AdamW(p, { learningRate }),
  "AdamW with other settings": (p) => new optim.AdamW(p, { learningRate, beta1: 0.8, beta2: 0.9, weightDecay: 0.5 }),
  "AdamW with AMSGrad": (p) => new optim.AdamW(p, { learningRate, beta1: 0.8, beta2: 0.9, weightDecay: 0.5, amsgrad: true }),
  "SGD in groups": (p) => new optim.Sgd(p, { learningRate, momentum: 0.9, groups }),
  "AdamW in groups": (p) => new optim.AdamW(p, { learningRate, groups }),
};

it("has a case of every one that PyTorch computed", () => expect(Object.keys(cases)).toEqual(Object.keys(fixture.cases)));

it.each(Object.keys(cases))("%s makes PyTorch's updates", async (name) => {
  const weight = new Variable(tensor(fixture.weight, { shape: [3, 2] }));
  const bias = new Variable(tensor(fixture.bias));
  const optimizer = (cases[name] as (typeof cases)[string])([weight, bias]);
  const step = compile(
    (x: Tensor, y: Tensor) => {
      const loss = mean(square(sub(add(tanh(matmul(x, weight)), bias), y)));
      optimizer.minimize(loss);
      return loss;
    },
    { training: true },
  );
  const errors: number[] = [];
  for (const expected of fixture.cases[name] as Update[]) {
    const loss = await step(tensor(fixture.x, { shape: [4, 3] }), tensor(fixture.y, { shape: [4, 2] }));
    const got = [await loss.item(), ...(await weight.data()), ...(await bias.data())].map(Number);
    errors.push(relativeError(got, [expected.loss, ...expected.weight, ...expected.bias], 0));
  }
  await step.dispose();
  expect(errors).toHaveLength(10);
  expect(Math.max(...errors)).toBeLessThan(1e-5);
});

class Model extends nn.Module {
  readonly weight = new Variable(tensor(fixture.weight, { shape: [3, 2] }));
  readonly bias = new Variable(tensor(fixture.bias));

  forward(x: Tensor): Tensor {
    return add(tanh(matmul(x, this.weight)), this.bias);
  }
}

it.each([
  ["0.8", 0.8],
  ["equal", undefined],
] as const)("averages of weights with a decay of %s are PyTorch's", async (name, decay) => {
  const model = new Model();
  const optimizer = new optim.Sgd(model, { learningRate: 0.1 });
  const average = new optim.WeightAverage(model, { decay });
  const [x, y] = [tensor(fixture.x, { shape: [4, 3] }), tensor(fixture.y, { shape: [4, 2] })];
  const step = compile(
    () => {
      optimizer.minimize(mean(square(sub(model.forward(x), y))));
      average.update();
    },
    { training: true },
  );
  for (const expected of fixture.averages[name]) {
    await step();
    const kept = average.namedVariables();
    for (const part of ["weight", "bias"] as const) {
      const got = Array.from(await (kept.get(`average/${part}`) as Variable).data(), Number);
      expect(relativeError(got, expected[part], 0)).toBeLessThan(1e-5);
    }
  }
  await step.dispose();
});

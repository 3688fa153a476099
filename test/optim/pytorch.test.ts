import { readFileSync } from "node:fs";
import { add, compile, div, matmul, mean, optim, square, sub, type Tensor, tanh, tensor, Variable } from "kasane";
import { expect, it } from "vitest";
import { relativeError } from "../ops/evaluate.js";

interface Update {
  readonly loss: number;
  readonly weight: number[];
  readonly bias: number[];
}

/** Ten updates of two parameters by PyTorch in float64, with a rate that falls (test/fixtures/optim.py). */
const fixture: { x: number[]; y: number[]; weight: number[]; bias: number[]; cases: Record<string, Update[]> } = JSON.parse(
  readFileSync(new URL("../fixtures/optim.json", import.meta.url), "utf8"),
);

const learningRate: optim.Schedule = (step) => div(0.1, add(1, div(step, 5)));

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

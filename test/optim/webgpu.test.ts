import { compile, meanSquaredError, nn, optim, relu, seed, type Tensor, tensor } from "kasane";
import { describe, expect, it } from "vitest";
import { hasWebGPU } from "../ops/adapter.js";
import { relativeError } from "../ops/evaluate.js";

const { Sgd, Adagrad, Adadelta, RmsProp, Adam, AdamW } = optim;

/** Trains the exclusive or for 20 steps; returns the losses, the weights, and how many updates were counted. */
async function train(device: "cpu" | "webgpu", make: (model: nn.Module, options: optim.OptimizerOptions) => optim.Optimizer) {
  seed(1);
  const model = new nn.Sequential(new nn.Linear(2, 8), new nn.LayerNorm(8), relu, new nn.Dropout(0.1), new nn.Linear(8, 1));
  const optimizer = make(model, { learningRate: optim.warmUp(5, optim.cosine(0.1, 30)), clipGlobalNorm: 1 });
  const step = compile(
    (x: Tensor, y: Tensor) => {
      const loss = meanSquaredError(model.forward(x), y);
      optimizer.minimize(loss);
      return loss;
    },
    { device, training: true },
  );
  const losses = [];
  for (let i = 0; i < 20; i++) {
    losses.push(await (await step(tensor([0, 0, 0, 1, 1, 0, 1, 1], { shape: [4, 2] }), tensor([0, 1, 1, 0], { shape: [4, 1] }))).item());
  }
  await step.dispose();
  const weights = [...(await model.stateDict()).values()].map(({ data }) => Array.from(data, Number));
  return { losses, weights: weights.flat(), updates: await optimizer.step.item() };
}

describe.skipIf(!(await hasWebGPU()))("on WebGPU", () => {
  it.each(Object.entries({ Sgd, Adagrad, Adadelta, RmsProp, Adam, AdamW }))(
    "%s trains as on the CPU, and its state comes back",
    async (_, Kind) => {
      const make = (model: nn.Module, options: optim.OptimizerOptions) => new Kind(model, options);
      const [got, expected] = [await train("webgpu", make), await train("cpu", make)];
      expect(got.updates).toBe(20);
      expect(relativeError(got.losses, expected.losses, 0)).toBeLessThan(1e-5);
      expect(relativeError(got.weights, expected.weights, 0)).toBeLessThan(1e-5);
    },
  );

  it("updates the rows of an embedding as on the CPU", async () => {
    const updated = async (device: "cpu" | "webgpu") => {
      seed(5);
      const model = new nn.Embedding(40, 4);
      const optimizer = new Adam(model, { learningRate: 0.5, sparse: true, clipGlobalNorm: 1 });
      const step = compile(
        (ids: Tensor) => {
          const loss = model.forward(ids).sub(1).square().sum();
          optimizer.minimize(loss);
          return loss;
        },
        { training: true, device },
      );
      for (const ids of [[1, 7, 7], [39, 0, 1], [7, 2, 39]]) await step(tensor(ids, { dtype: "int32" })); // biome-ignore format: rows
      await step.dispose();
      return Array.from(await model.weight.data(), Number);
    };
    expect(relativeError(await updated("webgpu"), await updated("cpu"), 0)).toBeLessThan(1e-5);
  });
});

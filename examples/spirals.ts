// Two spirals told apart: a network of one's own, a training step, a loop. Run: npx tsx spirals.ts
import { compile, data, metrics, nn, optim, seed, type Tensor, tensor } from "kasane";

class Mlp extends nn.Module {
  readonly first = new nn.Linear(2, 32);
  readonly second = new nn.Linear(32, 32);
  readonly last = new nn.Linear(32, 2);

  /** `[batch, 2]` to logits `[batch, 2]`. */
  forward(x: Tensor): Tensor {
    return this.last.forward(this.second.forward(this.first.forward(x).tanh()).tanh());
  }
}

seed(0);
const points = Array.from({ length: 400 }, (_, i) => {
  const [label, turn] = [i % 2, i / 60];
  const radius = 0.5 * turn;
  const angle = turn + label * Math.PI;
  return { x: [radius * Math.cos(angle), radius * Math.sin(angle)], label };
});
const all = new data.TensorDataset(tensor(points.map(({ x }) => x)), tensor(Int32Array.from(points, ({ label }) => label)));
const { train, test } = data.trainTestSplit(all, { testShare: 0.25, stratify: all.tensors[1] });

const model = new Mlp();
const optimizer = new optim.Adam(model, { learningRate: 0.01 });
const step = compile(
  (x: Tensor, labels: Tensor) => {
    const loss = model.forward(x).crossEntropy(labels);
    optimizer.minimize(loss);
    return loss;
  },
  { training: true },
);
const evaluate = compile((x: Tensor, labels: Tensor) => metrics.accuracy(model.forward(x), labels));

for (let epoch = 0; epoch < 200; epoch++) {
  let loss = 0;
  for (const [x, labels] of train.batches({ size: 50, shuffle: true, epoch })) loss = await (await step(x, labels)).item();
  if (epoch % 50 === 49) console.log(`epoch ${epoch + 1}: loss ${loss.toFixed(4)}`);
}
console.log(`accuracy on unseen points: ${(await (await evaluate(...test.tensors)).item()).toFixed(2)}`);

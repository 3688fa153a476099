import { compile, nn, optim, type Tensor, tensor } from "kasane";

// Two workers train, for one step or, with an argument, until the process is ended from outside.
const model = new nn.Linear(64, 64);
const optimizer = new optim.Sgd(model, { learningRate: 0.1 });
const step = compile(
  (x: Tensor) => {
    const loss = model.forward(x).square().mean();
    optimizer.minimize(loss);
    return loss;
  },
  { training: true, workers: 2 },
);
const x = tensor(new Float32Array(64 * 64).fill(1), { shape: [64, 64] });
do {
  await step(x);
  console.log("step");
} while (process.argv.length > 2);

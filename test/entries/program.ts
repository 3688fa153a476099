import { compile, devices, explain, isTraining, nn, ones, optim, seed, type Tensor, tensor } from "kasane";

// What the tests run in Node and in a browser, to compare the numbers.

class Mlp extends nn.Module {
  readonly hidden = new nn.Linear(64, 128);
  readonly output = new nn.Linear(128, 8);
  forward(x: Tensor): Tensor {
    const hidden = this.hidden.forward(x).relu();
    return this.output.forward(isTraining() ? new nn.Dropout(0.1).forward(hidden) : hidden);
  }
}

class Words extends nn.Module {
  readonly table = new nn.Embedding(1000, 64);
  readonly output = new nn.Linear(64, 8);
  forward(ids: Tensor): Tensor {
    return this.output.forward(this.table.forward(ids).mean({ axis: 1 }));
  }
}

const labels = tensor(Int32Array.from({ length: 32 }, (_, i) => i % 8));
const examples = tensor(
  Float32Array.from({ length: 32 * 64 }, (_, i) => Math.sin(i)),
  { shape: [32, 64] },
);
const words = tensor(
  Int32Array.from({ length: 32 * 6 }, (_, i) => (i * 37) % 1000),
  { shape: [32, 6] },
);

/** The losses of ten steps, and the sum of the absolute parameters after them. */
async function train(
  make: () => nn.Module & { forward(x: Tensor): Tensor },
  optimizerOf: (model: nn.Module) => optim.Optimizer,
  x: Tensor,
  executor: "wasm" | "onnxruntime",
): Promise<number[]> {
  seed(4);
  const model = make();
  const optimizer = optimizerOf(model);
  const step = compile(
    (input: Tensor, target: Tensor) => {
      const loss = model.forward(input).crossEntropy(target);
      optimizer.minimize(loss);
      return loss;
    },
    { training: true, executor },
  );
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) losses.push(await (await step(x, labels)).item());
  let sum = 0;
  for (const parameter of model.parameters()) sum += await parameter.abs().mean().item();
  if (explain(step)[0]?.executor !== executor) throw new Error(`not run by ${executor}`);
  return [...losses, sum];
}

/** The largest and the smallest element. */
async function bounds(x: Tensor): Promise<number[]> {
  return [await x.max().item(), await x.min().item()];
}

export async function run(): Promise<Record<string, unknown>> {
  const square = ones([256, 256]);
  const product = compile((x: Tensor) => x.matmul(x).add(1), { executor: "onnxruntime" });
  const adam = (model: nn.Module) => new optim.Adam(model, { learningRate: 0.01 });
  return {
    devices: await devices(),
    eager: await bounds(square.matmul(square).add(1)),
    compiled: await bounds(await product(square)),
    many: await bounds(await product.many(ones([2, 256, 256]))),
    /** As bits: 1 is 0x3c00, 200 is 0x5a40, -4 is 0xc400. */
    half: [
      ...(await tensor([0.5, 100, -2])
        .cast("float16")
        .mul(tensor(2, { dtype: "float16" }))
        .data()),
    ],
    mlp: await train(() => new Mlp(), adam, examples, "onnxruntime"),
    mlpInWasm: await train(() => new Mlp(), adam, examples, "wasm"),
    wordsByRows: await train(
      () => new Words(),
      (model) => new optim.Adagrad(model, { learningRate: 0.1 }),
      words,
      "onnxruntime",
    ),
  };
}

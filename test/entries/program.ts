import { compile, type Device, explain, isTraining, nn, ones, optim, seed, type Tensor, tensor } from "kasane";

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

/** Eight steps of eight numbers, forward and backward, and a decision by the last. */
class Sequences extends nn.Module {
  readonly lstm = new nn.Lstm(8, 24, { bidirectional: true });
  readonly gru = new nn.Gru(48, 24);
  readonly output = new nn.Linear(24, 8);
  forward(x: Tensor): Tensor {
    const steps = x.reshape([32, 8, 8]).transpose([1, 0, 2]);
    return this.output.forward(this.gru.forward(this.lstm.forward(steps).outputs).state.hidden.reshape([32, 24]));
  }
}

/** Pictures of 8x8 pixels. */
class Pictures extends nn.Module {
  readonly first = new nn.Conv2d(1, 16, 3, { padding: 1, bias: false });
  readonly norm = new nn.BatchNorm2d(16);
  readonly pool = new nn.MaxPool2d(2);
  readonly second = new nn.Conv2d(16, 16, 3, { padding: 1, groups: 4 });
  readonly output = new nn.Linear(16 * 4 * 4, 8);
  forward(x: Tensor): Tensor {
    const half = this.pool.forward(this.norm.forward(this.first.forward(x.reshape([32, 1, 8, 8]))).relu());
    return this.output.forward(this.second.forward(half).relu().reshape([32, -1]));
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

/** The losses of ten steps, and the sum of the means of the absolute parameters after them. */
async function train(
  make: () => nn.Module & { forward(x: Tensor): Tensor },
  optimizerOf: (model: nn.Module) => optim.Optimizer,
  x: Tensor,
  options: { readonly device: Device; readonly executor: "wasm" | "onnxruntime" },
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
    { training: true, ...options },
  );
  const losses: number[] = [];
  for (let i = 0; i < 10; i++) losses.push(await (await step(x, labels)).item());
  let sum = 0;
  for (const parameter of model.parameters()) sum += await parameter.abs().mean().item();
  if (explain(step)[0]?.executor !== options.executor) throw new Error(`not run by ${options.executor}`);
  return [...losses, sum];
}

/** The largest and the smallest element. */
async function bounds(x: Tensor): Promise<number[]> {
  return [await x.max().item(), await x.min().item()];
}

/** Values that show at once whether anything is computed. */
export async function compute(): Promise<Record<string, number[]>> {
  const square = ones([256, 256]);
  const product = compile((x: Tensor) => x.matmul(x).add(1), { executor: "onnxruntime" });
  return {
    eager: await bounds(square.matmul(square).add(1)),
    compiled: await bounds(await product(square)),
    many: await bounds(await product.many(ones([2, 256, 256]))),
    /** As bits. */
    half: [
      ...(await tensor([0.5, 100, -2])
        .cast("float16")
        .mul(tensor(2, { dtype: "float16" }))
        .data()),
    ].map(Number),
  };
}

/** What {@link train} gives for each model on a device; on the CPU also in a module of our own. */
export async function trainAll(device: Device): Promise<Record<string, number[]>> {
  const adam = (model: nn.Module) => new optim.Adam(model, { learningRate: 0.01 });
  const faster = (model: nn.Module) => new optim.Adam(model, { learningRate: 0.05 });
  const adagrad = (model: nn.Module) => new optim.Adagrad(model, { learningRate: 0.1 });
  const by = { device, executor: "onnxruntime" } as const;
  return {
    mlp: await train(() => new Mlp(), adam, examples, by),
    ...(device === "cpu" && { mlpInWasm: await train(() => new Mlp(), adam, examples, { device, executor: "wasm" }) }),
    wordsByRows: await train(() => new Words(), adagrad, words, by),
    sequences: await train(() => new Sequences(), faster, examples, by),
    pictures: await train(() => new Pictures(), adam, examples, by),
  };
}

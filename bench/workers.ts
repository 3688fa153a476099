/**
 * What workers bring beside ONNX Runtime's own threads: `npm run bench:workers [-- NAMES]`.
 * Training steps by two workers, by one with two threads, and by one with one; medians of alternating rounds in one process.
 */
import { compile, models, nn, optim, seed, type Tensor, tensor } from "kasane";
import { fillUniform } from "../src/random/uniform.js";
import { median } from "./run/results.js";

/** A model to be trained, `[batch, ...]` to logits, and what it is given. */
interface Case {
  readonly module: nn.Module;
  forward(x: Tensor): Tensor;
  readonly optimizer: "adam" | "sgd";
  readonly batch: { readonly x: Tensor; readonly targets: Tensor };
  readonly rounds: number;
}

const countTo = (shape: readonly number[], classes: number): Tensor =>
  tensor(
    Int32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => (i * 37) % classes),
    { shape },
  );

/** A language model of 4,000 words: 64 sequences of 20. */
function language(size: number, body: nn.Module, forward: (x: Tensor) => Tensor): Case {
  const [vocabulary, shape] = [4000, [64, 20]];
  const [embedding, output] = [new nn.Embedding(vocabulary, size), new nn.Linear(size, vocabulary)];
  const ids = countTo(shape, vocabulary);
  const module = new nn.Sequential(embedding, body as never, output);
  return {
    module,
    forward: (x) => output.forward(forward(embedding.forward(x))),
    optimizer: "adam",
    batch: { x: ids, targets: ids },
    rounds: 11,
  };
}

/** Images in 10 classes. */
function images(network: nn.Module & { forward(x: Tensor): Tensor }, shape: readonly [number, ...number[]], rounds: number): Case {
  const pixels = new Float32Array(shape.reduce((a, b) => a * b, 1));
  fillUniform(pixels, [1, 0], 0);
  const batch = { x: tensor(pixels, { shape }), targets: countTo(shape.slice(0, 1), 10) };
  return { module: network, forward: (x) => network.forward(x), optimizer: "sgd", batch, rounds };
}

const cases: Readonly<Record<string, () => Case>> = {
  LSTM: () => {
    const lstm = new nn.Lstm(128, 128, { batchFirst: true });
    return language(128, lstm, (x) => lstm.forward(x).outputs);
  },
  Transformer: () => {
    const encoder = new nn.TransformerEncoder(128, { layers: 3, heads: 8, innerSize: 512 });
    return language(128, encoder, (x) => encoder.forward(x).output);
  },
  CNN: () => {
    const layer = (inputs: number, outputs: number) =>
      [new nn.Conv2d(inputs, outputs, 3, { padding: 1 }), (x: Tensor) => x.relu()] as const;
    const network = new nn.Sequential(
      ...layer(1, 32),
      new nn.MaxPool2d(2),
      ...layer(32, 64),
      new nn.MaxPool2d(2),
      ...layer(64, 64),
      (x: Tensor) => x.reshape([x.shape[0] as number, -1]),
      new nn.Linear(64 * 49, 10),
    );
    return images(network, [64, 1, 28, 28], 11);
  },
  "ResNet-20": () => images(new models.SmallResNet({ depth: 20, classes: 10, imageChannels: 1 }), [64, 1, 28, 28], 9),
  "ResNet-18": () => images(new models.ResNet({ depth: 18, classes: 10 }), [32, 3, 64, 64], 7),
  "MobileNet 0.5": () => images(new models.MobileNetV1({ width: 0.5, classes: 10 }), [32, 3, 64, 64], 9),
};

/** A step of training. */
function trainingStep({ module, forward, optimizer: kind }: Case, options: { readonly workers?: number; readonly threads?: number }) {
  const optimizer = kind === "adam" ? new optim.Adam(module, { learningRate: 0.001 }) : new optim.Sgd(module, { learningRate: 0.01 });
  return compile(
    ({ x, targets }: Case["batch"]) => {
      const loss = forward(x).crossEntropy(targets);
      optimizer.minimize(loss);
      return loss;
    },
    { training: true, ...options },
  );
}

async function milliseconds(step: (batch: Case["batch"]) => Promise<unknown>, batch: Case["batch"]): Promise<number> {
  const start = performance.now();
  await step(batch);
  await step(batch);
  return (performance.now() - start) / 2;
}

const ways = { "two workers": { workers: 2 }, "two threads": { threads: 2 }, "one thread": { threads: 1 } };
const names = process.argv.slice(2);
for (const name of names.length > 0 ? names : Object.keys(cases)) {
  const make = cases[name];
  if (!make) throw new Error(`"${name}": expected some of ${Object.keys(cases).join(", ")}`);
  const measured = Object.entries(ways).map(([label, way]) => {
    seed(1);
    const each = make();
    return { label, each, step: trainingStep(each, way), times: [] as number[] };
  });
  for (const { step, each } of measured) await milliseconds(step, each.batch);
  for (let round = 0; round < (measured[0]?.each.rounds ?? 0); round++)
    for (const { step, each, times } of measured) times.push(await milliseconds(step, each.batch));
  console.log(
    `${name}: ${measured.map(({ label, times }) => `${label} ${median(times).toFixed(1)} ms (${Math.min(...times).toFixed(1)})`).join(", ")}`,
  );
  for (const { step } of measured) await step.dispose();
}

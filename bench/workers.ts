/**
 * What workers bring beside ONNX Runtime's own threads: `npm run bench:workers`.
 * Training steps by two workers, by one with two threads, and by one with one; medians of alternating rounds in one process.
 */
import { compile, nn, optim, seed, type Tensor, tensor } from "kasane";
import { median } from "./run/results.js";

const [batch, steps, vocabulary, size, rounds] = [64, 20, 4000, 128, 11];

type Batch = { readonly ids: Tensor; readonly targets: Tensor };
const bodies = {
  LSTM: () => {
    const lstm = new nn.Lstm(size, size, { batchFirst: true });
    return { module: lstm, forward: (x: Tensor) => lstm.forward(x).outputs };
  },
  Transformer: () => {
    const encoder = new nn.TransformerEncoder(size, { layers: 3, heads: 8, innerSize: 512 });
    return { module: encoder, forward: (x: Tensor) => encoder.forward(x).output };
  },
};

/** A step of a language model with Adam. */
function trainingStep(kind: keyof typeof bodies, options: { readonly workers?: number; readonly threads?: number }) {
  const [embedding, body, output] = [new nn.Embedding(vocabulary, size), bodies[kind](), new nn.Linear(size, vocabulary)];
  const optimizer = new optim.Adam([...embedding.parameters(), ...body.module.parameters(), ...output.parameters()], {
    learningRate: 0.001,
  });
  return compile(
    ({ ids, targets }: Batch) => {
      const loss = output.forward(body.forward(embedding.forward(ids))).crossEntropy(targets);
      optimizer.minimize(loss);
      return loss;
    },
    { training: true, ...options },
  );
}

async function milliseconds(step: (given: Batch) => Promise<unknown>, given: Batch): Promise<number> {
  const start = performance.now();
  await step(given);
  await step(given);
  return (performance.now() - start) / 2;
}

seed(1);
const ids = tensor(
  Int32Array.from({ length: batch * steps }, (_, i) => (i * 37) % vocabulary),
  { shape: [batch, steps] },
);
const given = { ids, targets: ids };
for (const kind of Object.keys(bodies) as (keyof typeof bodies)[]) {
  const ways = { "two workers": { workers: 2 }, "two threads": { threads: 2 }, "one thread": { threads: 1 } };
  const measured = Object.entries(ways).map(([name, way]) => ({ name, step: trainingStep(kind, way), times: [] as number[] }));
  for (const { step } of measured) await milliseconds(step, given);
  for (let round = 0; round < rounds; round++) for (const { step, times } of measured) times.push(await milliseconds(step, given));
  const medians = measured.map(({ name, times }) => `${name} ${median(times).toFixed(1)} ms`);
  console.log(`${kind}: ${medians.join(", ")}`);
  for (const { step } of measured) await step.dispose();
}

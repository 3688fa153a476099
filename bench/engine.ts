/**
 * What the engine costs beside the arithmetic: `npm run bench:engine [-- --python PYTHON_WITH_NUMPY]`.
 * Medians of alternating rounds in one process; NumPy runs between them, in a process of its own with one thread.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { compile, grad, nn, onnxModel, optim, random, seed, type Tensor, tensor, Variable } from "kasane";
import * as ort from "onnxruntime-node";
import { median } from "./run/results.js";

const rounds = 7;
const python = process.argv[process.argv.indexOf("--python") + 1];

/** Runs each once to warm up, then all in alternating rounds; the median milliseconds of each. */
async function alternate(bodies: readonly (() => number | Promise<number>)[]): Promise<number[]> {
  const times = bodies.map((): number[] => []);
  for (const body of bodies) await body();
  for (let round = 0; round < rounds; round++) for (const [i, body] of bodies.entries()) times[i]?.push(await body());
  return times.map(median);
}

async function milliseconds(body: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await body();
  return performance.now() - start;
}

/** A training step of about a thousand operators, traced and compiled anew. */
async function compileThousand(): Promise<number> {
  const weight = new Variable(random.normal([16, 16]));
  const step = compile((x: Tensor) => {
    let hidden = x;
    for (let layer = 0; layer < 100; layer++) hidden = hidden.matmul(weight).add(0.1).tanh();
    const loss = hidden.mean();
    weight.assign(weight.sub(grad(loss, weight).mul(0.01)));
    return loss;
  });
  await weight.data();
  const time = await milliseconds(() => step(tensor(new Float32Array(256), { shape: [16, 16] })));
  await step.dispose();
  return time;
}

/** An LSTM over a long sequence (batch 16, 64 units), forward and backward: milliseconds of the first call and of a later one, MiB at most. */
async function longSequence(steps: number): Promise<readonly [first: number, later: number, memory: number]> {
  const lstm = new nn.Lstm(64, 64);
  const step = compile((x: Tensor) => grad(lstm.forward(x).outputs.square().mean(), [...lstm.parameters(), x]));
  const x = tensor(
    new Float32Array(steps * 16 * 64).map((_, i) => Math.sin(i)),
    { shape: [steps, 16, 64] },
  );
  const first = await milliseconds(() => step(x));
  const [later] = (await alternate([() => milliseconds(() => step(x))])) as [number];
  await step.dispose();
  return [first, later, process.resourceUsage().maxRSS / 1024];
}

/** The same small model called through `compile` and through ONNX Runtime itself: microseconds a call. */
async function callCost(): Promise<(() => Promise<number>)[]> {
  const model = (x: Tensor, y: Tensor) => x.sigmoid().sub(y).square().mean();
  const step = compile(model);
  const session = await ort.InferenceSession.create(await onnxModel(model, { x: { shape: [8, 2] }, y: { shape: [8, 2] } }), {
    intraOpNumThreads: 1,
  });
  const [x, y] = [new Float32Array(16), new Float32Array(16)];
  const calls = 5000;
  const each = (body: () => Promise<unknown>) => async () => {
    const time = await milliseconds(async () => {
      for (let i = 0; i < calls; i++) await body();
    });
    return (time / calls) * 1000;
  };
  return [
    each(() => step(tensor(x, { shape: [8, 2] }), tensor(y, { shape: [8, 2] }))),
    each(() => session.run({ x: new ort.Tensor("float32", x, [8, 2]), y: new ort.Tensor("float32", y, [8, 2]) })),
  ];
}

/** Binary addition as the report has it: microseconds an iteration, called one by one and a hundred at a time. */
function binaryAddition(together: number): () => Promise<number> {
  const iterations = 3000;
  const rnn = new nn.Rnn(2, 16, { activation: "sigmoid", bias: false });
  const out = new nn.Linear(16, 1, { bias: false });
  const optimizer = new optim.Sgd([...rnn.parameters(), ...out.parameters()], { learningRate: 0.1 });
  const step = compile(
    ({ bits, sum }: { bits: Tensor; sum: Tensor }) => {
      const predicted = out.forward(rnn.forward(bits).outputs).sigmoid();
      const loss = predicted.sub(sum).square().sum().mul(0.5);
      optimizer.minimize(loss);
      return { loss, predicted };
    },
    { training: true },
  );
  const batch = () => {
    const [bits, sum] = [new Float32Array(together * 16), new Float32Array(together * 8)];
    for (let i = 0; i < together * 8; i += 8) {
      const [a, b] = [Math.floor(Math.random() * 128), Math.floor(Math.random() * 128)];
      for (let place = 0; place < 8; place++) {
        bits.set([(a >> place) & 1, (b >> place) & 1], 2 * (i + place));
        sum[i + place] = ((a + b) >> place) & 1;
      }
    }
    const lead = together === 1 ? [] : [together];
    return { bits: tensor(bits, { shape: [...lead, 8, 1, 2] }), sum: tensor(sum, { shape: [...lead, 8, 1, 1] }) };
  };
  return async () => {
    const time = await milliseconds(async () => {
      for (let i = 0; i < iterations; i += together) await (together === 1 ? step(batch()) : step.many(batch()));
    });
    return (time / iterations) * 1000;
  };
}

function numpy(): number {
  const script = fileURLToPath(new URL("./peers/binary_addition.py", import.meta.url));
  const { status, stdout, stderr } = spawnSync(python as string, [script, "3000"], {
    encoding: "utf8",
    env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
  });
  if (status !== 0) throw new Error(`${python} ${script}: ${stderr}`);
  return Number(stdout);
}

seed(1);
const withNumpy = process.argv.includes("--python");
// First, while nothing else has taken memory.
const sequences: string[] = [];
for (const steps of [500, 5000]) {
  const [first, later, memory] = await longSequence(steps);
  sequences.push(`LSTM, ${steps} steps: first call ${first.toFixed(0)} ms, then ${later.toFixed(1)} ms; at most ${memory.toFixed(0)} MiB`);
}
const [compiling] = await alternate([compileThousand]);
const [call, raw] = (await alternate(await callCost())) as [number, number];
const [single, many, peer] = (await alternate([binaryAddition(1), binaryAddition(100), ...(withNumpy ? [numpy] : [])])) as [
  number,
  number,
  number?,
];
const row = (name: string, value: string) => console.log(`${name.padEnd(64)}${value.padStart(12)}`);
row("trace and compile a step of about 1,000 operators", `${compiling?.toFixed(0)} ms`);
row("one call of a small compiled function", `${call.toFixed(1)} µs`);
row("  the same by ONNX Runtime itself", `${raw.toFixed(1)} µs`);
row("  the difference: a step's own cost", `${(call - raw).toFixed(1)} µs`);
row("binary addition, an iteration", `${single.toFixed(1)} µs`);
row("  a hundred iterations a call (many)", `${many.toFixed(1)} µs`);
if (peer !== undefined) {
  row("  the report's loop in NumPy", `${peer.toFixed(1)} µs`);
  row("  NumPy / one by one", `${(peer / single).toFixed(2)}x`);
  row("  NumPy / a hundred a call", `${(peer / many).toFixed(2)}x`);
}
for (const sequence of sequences) console.log(sequence);

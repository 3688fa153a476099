/**
 * What decides between the two executors: `npm run bench:executors`. Graphs of many kinds and sizes are run by each, alternately in one process,
 * and the constants of src/runtime/estimate.ts are fitted to the times.
 */
import { compile, crossEntropy, explain, gather, grad, nn, optim, random, seed, type Tensor, tensor, Variable } from "kasane";

/** Milliseconds of warm-up of a graph, the number of rounds, and milliseconds of a round. */
const [warmUp, rounds, duration] = [60, 25, 2];

const executors = ["wasm", "onnxruntime"] as const;

/** A function to compile, and what it is called with. */
interface Graph {
  readonly fn: (...inputs: Tensor[]) => unknown;
  readonly inputs: readonly Tensor[];
  /** Whether the first axis of the inputs counts the steps of one call of `many`. */
  readonly many?: boolean;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
const numbers = (...shape: number[]): Tensor =>
  tensor(
    Float32Array.from({ length: sizeOf(shape) }, () => 2 * Math.random() - 1),
    { shape },
  );
const indices = (below: number, ...shape: number[]): Tensor =>
  tensor(
    Int32Array.from({ length: sizeOf(shape) }, () => Math.floor(Math.random() * below)),
    { shape },
  );

/** Training a network with one hidden layer. */
function perceptron(width: number, batch: number, times?: number): Graph {
  const [hidden, output] = [new nn.Linear(width, 2 * width), new nn.Linear(2 * width, 10)];
  const optimizer = new optim.Adam([...hidden.parameters(), ...output.parameters()], { learningRate: 1e-3 });
  const fn = (...[x, targets]: Tensor[]) => {
    const loss = crossEntropy(output.forward(hidden.forward(x as Tensor).relu()), targets as Tensor);
    optimizer.minimize(loss);
    return loss;
  };
  const lead = times === undefined ? [] : [times];
  return { fn, inputs: [numbers(...lead, batch, width), indices(10, ...lead, batch)], many: times !== undefined };
}

/** Training a recurrent network. */
function recurrent(Cell: typeof nn.Rnn | typeof nn.Lstm | typeof nn.Gru, hidden: number, batch: number, steps: number): Graph {
  const [network, output] = [new Cell(hidden, hidden), new nn.Linear(hidden, 1)];
  const optimizer = new optim.Sgd([...network.parameters(), ...output.parameters()], { learningRate: 0.01, clipGlobalNorm: 1 });
  const fn = (...[x, y]: Tensor[]) => {
    const loss = output
      .forward(network.forward(x as Tensor).outputs)
      .sub(y as Tensor)
      .square()
      .mean();
    optimizer.minimize(loss);
    return loss;
  };
  return { fn, inputs: [numbers(steps, batch, hidden), numbers(steps, batch, 1)] };
}

/** Training a table whose rows are looked up and averaged. */
function bag(words: number, width: number, batch: number): Graph {
  const table = new Variable(random.normal([words, width]));
  const fn = (...[ids, y]: Tensor[]) => {
    const loss = gather(table, ids as Tensor)
      .mean({ axis: 1 })
      .sub(y as Tensor)
      .square()
      .mean();
    table.assign(table.sub(grad(loss, table).mul(0.1)));
    return loss;
  };
  return { fn, inputs: [indices(words, batch, 8), numbers(batch, width)] };
}

/** Convolutions of 3 x 3 with ReLU on a board of 9 x 9, not trained. */
function board(channels: number, layers: number): Graph {
  const network = Array.from({ length: layers }, () => new nn.Conv2d(channels, channels, 3, { padding: 1 }));
  return plain((x) => network.reduce((values, layer) => layer.forward(values).relu(), x), 1, channels, 9, 9);
}

/** A Transformer's encoder, not trained. */
function encoder(width: number, length: number): Graph {
  const network = new nn.TransformerEncoder(width, { layers: 1, heads: 2, innerSize: 4 * width });
  return { fn: (...[x]) => network.forward(x as Tensor).output, inputs: [numbers(1, length, width)] };
}

const plain = (fn: (x: Tensor) => Tensor, ...shape: number[]): Graph => ({ fn: (...[x]) => fn(x as Tensor), inputs: [numbers(...shape)] });

/** The graphs of one kind, of several sizes. */
const kinds: Readonly<Record<string, { readonly sizes: readonly (readonly number[])[]; readonly make: (...size: number[]) => Graph }>> = {
  "matrix product, n x n": {
    sizes: [[4], [8], [16], [32], [48], [64], [96], [128]],
    make: (n) => ({
      fn: (...[a, b]) => a?.matmul(b as Tensor),
      inputs: [numbers(n as number, n as number), numbers(n as number, n as number)],
    }),
  },
  "three sums and products of n elements": {
    sizes: [[16], [256], [1024], [4096], [16_384], [65_536]],
    make: (n) => plain((x) => x.mul(2).add(1).mul(x), n as number),
  },
  "tanh of n elements": { sizes: [[16], [256], [1024], [4096], [16_384]], make: (n) => plain((x) => x.tanh(), n as number) },
  "exp and log1p of n elements": {
    sizes: [[16], [256], [1024], [4096], [16_384]],
    make: (n) => plain((x) => x.exp().log1p(), n as number),
  },
  "softmax, rows x columns": {
    sizes: [
      [1, 10],
      [4, 32],
      [16, 64],
      [64, 64],
      [64, 256],
    ],
    make: (...shape) => plain((x) => x.softmax(), ...shape),
  },
  "perceptron in training, width x batch": {
    sizes: [
      [4, 1],
      [8, 4],
      [16, 4],
      [16, 16],
      [32, 8],
      [32, 32],
      [64, 8],
      [64, 32],
      [128, 16],
      [128, 64],
    ],
    make: (width, batch) => perceptron(width as number, batch as number),
  },
  "the same, 20 steps in a call": {
    sizes: [
      [4, 1],
      [8, 4],
      [16, 16],
      [32, 8],
      [64, 8],
    ],
    make: (width, batch) => perceptron(width as number, batch as number, 20),
  },
  "linear layer, width x batch": {
    sizes: [
      [8, 1],
      [32, 1],
      [128, 1],
      [256, 1],
      [512, 1],
      [32, 16],
      [64, 64],
    ],
    make: (width, batch) => {
      const layer = new nn.Linear(width as number, width as number);
      return plain((x) => layer.forward(x).tanh(), batch as number, width as number);
    },
  },
  "RNN in training, hidden x batch x steps": {
    sizes: [
      [5, 1, 2],
      [16, 1, 8],
      [16, 8, 8],
      [32, 8, 8],
      [64, 8, 8],
      [16, 1, 50],
    ],
    make: (...size) => recurrent(nn.Rnn, ...(size as [number, number, number])),
  },
  "LSTM in training, hidden x batch x steps": {
    sizes: [
      [4, 1, 4],
      [8, 4, 8],
      [16, 4, 8],
      [32, 8, 8],
      [64, 8, 8],
      [8, 1, 40],
    ],
    make: (...size) => recurrent(nn.Lstm, ...(size as [number, number, number])),
  },
  "GRU in training, hidden x batch x steps": {
    sizes: [
      [8, 1, 8],
      [16, 8, 8],
      [32, 8, 8],
    ],
    make: (...size) => recurrent(nn.Gru, ...(size as [number, number, number])),
  },
  "bag of words in training, words x width x batch": {
    sizes: [
      [20, 4, 1],
      [100, 8, 8],
      [500, 16, 16],
      [2000, 32, 16],
    ],
    make: (...size) => bag(...(size as [number, number, number])),
  },
  "convolutions of a 9 x 9 board, channels x layers": {
    sizes: [
      [8, 1],
      [8, 4],
      [16, 1],
      [16, 4],
      [32, 1],
      [32, 4],
    ],
    make: (channels, layers) => board(channels as number, layers as number),
  },
  "Transformer encoder, width x length": {
    sizes: [
      [8, 4],
      [16, 8],
      [32, 16],
      [64, 16],
      [128, 20],
    ],
    make: (...size) => encoder(...(size as [number, number])),
  },
};

/** A graph's times in microseconds a run, and what the estimate counts in it. */
interface Measured {
  readonly name: string;
  readonly wasm: number;
  readonly onnxruntime: number;
  readonly nodes: number;
  readonly multiplications: number;
  readonly elements: number;
}

async function measure(name: string, make: () => Graph): Promise<Measured> {
  const runs = await Promise.all(
    executors.map(async (executor) => {
      const { fn, inputs, many = false } = make();
      const step = compile(fn, { training: true, threads: 1, executor });
      const run = () => (many ? step.many(...inputs) : step(...inputs));
      await run();
      return { step, run };
    }),
  );
  const timed = async (run: () => Promise<unknown>, count: number) => {
    const start = performance.now();
    for (let k = 0; k < count; k++) await run();
    return performance.now() - start;
  };
  const counts: number[] = [];
  for (const { run } of runs) {
    let [spent, done] = [0, 0];
    for (let count = 1; spent < warmUp; count *= 2) {
      spent += await timed(run, count);
      done += count;
    }
    counts.push(Math.max(1, Math.round((duration * done) / spent)));
  }
  // The least time counts: other work on the machine only adds to it.
  const times = runs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < rounds; round++)
    for (const [i, { run }] of runs.entries()) {
      const count = counts[i] as number;
      times[i] = Math.min(times[i] as number, (1000 * (await timed(run, count))) / count);
    }
  const [module] = explain((runs[0] as (typeof runs)[number]).step);
  const { nodes = 0, multiplications = 0, elements = 0 } = module?.estimate ?? {};
  for (const { step } of runs) await step.dispose();
  const [wasm, onnxruntime] = times as [number, number];
  return { name, wasm, onnxruntime, nodes, multiplications, elements };
}

const features = ["call", "node", "multiplication", "element"] as const;
const featuresOf = ({ nodes, multiplications, elements }: Measured): readonly number[] => [1, nodes, multiplications, elements];

/**
 * Costs, none below 0, by which as many times are estimated too high as too low, in proportion: least squares of the differences beside the
 * geometric mean of time and estimate, one cost after the other, over and over.
 */
function fit(measured: readonly Measured[], executor: (typeof executors)[number]): number[] {
  const costs = features.map(() => 0);
  let scales = measured.map((each) => each[executor]);
  for (let round = 0; round < 30; round++) {
    const rows = measured.map((each, i) => featuresOf(each).map((count) => count / (scales[i] as number)));
    const goals = measured.map((each, i) => each[executor] / (scales[i] as number));
    for (let round = 0; round < 1000; round++)
      for (const place of costs.keys()) {
        const rest = rows.map((row, k) =>
          row.reduce((left, x, i) => left - (i === place ? 0 : x * (costs[i] as number)), goals[k] as number),
        );
        const column = rows.map((row) => row[place] as number);
        const [above, below] = [rest, column].map((other) => other.reduce((sum, x, i) => sum + x * (column[i] as number), 0)) as [
          number,
          number,
        ];
        costs[place] = Math.max(0, above / below);
      }
    scales = measured.map((each) =>
      Math.sqrt(each[executor] * featuresOf(each).reduce((sum, count, i) => sum + count * (costs[i] as number), 0)),
    );
  }
  return costs;
}

seed(1);
const measured: Measured[] = [];
for (const [kind, { sizes, make }] of Object.entries(kinds)) {
  console.log(`\n${kind.padEnd(52)}${["module", "ONNX Runtime", "ratio"].map((title) => title.padStart(14)).join("")}`);
  for (const size of sizes) {
    const each = await measure(`${kind} ${size}`, () => make(...size));
    measured.push(each);
    const figures = [`${each.wasm.toFixed(1)} µs`, `${each.onnxruntime.toFixed(1)} µs`, (each.onnxruntime / each.wasm).toFixed(2)];
    console.log(`${size.join(" x ").padEnd(52)}${figures.map((figure) => figure.padStart(14)).join("")}`);
  }
}

const costs = { wasm: fit(measured, "wasm"), onnxruntime: fit(measured, "onnxruntime") };
console.log(`\n${"microseconds, fitted".padEnd(24)}${features.map((name) => name.padStart(16)).join("")}`);
for (const executor of executors)
  console.log(`${executor.padEnd(24)}${costs[executor].map((cost) => cost.toPrecision(2).padStart(16)).join("")}`);
const estimateOf = (each: Measured, executor: (typeof executors)[number]) =>
  featuresOf(each).reduce((sum, count, i) => sum + count * (costs[executor][i] as number), 0);
const losses = measured.map((each) => {
  const chosen = executors.reduce((best, executor) => (estimateOf(each, executor) < estimateOf(each, best) ? executor : best));
  return { name: each.name, loss: each[chosen] / Math.min(each.wasm, each.onnxruntime) };
});
const wrong = losses.filter(({ loss }) => loss > 1);
console.log(`\nBy these costs the faster one is chosen for ${measured.length - wrong.length} of ${measured.length} graphs; the others:`);
for (const { name, loss } of wrong) console.log(`${name}: ${loss.toFixed(2)} times the faster one's time`);
for (const executor of executors) {
  const off = measured.map((each) => ({ name: each.name, ratio: estimateOf(each, executor) / each[executor] }));
  off.sort((a, b) => Math.abs(Math.log(b.ratio)) - Math.abs(Math.log(a.ratio)));
  console.log(
    `\nFarthest off, ${executor}: ${off
      .slice(0, 8)
      .map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`)
      .join("; ")}`,
  );
}

/**
 * Training steps on the CPU and on every GPU provider that this machine offers, with what keeps a value from staying on the device.
 * Run by `npm run bench:gpu`; `--small` shrinks the sizes, to try it on a software adapter.
 */
import { arange, compile, type Device, devices, explain, models, nn, optim, random, seed, type Tensor, tensor } from "kasane";

const small = process.argv.includes("--small");
const scale = small ? 8 : 1;

interface Case {
  readonly title: string;
  /** A step of a fresh model, and its inputs. */
  make(device: Device): { step: (...inputs: never[]) => Promise<Tensor>; inputs: readonly Tensor[] };
}

/** The same numbers for all devices. */
const uniform = async (shape: readonly number[]) => tensor(await random.uniform(shape).data(), { shape });
const classes = async (shape: readonly number[], count: number) =>
  tensor(
    Int32Array.from((await random.uniform(shape).data()) as Float32Array, (x) => Math.floor(x * count)),
    { shape },
  );

function training(model: nn.Module, loss: (...inputs: Tensor[]) => Tensor, device: Device) {
  const optimizer = new optim.Adam(model, { learningRate: 0.001 });
  const step = (...inputs: Tensor[]) => {
    const value = loss(...inputs);
    optimizer.minimize(value);
    return value;
  };
  return compile(step, { training: true, device, executor: device === "cpu" ? "onnxruntime" : undefined });
}

seed(0);
const mlpInputs = [await uniform([512 / scale, 784]), await classes([512 / scale], 10)];
const [time, batch, vocabulary] = [64 / scale, 64 / scale, 8192 / scale];
const words = [await classes([time, batch], vocabulary), await classes([time, batch], vocabulary)];

class LanguageModel extends nn.Module {
  readonly embedding = new nn.Embedding(vocabulary, 512 / scale);
  readonly lstm = new nn.Lstm(512 / scale, 512 / scale);
  readonly output = new nn.Linear(512 / scale, vocabulary);
  forward(ids: Tensor): Tensor {
    return this.output.forward(this.lstm.forward(this.embedding.forward(ids)).outputs);
  }
}

class Attention extends nn.Module {
  readonly embedding = new nn.Embedding(vocabulary, 512 / scale);
  readonly position = new nn.Embedding(time, 512 / scale);
  readonly encoder = new nn.TransformerEncoder(512 / scale, { layers: 6, heads: 8, innerSize: 2048 / scale });
  readonly output = new nn.Linear(512 / scale, vocabulary);
  forward(ids: Tensor): Tensor {
    const x = this.embedding.forward(ids).add(this.position.forward(arange(time)));
    return this.output.forward(this.encoder.forward(x).output);
  }
}

const cases: readonly Case[] = [
  {
    title: `MLP 784-${2048 / scale}-${2048 / scale}-10, batch ${512 / scale}`,
    make(device) {
      const width = 2048 / scale;
      const layers = [new nn.Linear(784, width), (x: Tensor) => x.relu(), new nn.Linear(width, width), (x: Tensor) => x.relu()];
      const model = new nn.Sequential(...layers, new nn.Linear(width, 10));
      return { step: training(model, (x, y) => model.forward(x as Tensor).crossEntropy(y as Tensor), device), inputs: mlpInputs };
    },
  },
  {
    title: `LSTM of ${512 / scale}, ${time} steps, batch ${batch}, ${vocabulary} words`,
    make(device) {
      const model = new LanguageModel();
      return { step: training(model, (x, y) => model.forward(x as Tensor).crossEntropy(y as Tensor), device), inputs: words };
    },
  },
  {
    title: `Transformer, 6 layers of ${512 / scale}, ${time} tokens, batch ${batch}`,
    make(device) {
      const model = new Attention();
      const loss = (x: Tensor, y: Tensor) => model.forward(x.transpose()).crossEntropy(y.transpose());
      return { step: training(model, loss as (...inputs: Tensor[]) => Tensor, device), inputs: words };
    },
  },
];

const [images, imageBatch] = [64 / (small ? 2 : 1), 128 / (small ? 32 : 1)];
const pictures = [await uniform([imageBatch, 3, images, images]), await classes([imageBatch], 10)];
const pictureCases: readonly Case[] = [
  {
    title: `ResNet-18, images of ${images}x${images}, batch ${imageBatch}`,
    make(device) {
      const model = new models.ResNet({ depth: 18, classes: 10 });
      return { step: training(model, (x, y) => model.forward(x as Tensor).crossEntropy(y as Tensor), device), inputs: pictures };
    },
  },
  {
    title: `MobileNet, images of ${images}x${images}, batch ${imageBatch}`,
    make(device) {
      const model = new models.MobileNetV1({ classes: 10 });
      return { step: training(model, (x, y) => model.forward(x as Tensor).crossEntropy(y as Tensor), device), inputs: pictures };
    },
  },
];

const offered = (await devices()).filter((device) => device === "cpu" || device === "webgpu" || device === "cuda");
console.log(`devices: ${offered.join(", ")}`);
for (const { title, make } of [...cases, ...pictureCases]) {
  console.log(title);
  for (const device of offered) {
    try {
      seed(1);
      const { step, inputs } = make(device);
      const run = step as (...inputs: readonly Tensor[]) => Promise<Tensor>;
      const start = performance.now();
      const losses = [await (await run(...inputs)).item()];
      const first = performance.now() - start;
      const times: number[] = [];
      const end = performance.now() + (small ? 500 : 8000);
      while (times.length < 5 || (performance.now() < end && times.length < 100)) {
        const begin = performance.now();
        losses.push(await (await run(...inputs)).item());
        times.push(performance.now() - begin);
      }
      const median = times.sort((a, b) => a - b)[times.length >> 1] as number;
      for (const { count, operator, path, reason } of explain(step)[0]?.offDevice ?? [])
        console.log(`  ${device.padEnd(7)} leaves ${count} ${operator} to the CPU, in ${path || "no module"}: ${reason}`);
      const shown = [0, 1, 5].map((i) => losses[i]?.toFixed(5)).join(", ");
      console.log(`  ${device.padEnd(7)} ${median.toFixed(2)} ms a step (${times.length}), first ${first.toFixed(0)} ms, losses ${shown}`);
    } catch (error) {
      console.log(`  ${device.padEnd(7)} ${error instanceof Error ? error.message.slice(0, 300) : error}`);
    }
  }
}

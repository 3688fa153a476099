import { compile, crossEntropy, nn, optim, seed, type Tensor, tensor } from "kasane";
import type { train } from "kasane/node";
import { batches } from "../../src/data/batches.js";

class Classifier extends nn.Module {
  readonly hidden: nn.Linear;
  readonly dropout = new nn.Dropout(0.3);
  readonly output = new nn.Linear(16, 3);

  constructor(inputs: number) {
    super();
    this.hidden = new nn.Linear(inputs, 16);
  }

  forward(x: Tensor): Tensor {
    return this.output.forward(this.dropout.forward(this.hidden.forward(x).relu()));
  }
}

const examples = 40;
const batchSize = 8;
const inputs = Float32Array.from({ length: examples * 4 }, (_, i) => Math.sin(i * i));
const labels = Int32Array.from({ length: examples }, (_, i) => (i * 7) % 3);

/** The batches of an epoch: five of eight examples, shuffled. */
function* epochBatches(epoch: number): Generator<{ x: Tensor; y: Tensor }> {
  for (const places of batches(examples, { batchSize, seed: 5, epoch })) {
    yield {
      x: tensor(
        Float32Array.from({ length: places.length * 4 }, (_, i) => inputs[4 * (places[i >> 2] as number) + (i & 3)] as number),
        {
          shape: [places.length, 4],
        },
      ),
      y: tensor(Int32Array.from(places, (place) => labels[place] as number)),
    };
  }
}

/** A small run that uses all that a checkpoint must keep: dropout, Adam's moments and step count, a schedule, shuffled data. */
export function sampleRun(seedNumber: number, inputSize = 4, workers = 1) {
  seed(seedNumber);
  const model = new Classifier(inputSize);
  const optimizer = new optim.Adam(model, { learningRate: optim.cosine(0.05, 100) });
  const losses: number[] = [];
  const compiled = compile(
    ({ x, y }: { x: Tensor; y: Tensor }) => {
      const loss = crossEntropy(model.forward(x), y);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true, workers },
  );
  const step = async (batch: { x: Tensor; y: Tensor }) => {
    const { loss } = await compiled(batch);
    losses.push(await loss.item());
    return { loss };
  };
  const options = { step, batches: epochBatches, state: { model, optimizer }, progress: false } satisfies train.FitOptions<{
    x: Tensor;
    y: Tensor;
  }>;
  return { model, optimizer, options, losses, dispose: compiled.dispose };
}

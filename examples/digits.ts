// Digits read from pictures, MNIST's four files in a folder. Run: npx tsx digits.ts mnist
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { compile, data, metrics, nn, optim, seed, type Tensor } from "kasane";
import { datasets, exportOnnx } from "kasane/node";

const [folder = "mnist"] = process.argv.slice(2);
const read = async (file: string) => datasets.readIdx(await readFile(join(folder, file)));
const images = await read("train-images-idx3-ubyte.gz");
const trained = new data.TensorDataset(images, await read("train-labels-idx1-ubyte.gz"));
const tested = new data.TensorDataset(await read("t10k-images-idx3-ubyte.gz"), await read("t10k-labels-idx1-ubyte.gz"));
const [, height, width] = images.shape as [number, number, number];

class Classifier extends nn.Module {
  readonly hidden = new nn.Linear(height * width, 256);
  readonly dropout = new nn.Dropout(0.2);
  readonly output = new nn.Linear(256, 10);

  /** Grey values 0 to 255, uint8 `[batch, height, width]`, to logits `[batch, 10]`. */
  forward(pixels: Tensor): Tensor {
    const x = pixels
      .cast("float32")
      .div(255)
      .reshape([-1, height * width]);
    return this.output.forward(this.dropout.forward(this.hidden.forward(x).relu()));
  }
}

seed(0);
const model = new Classifier();
const optimizer = new optim.Adam(model, { learningRate: 0.001 });
const step = compile(
  (pixels: Tensor, labels: Tensor) => {
    const loss = model.forward(pixels).crossEntropy(labels);
    optimizer.minimize(loss);
    return loss;
  },
  { training: true },
);
const evaluate = compile((pixels: Tensor, labels: Tensor) => metrics.accuracy(model.forward(pixels), labels));

for (let epoch = 0; epoch < 5; epoch++) {
  let loss = 0;
  for (const batch of trained.batches({ size: 128, shuffle: true, epoch, dropLast: true })) loss = await (await step(...batch)).item();
  console.log(`epoch ${epoch + 1}: loss of the last batch ${loss.toFixed(4)}`);
}
console.log(`accuracy on the test pictures: ${(await (await evaluate(...tested.tensors)).item()).toFixed(4)}`);
const probabilities = (pixels: Tensor) => model.forward(pixels).softmax();
await exportOnnx(probabilities, { pixels: { shape: ["batch", height, width], dtype: "uint8" } }, "digits.onnx");

// From a CSV file to a model that is served: split, scale, train until it gets no better, save. Run: npx tsx table.ts flowers.csv
import { compile, data, metrics, nn, optim, relu, seed, type Tensor } from "kasane";
import { datasets, exportOnnx, files, train } from "kasane/node";

seed(0);
const table = await datasets.readCsv(process.argv[2] ?? "flowers.csv");
const features = table.names.slice(0, -1);
const species = table.column(table.names.at(-1) as string);
const labels = data.LabelEncoder.of(species);
const all = new data.TensorDataset(table.numbers(features), labels.encode(species));
const parts = data.trainTestSplit(all, { testShare: 0.2, stratify: all.tensors[1] });

const scaler = data.StandardScaler.fit(parts.train.tensors[0]);
const scaled = ({ tensors: [x, y] }: typeof all) => new data.TensorDataset(scaler.transform(x), y);
const [trained, held] = [scaled(parts.train), scaled(parts.test)];

const model = new nn.Sequential(new nn.Linear(features.length, 16), relu, new nn.Linear(16, labels.names.length));
const optimizer = new optim.Adam(model, { learningRate: 0.01 });
const step = compile(
  ([x, y]: readonly [Tensor, Tensor]) => {
    const loss = model.forward(x).crossEntropy(y);
    optimizer.minimize(loss);
    return { loss };
  },
  { training: true },
);
const evaluate = compile((x: Tensor, y: Tensor) => {
  const logits = model.forward(x);
  return { loss: logits.crossEntropy(y), accuracy: metrics.accuracy(logits, y) };
});

const result = await train.fit({
  step,
  batches: (epoch) => trained.batches({ size: 16, shuffle: true, epoch }),
  epochs: 100,
  validate: async () => {
    const { loss, accuracy } = await evaluate(...held.tensors);
    return { "validation loss": await loss.item(), accuracy: await accuracy.item() };
  },
  best: { metric: "validation loss", patience: 10 },
});
console.log(result.history.at(-1));

await files.saveBundle("flowers", { model, labels, scaler, config: { features } });
await exportOnnx(
  (x: Tensor) => model.forward(scaler.transform(x)).softmax(),
  { x: { shape: ["batch", features.length] } },
  "flowers/model.onnx",
);

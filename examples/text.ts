// Sentences sorted into two kinds by an embedding and a GRU. Run: npx tsx text.ts
import { compile, data, metrics, nn, optim, seed, type Tensor, tensor } from "kasane";
import { exportOnnx } from "kasane/node";

seed(0);
const [subjects, objects] = [
  ["the cat", "my friend", "a child", "the neighbour"],
  ["the film", "this soup", "that song", "her garden"],
];
const verbs = { pleased: ["loves", "enjoys", "praises", "admires"], displeased: ["hates", "avoids", "mocks", "dislikes"] };
const sentences = Object.entries(verbs).flatMap(([kind, list]) =>
  subjects.flatMap((subject) => list.flatMap((verb) => objects.map((object) => ({ text: `${subject} ${verb} ${object}`, kind })))),
);
const { train, test } = data.trainTestSplit(sentences, { testShare: 0.3 });

const words = (text: string) => text.split(" ");
const vocabulary = data.Vocabulary.of(train.flatMap(({ text }) => words(text)));
const labels = new data.LabelEncoder(Object.keys(verbs));
const dataset = (part: typeof train) => {
  const { ids, shape, lengths } = data.padSequences(part.map(({ text }) => vocabulary.encode(words(text))));
  return new data.TensorDataset(tensor(ids, { shape }), tensor(lengths), labels.encode(part.map(({ kind }) => kind)));
};

class Classifier extends nn.Module {
  readonly embedding = new nn.Embedding(vocabulary.size, 16);
  readonly gru = new nn.Gru(16, 16, { batchFirst: true });
  readonly output = new nn.Linear(16, labels.names.length);

  /** Word ids `[batch, time]` and their counts `[batch]` to logits `[batch, kinds]`. */
  forward(ids: Tensor, lengths: Tensor): Tensor {
    const { state } = this.gru.forward(this.embedding.forward(ids), { lengths });
    return this.output.forward(state.hidden.squeeze({ axis: 0 }));
  }
}

const model = new Classifier();
const optimizer = new optim.Adam(model, { learningRate: 0.01 });
const step = compile(
  (ids: Tensor, lengths: Tensor, kinds: Tensor) => {
    const loss = model.forward(ids, lengths).crossEntropy(kinds);
    optimizer.minimize(loss);
    return loss;
  },
  { training: true },
);
const evaluate = compile((ids: Tensor, lengths: Tensor, kinds: Tensor) => metrics.accuracy(model.forward(ids, lengths), kinds));

for (let epoch = 0; epoch < 20; epoch++) {
  for (const batch of dataset(train).batches({ size: 16, shuffle: true, epoch, dropLast: true })) await step(...batch);
}
console.log(`accuracy on unseen sentences: ${(await (await evaluate(...dataset(test).tensors)).item()).toFixed(2)}`);
const inputs = { ids: { shape: ["batch", "time"], dtype: "int32" }, lengths: { shape: ["batch"], dtype: "int32" } } as const;
await exportOnnx((ids: Tensor, lengths: Tensor) => model.forward(ids, lengths).softmax(), inputs, "sentences.onnx");

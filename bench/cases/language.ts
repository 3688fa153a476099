import { type Case, type Draw, type Entry, sizeOf, type Update, updateBytes, type Weight } from "./case.js";

/** Word vectors, recurrent layers, and a softmax at every step. */
interface Language {
  readonly name: string;
  readonly title: string;
  readonly cell: "lstm" | "gru";
  readonly layers: number;
  readonly bidirectional: boolean;
  readonly vocabulary: number;
  readonly classes: number;
  readonly hidden: number;
  readonly steps: number;
  readonly batch: number;
  /** Whether sequences end early: then each has from 1 to `steps` words, and the targets past its end are -1, which are ignored. */
  readonly ragged: boolean;
  /** A factor of the loss, beside the mean cross entropy. */
  readonly lossScale: number;
  readonly update?: Update;
}

const usual: Omit<Language, "name" | "title"> = {
  cell: "lstm",
  layers: 1,
  bidirectional: false,
  vocabulary: 2000,
  classes: 2000,
  hidden: 128,
  steps: 20,
  batch: 64,
  ragged: false,
  lossScale: 1,
  update: { type: "adam", learningRate: 0.001 },
};
const gatesOf = { lstm: 4, gru: 3 };

function language(options: Partial<Language> & Pick<Language, "name" | "title">): Case {
  const { name, title, update, ...settings }: Language = { ...usual, ...options };
  const { cell, layers, bidirectional, vocabulary, classes, hidden, steps, batch, ragged } = settings;
  const directions = bidirectional ? ["", "reverse."] : [""];
  const gates = gatesOf[cell] * hidden;
  const bound = 1 / Math.sqrt(hidden);
  const outputSize = hidden * directions.length;
  const weights: Weight[] = [{ name: "embedding", shape: [vocabulary, hidden], bound: 0.5 }];
  for (let layer = 0; layer < layers; layer++) {
    for (const direction of directions) {
      const prefix = `${layer}.${direction}`;
      weights.push({ name: `${prefix}input`, shape: [gates, layer === 0 ? hidden : outputSize], bound });
      weights.push({ name: `${prefix}hidden`, shape: [gates, hidden], bound });
      weights.push({ name: `${prefix}biasInput`, shape: [gates], bound });
      weights.push({ name: `${prefix}biasHidden`, shape: [gates], bound });
    }
  }
  weights.push({ name: "output", shape: [classes, outputSize], bound }, { name: "bias", shape: [classes], bound });
  const lengthsOf = (draw: Draw) => draw.whole([1, batch], 1, steps + 1);
  // Sequences that end early have (steps + 1) / 2 words on average.
  const products = weights.filter(({ shape, name: weight }) => shape.length === 2 && weight !== "embedding");
  const forward = steps * batch * products.reduce((size, { shape }) => size + sizeOf(shape), 0) * (ragged ? (steps + 1) / (2 * steps) : 1);
  return {
    name,
    title,
    model: "language",
    settings: { ...settings },
    update,
    together: 1,
    weights,
    batch(draw): Record<string, Entry> {
      const lengths = lengthsOf(draw);
      const ids = draw.whole([1, steps, batch], 0, vocabulary);
      if (!update) return { ids };
      const targets = draw.whole([1, steps, batch], 0, classes);
      if (!ragged) return { ids, targets };
      for (const i of targets.data.keys()) if (Math.floor(i / batch) >= (lengths.data[i % batch] as number)) targets.data[i] = -1;
      return { ids, targets, lengths };
    },
    multiplyAdds: forward * (update ? 3 : 1),
    bytes: update ? updateBytes(weights, update) : 4 * products.reduce((size, { shape }) => size + sizeOf(shape), batch * steps * hidden),
  };
}

export const lstm = language({ name: "lstm", title: "LSTM language model: vocabulary 2,000, hidden 128, 20 steps, batch 64, Adam" });

export const pennTreebank = language({
  name: "penn-treebank",
  title: "Penn Treebank, small: LSTM 2 x 200, vocabulary 10,000, 20 steps, batch 20, gradient descent clipped to norm 5",
  layers: 2,
  vocabulary: 10_000,
  classes: 10_000,
  hidden: 200,
  batch: 20,
  lossScale: 20,
  update: { type: "sgd", learningRate: 1, clipNorm: 5 },
});

export const gru = language({
  name: "gru",
  title: "GRU language model: vocabulary 2,000, hidden 128, 20 steps, batch 64, Adam",
  cell: "gru",
});

export const bidirectional = language({
  name: "bidirectional",
  title: "Bidirectional LSTM tagger: vocabulary 2,000, hidden 2 x 128, 50 tags, 20 steps, batch 64, Adam",
  bidirectional: true,
  classes: 50,
});

export const ragged = language({
  name: "ragged",
  title: "The same with sentences of 1 to 20 words",
  bidirectional: true,
  classes: 50,
  ragged: true,
});

/** The logits of `batch` texts of 20 words. */
export const lstmInference = (batch: number): Case =>
  language({
    name: `lstm-inference-${batch}`,
    title: `LSTM language model: vocabulary 2,000, hidden 128, 20 steps, inference, batch ${batch}`,
    batch,
    update: undefined,
  });

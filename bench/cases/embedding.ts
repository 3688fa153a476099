import type { Case } from "./case.js";

const [vocabulary, width, texts, words, classes] = [100_000, 128, 100, 20, 10];

/** The words of a batch are all different: 2,000 of the 100,000. A stride that shares no factor with 100,000 meets none twice. */
export const embedding: Case = {
  name: "embedding",
  title: "Large embedding: 100,000 words of width 128, of which a batch touches 2,000; mean of 20 words, 10 classes, gradient descent",
  model: "bag",
  settings: {},
  update: { type: "sgd", learningRate: 1 },
  together: 1,
  weights: [
    { name: "embedding", shape: [vocabulary, width], bound: 1 },
    { name: "output", shape: [classes, width], bound: 0.1 },
    { name: "bias", shape: [classes], bound: 0.1 },
  ],
  batch: (draw) => ({
    ids: { shape: [1, texts, words], data: Int32Array.from({ length: texts * words }, (_, i) => (i * 49_999 + 12_345) % vocabulary) },
    targets: draw.whole([1, texts], 0, classes),
  }),
  multiplyAdds: 3 * texts * width * classes,
  // The rows touched are read for the mean, and read and written by the update.
  bytes: 3 * 4 * texts * words * width,
};

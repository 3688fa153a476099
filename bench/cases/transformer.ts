import { type Case, sizeOf, updateBytes, type Weight } from "./case.js";

const [vocabulary, width, heads, layers, tokens, batch, inner] = [4000, 128, 8, 3, 20, 64, 512];
const update = { type: "adam", learningRate: 0.001 } as const;
const bound = 1 / Math.sqrt(width);

/** Each layer in the order of PyTorch's TransformerEncoderLayer: normalised after each part, ReLU, no dropout. */
const layerOf = (layer: number): Weight[] => [
  { name: `${layer}.projection`, shape: [3 * width, width], bound },
  { name: `${layer}.projectionBias`, shape: [3 * width], bound },
  { name: `${layer}.attended`, shape: [width, width], bound },
  { name: `${layer}.attendedBias`, shape: [width], bound },
  { name: `${layer}.widen`, shape: [inner, width], bound },
  { name: `${layer}.widenBias`, shape: [inner], bound },
  { name: `${layer}.narrow`, shape: [width, inner], bound: bound / 2 },
  { name: `${layer}.narrowBias`, shape: [width], bound: bound / 2 },
  { name: `${layer}.scale1`, shape: [width], bound: 0.1, centre: 1 },
  { name: `${layer}.shift1`, shape: [width], bound: 0.1 },
  { name: `${layer}.scale2`, shape: [width], bound: 0.1, centre: 1 },
  { name: `${layer}.shift2`, shape: [width], bound: 0.1 },
];
const weights: Weight[] = [
  { name: "embedding", shape: [vocabulary, width], bound: 1 },
  { name: "position", shape: [tokens, width], bound: 1 },
  ...Array.from({ length: layers }, (_, layer) => layerOf(layer)).flat(),
  { name: "output", shape: [vocabulary, width], bound },
  { name: "bias", shape: [vocabulary], bound },
];
const products = weights.filter(({ shape, name }) => shape.length === 2 && name !== "embedding" && name !== "position");
const attention = layers * batch * 2 * tokens * tokens * width;

export const transformer: Case = {
  name: "transformer",
  title: "Transformer encoder: vocabulary 4,000, width 128, 8 heads, inner 512, 3 layers, 20 tokens, batch 64, Adam",
  model: "transformer",
  settings: { heads, layers, inner },
  update,
  together: 1,
  weights,
  batch: (draw) => ({ ids: draw.whole([1, batch, tokens], 0, vocabulary), targets: draw.whole([1, batch, tokens], 0, vocabulary) }),
  multiplyAdds: 3 * (batch * tokens * products.reduce((size, { shape }) => size + sizeOf(shape), 0) + attention),
  bytes: updateBytes(weights, update),
};

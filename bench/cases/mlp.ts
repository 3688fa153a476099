import { type Case, sizeOf, updateBytes, type Weight } from "./case.js";

const sizes = [784, 512, 512, 10] as const;
const update = { type: "adam", learningRate: 0.001 } as const;

const weights = sizes.slice(1).flatMap((outputs, i): Weight[] => {
  const inputs = sizes[i] as number;
  const bound = 1 / Math.sqrt(inputs);
  return [
    { name: `${i}.weight`, shape: [outputs, inputs], bound },
    { name: `${i}.bias`, shape: [outputs], bound },
  ];
});
const products = sizes.slice(1).map((outputs, i) => outputs * (sizes[i] as number));
const forward = products.reduce((a, b) => a + b);

/** A step of Adam on 128 images. */
export const mlp: Case = {
  name: "mlp",
  title: "MLP 784-512-512-10, batch 128, Adam",
  model: "mlp",
  settings: { layers: 3 },
  update,
  together: 1,
  weights,
  batch: (draw) => ({ images: draw.uniform([1, 128, 784], 0, 1), targets: draw.whole([1, 128], 0, 10) }),
  // The images need no gradient.
  multiplyAdds: 128 * (3 * forward - (products[0] as number)),
  bytes: updateBytes(weights, update),
};

/** The logits of `batch` images. */
export const mlpInference = (batch: number): Case => ({
  name: `mlp-inference-${batch}`,
  title: `MLP 784-512-512-10, inference, batch ${batch}`,
  model: "mlp",
  settings: { layers: 3 },
  together: 1,
  weights,
  batch: (draw) => ({ images: draw.uniform([1, batch, 784], 0, 1) }),
  multiplyAdds: batch * forward,
  bytes: 4 * weights.reduce((size, { shape }) => size + sizeOf(shape), 0),
});

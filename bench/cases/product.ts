import type { Case } from "./case.js";

const size = 1024;

/** What the machine's limit is computed from. */
export const product: Case = {
  name: "product",
  title: "Matrix product, 1024 x 1024 x 1024",
  model: "product",
  settings: {},
  together: 1,
  weights: [{ name: "weight", shape: [size, size], bound: 1 }],
  batch: (draw) => ({ x: draw.uniform([1, size, size], -0.03, 0.03) }),
  multiplyAdds: size ** 3,
  bytes: 3 * 4 * size ** 2,
};

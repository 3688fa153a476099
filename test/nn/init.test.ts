import { abs, compile, eye, matmul, max, nn, seed, sub, type Tensor, tensor, transpose } from "kasane";
import { beforeEach, expect, it } from "vitest";

beforeEach(() => seed(0));

const { init } = nn;

async function statistics(x: Tensor) {
  const values = Array.from(await x.data(), Number);
  const mean = values.reduce((total, value) => total + value) / values.length;
  const deviation = Math.sqrt(values.reduce((total, value) => total + (value - mean) ** 2, 0) / values.length);
  return { mean, deviation, least: values.reduce((a, b) => Math.min(a, b)), greatest: values.reduce((a, b) => Math.max(a, b)) };
}

/** 60,000 draws: their mean has a deviation of 0.4% of the distribution's, their deviation at most 0.3%. */
const shape = [200, 300];

it.each([
  { name: "normal", initialiser: init.normal(1, 2), mean: 1, deviation: 2 },
  { name: "uniform", initialiser: init.uniform(-1, 3), mean: 1, deviation: 4 / Math.sqrt(12), bounds: [-1, 3] },
  // The deviation of a standard normal cut off at ±2: √(1 - 4 φ(2) / erf(√2))
  { name: "truncatedNormal", initialiser: init.truncatedNormal(1, 2), mean: 1, deviation: 2 * 0.8796256610342398, bounds: [-3, 5] },
  {
    name: "xavierUniform",
    initialiser: init.xavierUniform(),
    mean: 0,
    deviation: Math.sqrt(2 / 500),
    bounds: [-1, 1].map((b) => b * Math.sqrt(6 / 500)),
  },
  { name: "xavierNormal", initialiser: init.xavierNormal(3), mean: 0, deviation: 3 * Math.sqrt(2 / 500) },
  {
    name: "heUniform",
    initialiser: init.heUniform(),
    mean: 0,
    deviation: Math.sqrt(2 / 300),
    bounds: [-1, 1].map((b) => b * Math.sqrt(6 / 300)),
  },
  { name: "heNormal", initialiser: init.heNormal(1), mean: 0, deviation: Math.sqrt(1 / 300) },
])("$name has its mean, deviation and bounds", async ({ initialiser, mean, deviation, bounds }) => {
  const got = await statistics(initialiser(shape));
  expect(Math.abs(got.mean - mean)).toBeLessThan(4 * 0.0041 * deviation);
  expect(Math.abs(got.deviation / deviation - 1)).toBeLessThan(4 * 0.0029);
  if (!bounds) return;
  const [low, high] = bounds as [number, number];
  const slack = 1e-6 * (high - low);
  expect(got.least).toBeGreaterThan(low - slack);
  expect(got.least).toBeLessThan(low + 0.01 * (high - low));
  expect(got.greatest).toBeLessThan(high + slack);
  expect(got.greatest).toBeGreaterThan(high - 0.01 * (high - low));
});

it("truncatedNormal has the normal distribution's quantiles between its bounds", async () => {
  const values = Array.from(await init.truncatedNormal()([60_000]).data(), Number);
  // P(x < 0.5) = (Φ(0.5) - Φ(-2)) / (Φ(2) - Φ(-2)), Φ from a table; 60,000 draws have a deviation of 0.002.
  const [half, two] = [0.6914624612740131, 0.9772498680518208];
  const share = values.filter((value) => value < 0.5).length / values.length;
  expect(Math.abs(share - (half - (1 - two)) / (2 * two - 1))).toBeLessThan(0.008);
});

it("counts the kernel of a convolution into both fans", async () => {
  const { greatest } = await statistics(init.heUniform()([40, 30, 3, 3]));
  expect(greatest / Math.sqrt(6 / 270)).toBeGreaterThan(0.99);
  expect(greatest / Math.sqrt(6 / 270)).toBeLessThan(1.000001);
});

it.each([[[1, 1]], [[2, 2]], [[7, 4]], [[4, 7]], [[64, 64]], [[200, 50]], [[12, 2, 3, 3]]])(
  "orthogonal %j has orthonormal rows or columns",
  async (shape) => {
    const gain = 1.5;
    const [rows, ...rest] = shape as [number, ...number[]];
    const x = tensor(await init.orthogonal(gain)(shape).data(), { shape: [rows, rest.reduce((a, b) => a * b)] });
    const gram = rows < (x.shape[1] as number) ? matmul(x, transpose(x)) : matmul(transpose(x), x);
    const identity = eye(gram.shape[0] as number).mul(gain * gain);
    expect(await max(abs(sub(gram, identity))).item()).toBeLessThan(1e-5);
  },
);

it("orthogonal is drawn evenly: of 2 by 2 matrices half are reflections, and the angles are uniform", async () => {
  const draw = compile(() => init.orthogonal()([2, 2]));
  const draws = [];
  for (let i = 0; i < 400; i++) draws.push(await (await draw()).data());
  await draw.dispose();
  const matrices = draws.map((data) => Array.from(data, Number) as [number, number, number, number]);
  const reflections = matrices.filter(([a, b, c, d]) => a * d - b * c < 0).length;
  const angles = matrices.map(([a, , c]) => Math.atan2(c, a));
  const quadrants = [0, 1, 2, 3].map((i) => angles.filter((angle) => Math.floor(angle / (Math.PI / 2)) + 2 === i).length);
  // Of 400 draws a half has a deviation of 10, a quarter of 8.7.
  expect(Math.abs(reflections - 200)).toBeLessThan(40);
  for (const count of quadrants) expect(Math.abs(count - 100)).toBeLessThan(35);
});

it("fixes the numbers when a weight is made, and tells what has no fans", async () => {
  const made = [init.normal()([4]), init.normal()([4])] as const;
  const later = await made[1].data();
  seed(0);
  const again = [init.normal()([4]), init.normal()([4])] as const;
  expect(await again[0].data()).toEqual(await made[0].data());
  expect(await again[1].data()).toEqual(later);
  expect(later).not.toEqual(await made[0].data());
  expect(() => init.heNormal()([4])).toThrow("initialiser: [4] has no inputs and outputs: expected [outputs, inputs, ...kernel]");
});

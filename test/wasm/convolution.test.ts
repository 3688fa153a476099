import { compile, conv, explain, random, scan, seed, type Tensor } from "kasane";
import { beforeAll, expect, it } from "vitest";

beforeAll(() => seed(3));

const elements = async (x: Tensor): Promise<number[]> => [...((await x.data()) as Float32Array)];

/** The same function by both executors: the elements of a module's result, and its explanation; they must be ONNX Runtime's. */
async function compared(fn: (...inputs: Tensor[]) => Tensor, ...inputs: Tensor[]) {
  const [module, reference] = (["wasm", "onnxruntime"] as const).map((executor) => compile(fn, { executor }));
  const [found, expected] = [
    await elements((await module?.(...inputs)) as Tensor),
    await elements((await reference?.(...inputs)) as Tensor),
  ];
  expect(found.length).toBe(expected.length);
  for (const [i, value] of found.entries()) expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-5);
  const [explanation] = explain(module as NonNullable<typeof module>);
  await Promise.all([module, reference].map((each) => each?.dispose()));
  return explanation;
}

type Settings = Parameters<typeof conv>[2];

it.each<[string, number[], number[], Settings]>([
  ["a board", [1, 8, 9, 9], [16, 8, 3, 3], { padding: 1 }],
  ["channels that fill no vector, several images", [3, 5, 6, 7], [6, 5, 3, 2], {}],
  ["groups", [2, 8, 5, 5], [12, 4, 3, 3], { groups: 2, padding: "same" }],
  ["strides, dilations and unlike padding", [1, 4, 11, 12], [9, 4, 2, 3], { stride: [2, 3], dilation: [3, 2], padding: [[1, 0], 2] }],
  ["one axis, before which is padding", [2, 3, 20], [8, 3, 2], { padding: "causal", dilation: 4 }],
  ["three axes", [1, 2, 4, 5, 6], [4, 2, 2, 3, 3], { padding: 1 }],
  ["more channels than a block has", [1, 3, 4, 4], [21, 3, 1, 1], {}],
  ["channels and groups of which each has few outputs, as a product", [1, 6, 5, 5], [6, 1, 3, 3], { groups: 6, padding: 1 }],
  ["one place, as a product", [1, 4, 3, 3], [8, 4, 3, 3], {}],
])("a module convolves as ONNX Runtime does: %s", async (_, image, kernel, settings) => {
  const [x, w, bias] = [image, kernel, [kernel[0] as number]].map((shape) => random.normal(shape)) as [Tensor, Tensor, Tensor];
  await compared((x, w) => conv(x as Tensor, w as Tensor, settings), x, w);
  await compared((x, w, bias) => conv(x as Tensor, w as Tensor, { ...settings, bias }).relu(), x, w, bias);
});

it("a convolution is one operator of a module", async () => {
  const explanation = await compared(
    (x, w) => conv(x as Tensor, w as Tensor, { padding: 1 }),
    random.normal([1, 8, 9, 9]),
    random.normal([8, 8, 3, 3]),
  );
  expect(explanation?.operators).toBe(1);
  expect(explanation?.estimate?.multiplications).toBe(81 * 8 * 8 * 9);
});

it("views are convolved, and images within a loop", async () => {
  const [x, w] = [random.normal([9, 6, 8, 1]), random.normal([3, 3, 8, 8])];
  await compared((x, w) => conv((x as Tensor).transpose([3, 2, 1, 0]), (w as Tensor).transpose([3, 2, 1, 0]), { padding: 1 }), x, w);
  const loop = (frames: Tensor, w: Tensor) =>
    scan(
      (state: Tensor, frame: Tensor) => ({ carry: conv(state.add(frame), w, { padding: 1 }).tanh(), outputs: state }),
      frames.slice([[0, 1]]).reshape([1, 4, 5, 5]),
      frames.reshape([12, 1, 4, 5, 5]),
      { unroll: 1 },
    ).carry;
  await compared((frames, w) => loop(frames as Tensor, w as Tensor), random.normal([12, 4, 5, 5]), random.normal([4, 4, 3, 3]).mul(0.2));
});

import {
  compile,
  grad,
  groupNorm,
  instanceNorm,
  layerNorm,
  localResponseNorm,
  nn,
  random,
  seed,
  sum,
  type Tensor,
  tensor,
  zeros,
} from "kasane";
import { describe, expect, it, test } from "vitest";
import { relativeError } from "../ops/evaluate.js";

const values = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);

seed(1);
const image = random.normal([2, 4, 3, 3]);
const [weight, bias] = [tensor([1, 2, -0.5, 0.25]), tensor([0, 1, -1, 0.5])];

/** A layer with the weight and bias above, if it has any, under PyTorch's names. */
async function loaded<Layer extends nn.Module>(layer: Layer): Promise<Layer> {
  const state = await nn.torchStateDict(layer);
  if (state.size === 0) return layer;
  expect([...state.keys()]).toEqual(["weight", "bias"]);
  const stored = async (x: Tensor) => ({ dtype: x.dtype, shape: x.shape, data: await x.data() });
  await nn.loadTorchStateDict(layer, new Map([["weight", await stored(weight)] as const, ["bias", await stored(bias)] as const]));
  return layer;
}

// The functions are held to PyTorch in test/ops.
test.each<[string, nn.Module & { forward(x: Tensor): Tensor }, Tensor]>([
  ["GroupNorm", new nn.GroupNorm(2, 4), groupNorm(image, 2, { weight, bias })],
  ["GroupNorm without affine", new nn.GroupNorm(4, 4, { affine: false, epsilon: 0.1 }), groupNorm(image, 4, { epsilon: 0.1 })],
  ["InstanceNorm2d", new nn.InstanceNorm2d(4), instanceNorm(image)],
  ["InstanceNorm2d with affine", new nn.InstanceNorm2d(4, { affine: true }), instanceNorm(image, { weight, bias })],
  ["LocalResponseNorm", new nn.LocalResponseNorm(3, { alpha: 0.5 }), localResponseNorm(image, 3, { alpha: 0.5 })],
  ["LayerNorm2d", new nn.LayerNorm2d(4), layerNorm(image.transpose([0, 2, 3, 1]), weight, bias, 1e-6).transpose([0, 3, 1, 2])],
])("%s computes what its function does, with PyTorch's names", async (_, layer, expected) => {
  const result = (await loaded(layer)).forward(image);
  expect(await values(result)).toEqual(await values(expected));
});

describe("normalisation of channels names what does not fit", () => {
  it.each<[string, () => unknown]>([
    ["InstanceNorm1d: got [2, 4, 3, 3], expected rank 3 with 4 channels along axis 1", () => new nn.InstanceNorm1d(4).forward(image)],
    ["InstanceNorm3d: got [2, 4, 3, 3], expected rank 5 with 4 channels along axis 1", () => new nn.InstanceNorm3d(4).forward(image)],
    ["GroupNorm: 4 channels in 3 groups: expected a divisor of the channels", () => new nn.GroupNorm(3, 4)],
    ["groupNorm: groups 3: expected a divisor of the 4 channels of [2, 4, 3, 3]", () => groupNorm(image, 3)],
    ["groupNorm: weight [3]: expected [4], one number a channel of [2, 4, 3, 3]", () => groupNorm(image, 2, { weight: zeros([3]) })],
    ["instanceNorm: [2, 4, 1] has one place", () => instanceNorm(zeros([2, 4, 1]))],
    ["batchNorm: mean and variance are given together, or neither", () => image.batchNorm({ mean: weight })],
    ["batchNorm: got int32[2, 3], expected floating-point numbers [batch, channels]", () => zeros([2, 3], "int32").batchNorm()],
    ["LayerNorm2d: got [2, 4], expected [batch, 4, height, width]", () => new nn.LayerNorm2d(4).forward(zeros([2, 4]))],
  ])("%s", (message, call) => {
    expect(call).toThrow(message);
  });
});

describe("weightNorm", () => {
  it("keeps what a layer computes, and has PyTorch's names", async () => {
    seed(2);
    const layer = new nn.Conv2d(4, 3, 3);
    const before = await values(layer.forward(image));
    const normalised = nn.weightNorm(layer);
    expect(relativeError(await values(normalised.forward(image)), before, 1e-3)).toBeLessThan(1e-5);
    const state = await nn.torchStateDict(normalised);
    expect([...state].map(([name, { shape }]) => [name, shape])).toEqual([
      ["bias", [3]],
      ["parametrizations.weight.original0", [3, 1, 1, 1]],
      ["parametrizations.weight.original1", [3, 4, 3, 3]],
    ]);
  });

  it("keeps a frozen weight as it is", () => {
    const layer = new nn.Linear(3, 2);
    nn.freeze(layer, "weight");
    const { magnitude, direction } = nn.weightNorm(layer);
    expect([magnitude.trainable, direction.trainable, layer.bias?.trainable]).toEqual([false, false, true]);
  });

  it("has a gradient along a direction that is at right angles to it, and does not depend on its length", async () => {
    const normalised = nn.weightNorm(new nn.Linear(3, 2, { bias: false }));
    const step = compile((x: Tensor) => {
      const y = normalised.forward(x);
      const [gradient] = grad(sum(y.square()), [normalised.direction]) as [Tensor];
      return { y, across: gradient.mul(normalised.direction).sum({ axis: 1 }) };
    });
    const x = tensor([[1, -2, 3]]);
    const { y, across } = await step(x);
    for (const value of await values(across)) expect(Math.abs(value)).toBeLessThan(1e-5);
    const first = await values(y);
    await normalised.direction.assign(normalised.direction.mul(7));
    expect(relativeError(await values((await step(x)).y), first, 1e-3)).toBeLessThan(1e-5);
  });
});

describe("dropout of whole parts", () => {
  test.each<[string, nn.Module & { forward(x: Tensor): Tensor }, number]>([
    ["Dropout2d", new nn.Dropout2d(0.5), 2],
    ["DropPath", new nn.DropPath(0.5), 1],
  ])("%s keeps or zeroes the elements of one together", async (_, layer, axes) => {
    seed(3);
    const run = compile((x: Tensor) => layer.forward(x), { training: true });
    const parts = 8 ** axes;
    const result = await values(await run(zeros([8, 8, 2, 2]).add(1)));
    const size = result.length / parts;
    const each = Array.from({ length: parts }, (_, i) => [...new Set(result.slice(i * size, (i + 1) * size))]);
    expect(each.every((set) => set.length === 1)).toBe(true);
    expect(new Set(each.flat())).toEqual(new Set([0, 2]));
    expect(layer.forward(image)).toBe(image);
  });

  it("names what does not fit", () => {
    expect(() => new nn.Dropout1d().forward(image)).toThrow("Dropout1d: got [2, 4, 3, 3], expected rank 3");
    expect(() => new nn.DropPath(1)).toThrow("DropPath: probability 1: expected a number from 0 and below 1");
  });
});

describe("layers of resampling", () => {
  it("compute what their functions do", async () => {
    expect(await values(new nn.Upsample({ scale: 2, mode: "linear" }).forward(image))).toEqual(
      await values(image.upsample({ scale: 2, mode: "linear" })),
    );
    expect(await values(new nn.PixelUnshuffle(3).forward(new nn.PixelShuffle(2).forward(image).tile([1, 1, 1, 1])))).toEqual(
      await values(image.pixelShuffle(2).pixelUnshuffle(3)),
    );
  });

  it.each<[string, () => unknown]>([
    ["upsample: expected either size or scale", () => image.upsample({})],
    ["upsample: cubic interpolation is of images", () => zeros([1, 1, 3]).upsample({ size: 4, mode: "cubic" })],
    [`upsample: alignCorners has no meaning for mode "nearest"`, () => image.upsample({ size: 4, alignCorners: true })],
    ["upsample: size [1, 2, 3]: expected a number, or one for each of 2 axes", () => image.upsample({ size: [1, 2, 3] })],
    ["upsample: from [3, 3] to [0, 0] places: expected sizes from 1", () => image.upsample({ scale: 0.1 })],
    ["pixelShuffle: 4 channels: expected a multiple of 9", () => image.pixelShuffle(3)],
    ["pixelUnshuffle: 3 x 3 places: expected multiples of 2", () => image.pixelUnshuffle(2)],
  ])("%s", (message, call) => {
    expect(call).toThrow(message);
  });
});

import { compile, grad, models, nn, seed, type Tensor, tensor } from "kasane";
import { expect, it } from "vitest";

const images = (shape: readonly number[]) =>
  tensor(
    Float32Array.from({ length: shape.reduce((size, each) => size * each, 1) }, (_, i) => Math.sin(i)),
    { shape },
  );

/** The least square of an image's pixels that hold a gradient of the logits of one pixel, as [height, width]. */
async function seenBy(model: models.SegmentationNetwork, [height, width]: readonly [number, number], y: number, x: number) {
  const region = [[], [], [y, y + 1], [x, x + 1]] as const;
  const gradientOf = compile((given: Tensor) => grad(model.forward(given).slice(region).sum(), given));
  const gradient = await gradientOf(images([1, 3, height, width]));
  const values = (await gradient.data()) as Float32Array;
  const rows = new Set<number>();
  const columns = new Set<number>();
  values.forEach((value, i) => {
    if (value === 0) return;
    rows.add(Math.floor((i % (height * width)) / width));
    columns.add(i % width);
  });
  const extent = (places: Set<number>) => Math.max(...places) - Math.min(...places) + 1;
  return [extent(rows), extent(columns)];
}

it("a U-Net of the paper's five levels has its parameters, but for normalisation, and gives logits for images of odd sizes", () => {
  // 3x3 convolutions without bias and two numbers a channel; 2x2 transposed and 1x1 ones with bias.
  const two = (inputs: number, outputs: number) => 9 * inputs * outputs + 9 * outputs * outputs + 4 * outputs;
  const down = two(3, 64) + two(64, 128) + two(128, 256) + two(256, 512) + two(512, 1024);
  const up = [512, 256, 128, 64].reduce((sum, outputs) => sum + 4 * 2 * outputs * outputs + outputs + two(2 * outputs, outputs), 0);
  const model = new models.UNet({ classes: 2, width: 64 });
  expect(model.parameterCount()).toBe(down + up + 64 * 2 + 2);
  expect(nn.summarize(model, [1, 3, 33, 47]).modules[0]?.shapes).toEqual([[1, 2, 33, 47]]);
});

it("ENet has about the 0.37 million parameters of its paper, and halves three times", () => {
  const summary = nn.summarize(new models.ENet({ classes: 19 }), [1, 3, 90, 121]);
  expect(summary.parameters).toBeGreaterThan(0.36e6);
  expect(summary.parameters).toBeLessThan(0.39e6);
  const shapesOf = (path: string) => summary.modules.find((module) => module.path === path)?.shapes;
  expect(shapesOf("stages")).toEqual([[1, 128, 12, 16]]);
  expect(shapesOf("")).toEqual([[1, 19, 90, 121]]);
});

it.each([
  ["without halving", new models.UNet({ classes: 2, width: 4, levels: 1 }), 5],
  ["without halving, dilated by 3", new models.UNet({ classes: 2, width: 4, levels: 1, dilation: 3 }), 13],
  ["of two levels", new models.UNet({ classes: 2, width: 4, levels: 2 }), 18],
] as const)("what a U-Net %s sees is what the summary tells, and no more", async (_, model, size) => {
  seed(1);
  const shape = [1, 3, 48, 48];
  expect(nn.summarize(model, shape).modules[0]?.receptiveField).toEqual([
    { size, stride: 1 },
    { size, stride: 1 },
  ]);
  const [rows, columns] = await seenBy(model, [48, 48], 24, 24);
  // Pooling passes on one of the pixels at the border alone.
  for (const seen of [rows, columns] as number[]) {
    expect(seen).toBeLessThanOrEqual(size);
    expect(seen).toBeGreaterThanOrEqual(size - 1);
  }
});

it.each([
  ["UNet", (options: models.SegmentationOptions) => new models.UNet({ levels: 2, width: 4, ...options })],
  ["ENet", (options: models.SegmentationOptions) => new models.ENet({ width: 16, ...options })],
] as const)("%s refuses options and images that it does not know", (name, make) => {
  expect(() => make({ clases: 2 } as never)).toThrow(`${name}: unknown option clases: did you mean classes?`);
  expect(() => make({ classes: 0 })).toThrow(`${name}: classes 0`);
  expect(() => make({ classes: 2 }).forward(images([1, 4, 8, 8]))).toThrow(`${name}: got [1, 4, 8, 8], expected [batch, 3, height, width]`);
});

it("a U-Net whose widest level is narrow gives logits of every pixel", () => {
  const narrow = new models.UNet({ classes: 2, width: 8, mostChannels: 4, levels: 2 });
  expect(narrow.forward(images([1, 3, 4, 4])).shape).toEqual([1, 2, 4, 4]);
});

import { grad, models, nn, pixelUnshuffle, relu, type Tensor, tensor, upsample, Variable, zeros } from "kasane";
import { describe, expect, it } from "vitest";

const image = [1, 3, 224, 224];

describe("multiply-adds and parameters are as many as published", () => {
  it.each([
    // torchvision 0.29's `_ops` of its weights, in units of 1e9, and `num_params`
    ["ResNet-18", () => new models.ResNet({ depth: 18 }), 1.814, 3, 11_689_512],
    ["ResNet-50", () => new models.ResNet({ depth: 50 }), 4.089, 3, 25_557_032],
    ["MobileNetV2", () => new models.MobileNetV2(), 0.301, 3, 3_504_872],
    ["MobileNetV3 large", () => new models.MobileNetV3({ size: "large" }), 0.217, 3, 5_483_032],
    ["MobileNetV3 small", () => new models.MobileNetV3({ size: "small" }), 0.057, 3, 2_542_856],
    ["DenseNet-121", () => new models.DenseNet({ depth: 121 }), 2.834, 3, 7_978_856],
    ["VGG-16", () => new models.Vgg({ depth: 16 }), 15.47, 2, 138_357_544],
    ["EfficientNet-B0", () => new models.EfficientNetB0(), 0.386, 3, 5_288_548],
    ["ConvNeXt-Tiny", () => new models.ConvNeXtTiny(), 4.456, 3, 28_589_128],
    // Howard et al. 2017, table 4: 569 million and 4.2 million; the normalisation's 21,888 are counted
    ["MobileNet", () => new models.MobileNetV1(), 0.5687, 4, 4_231_976],
  ] as const)("%s", (_, make, billions, digits, parameters) => {
    const summary = nn.summarize(make() as models.ImageClassifier, image);
    expect((summary.multiplyAdds / 1e9).toFixed(digits)).toBe(billions.toFixed(digits));
    expect(summary.parameters).toBe(parameters);
    expect(summary.modules.reduce((sum, each) => sum + each.parameters, 0)).toBe(parameters);
  });
});

const fieldAt = (summary: nn.Summary, path: string) => summary.modules.find((each) => each.path === path)?.receptiveField;
const square = (size: number | undefined, stride: number) => [
  { size, stride },
  { size, stride },
];
const all = { size: Number.POSITIVE_INFINITY, stride: undefined };

describe("receptive fields are as large as published", () => {
  const conv = (kernel: number, stride = 1) => new nn.Conv2d(1, 1, kernel, { stride, padding: kernel >> 1 });
  const pool = new nn.MaxPool2d(3, { stride: 2, padding: 1 });
  const times = (count: number, make: () => nn.Conv2d) => Array.from({ length: count }, make);
  /** The 3x3 convolutions of ResNet-50 as TensorFlow's slim has them: the last of each stage but the fourth has the stride. */
  const slim = [3, 4, 6, 3].flatMap((count, stage) => [...times(count - 1, () => conv(3)), conv(3, stage < 3 ? 2 : 1)]);

  // Araujo et al. 2019, "Computing receptive fields of convolutional neural networks", table of the networks' fields and effective strides
  it.each([
    ["AlexNet", [conv(11, 4), pool, conv(5), pool, ...times(3, () => conv(3)), pool], 195, 32],
    ["ResNet-50 of slim", [conv(7, 2), pool, ...slim], 483, 32],
  ] as const)("%s", (_, layers, size, stride) => {
    const summary = nn.summarize(new nn.Sequential(...layers), [1, 1, 224, 224]);
    expect(fieldAt(summary, "")).toEqual(square(size, stride));
  });

  it("VGG-16 and MobileNet", () => {
    const vgg = nn.summarize(new models.Vgg({ depth: 16 }), image);
    expect(fieldAt(vgg, "blocks")).toEqual(square(212, 32));
    expect(fieldAt(vgg, "")).toEqual([all, all]);
    expect(fieldAt(nn.summarize(new models.MobileNetV1(), image), "layers")).toEqual(square(315, 32));
  });

  it("torchvision's ResNet-50, whose first 3x3 convolution of a stage has the stride", () => {
    // 7, then 2 + 2 * 2 more by the pooling, 3 * 8; 8 + 3 * 16; 16 + 5 * 32; 32 + 2 * 64
    const summary = nn.summarize(new models.ResNet({ depth: 50 }), image);
    expect(fieldAt(summary, "layer4")).toEqual(square(427, 32));
    expect(fieldAt(summary, "")).toEqual([all, all]);
  });

  it("does not depend on the size of the image", () => {
    expect(fieldAt(nn.summarize(new models.ResNet({ depth: 50 }), [2, 3, 32, 48]), "layer4")).toEqual(square(427, 32));
  });
});

class Of extends nn.Module {
  constructor(
    readonly of: (x: Tensor) => Tensor,
    readonly layers: readonly nn.Module[] = [],
  ) {
    super();
  }
  forward(x: Tensor): Tensor {
    return this.of(x);
  }
}

describe("a receptive field is where gradients come from", () => {
  const filled = (layer: nn.Conv1d | nn.ConvTranspose1d) => {
    layer.weight.assign(layer.weight.mul(0).add(1));
    return layer;
  };
  const conv = (kernel: number, options: nn.ConvLayerOptions = {}) => filled(new nn.Conv1d(1, 1, kernel, { padding: "same", ...options }));
  const transposed = (kernel: number, options: nn.ConvTransposeLayerOptions) => filled(new nn.ConvTranspose1d(1, 1, kernel, options));
  const skip = (layer: nn.Conv1d) => new Of((x) => layer.forward(x).add(x));
  const blocks = (x: Tensor) => x.reshape([1, 1, x.size / 2, 2]).sum({ axis: 3 });
  it.each<readonly [string, readonly nn.Layer[], number, number]>([
    ["strides and dilations", [conv(3, { stride: 2 }), conv(3, { dilation: 2, padding: 2 }), conv(4)], 3 + 8 + 6, 2],
    ["padding on one side", [conv(5, { padding: "causal" }), skip(conv(3, { padding: "causal" }))], 7, 1],
    ["poolings", [new nn.MaxPool1d(3, { stride: 2 }), new nn.AvgPool1d(2), conv(3)], 3 + 2 + 8, 4],
    ["a skip connection", [skip(conv(5))], 5, 1],
    ["enlarging by nearest places", [conv(3, { stride: 2 }), new nn.Upsample({ scale: 2 })], 3, 1],
    ["enlarging by lines", [conv(3, { stride: 2 }), new nn.Upsample({ scale: 2, mode: "linear" })], 3 + 2, 1],
    ["making smaller", [conv(3), new Of((x) => upsample(x, { scale: 0.5, mode: "linear" }))], 4, 2],
    ["a transposed convolution", [conv(3, { stride: 2 }), transposed(4, { stride: 2, padding: 1 })], 3 + 2, 1],
    ["a transposed convolution of an odd kernel", [transposed(5, { stride: 2 })], 3, 0.5],
    ["every second place", [conv(3), new Of((x) => x.slice([[], [], [1, 64, 2]])), conv(3)], 3 + 4, 2],
    ["blocks of places", [conv(3), new Of(blocks), conv(3)], 3 + 1 + 4, 2],
    ["shifted sums", [new Of((x) => x.slice([[], [], [0, 60]]).add(x.slice([[], [], [4, 64]])))], 5, 1],
  ])("%s", async (_, layers, size, stride) => {
    const model = new nn.Sequential(...layers);
    const [field] = fieldAt(nn.summarize(model, [1, 1, 64]), "") as readonly nn.ReceptiveField[];
    expect(field).toEqual({ size, stride });
    // Elements that all differ: each maximum is where it is. The widest field of the outputs in the middle.
    const x = new Variable(
      tensor(
        Float32Array.from({ length: 64 }, (_, i) => (i * 37) % 64),
        { shape: [1, 1, 64] },
      ),
    );
    const y = model.forward(x);
    const middle = (y.shape[2] as number) >> 1;
    const reached = await Promise.all(
      [middle, middle + 1].map(async (place) => {
        const chosen = Float32Array.from({ length: y.size }, (_, i) => Number(i === place));
        const [g] = grad(y.mul(tensor(chosen)).sum(), [x]) as [Tensor];
        const places = Array.from((await g.data()) as Float32Array).flatMap((value, i) => (value !== 0 ? [i] : []));
        return (places.at(-1) as number) - (places[0] as number) + 1;
      }),
    );
    // A maximum passes its gradient to one place of its window.
    const isPooled = layers.some((layer) => layer instanceof nn.MaxPool1d);
    if (isPooled) expect(Math.max(...reached)).toBeLessThanOrEqual(size);
    else expect(Math.max(...reached)).toBe(size);
  });
});

it("a field is followed through other axes", () => {
  const conv = () => new nn.Conv2d(4, 4, 3, { padding: 1 });
  const seen = (of: (x: Tensor) => Tensor) => fieldAt(nn.summarize(new Of(of), [1, 4, 8, 12]), "");
  const [one, two] = [conv(), new nn.Conv2d(16, 4, 3, { padding: 1 })];
  expect(seen((x) => two.forward(pixelUnshuffle(one.forward(x), 2)))).toEqual(square(undefined, 2));
  expect(seen((x) => one.forward(x).transpose([0, 2, 3, 1]))).toEqual(square(3, 1));
  expect(seen((x) => one.forward(x).softmax({ axis: 1 }))).toEqual(square(3, 1));
  expect(seen((x) => one.forward(x).softmax({ axis: 3 }))).toEqual([
    { size: 3, stride: 1 },
    { ...all, stride: 1 },
  ]);
  expect(seen((x) => one.forward(x).mean({ axis: 2 }))).toEqual([all, { size: 3, stride: 1 }]);
  expect(seen((x) => one.forward(x).reshape([1, -1]))).toEqual([
    { size: 3, stride: undefined },
    { size: 3, stride: undefined },
  ]);
  expect(seen((x) => one.forward(x).matmul(zeros([12, 5])))).toEqual([{ size: 3, stride: 1 }, all]);
  expect(seen(() => zeros([1, 4, 8, 12]))).toEqual([]);
});

it("what is not known is no number", () => {
  const places = tensor([3, 1, 2], { dtype: "int32" });
  const summary = nn.summarize(new Of((x) => x.gather(places, { axis: 2 })), [1, 1, 8]);
  expect(fieldAt(summary, "")).toEqual([{ size: undefined, stride: undefined }]);
  expect(`${summary}`).toMatch(/ \?\n/);
});

it("counts products wherever they are made", () => {
  // Four gates of 8 units by 5 inputs and 8 units, 7 steps, 2 sequences
  const lstm = nn.summarize(new nn.Lstm(5, 8, { batchFirst: true }), [2, 7, 5]);
  expect(lstm.multiplyAdds).toBe(4 * 8 * (5 + 8) * 7 * 2);
  // A layer that is no field counts to the module around it; one that is called twice twice.
  const [inner, outer] = [new nn.Linear(4, 4), new nn.Linear(4, 2)];
  const twice = nn.summarize(new Of((x) => outer.forward(inner.forward(inner.forward(x))), [inner]), [3, 4]);
  expect(twice.modules.map(({ path, multiplyAdds, parameters }) => [path, multiplyAdds, parameters])).toEqual([
    ["", 3 * 4 * 2, 0],
    ["layers.0", 3 * 16 * 2, 20],
  ]);
});

it("prints a table", () => {
  const model = new nn.Sequential(new nn.Conv2d(1, 6, 5), relu, new nn.MaxPool2d(2), new nn.Flatten(), new nn.Linear(864, 10));
  expect(
    nn
      .summarize(model, { shape: [1, 1, 28, 28], dtype: "float32" })
      .toString()
      .split("\n"),
  ).toEqual([
    "path      module      output          parameters  multiply-adds  sees  stride",
    "          Sequential  [1, 10]                  0              0   all",
    "layers.0  Conv2d      [1, 6, 24, 24]         156         86,400     5       1",
    "layers.2  MaxPool2d   [1, 6, 12, 12]           0              0     6       2",
    "layers.3  Flatten     [1, 864]                 0              0     6",
    "layers.4  Linear      [1, 10]              8,650          8,640   all",
    "8,806 parameters, 95,040 multiply-adds",
  ]);
});

it("says what it expects", () => {
  expect(() => nn.summarize(((x: Tensor) => x) as never, [1])).toThrow("summarize: got function, expected a module");
  expect(() => nn.summarize(new nn.Linear(2, 3), 4 as never)).toThrow("summarize: the shape is 4");
  expect(() => nn.summarize(new nn.Linear(2, 3), [1, 5])).toThrow(/\[1, 5\]/);
});

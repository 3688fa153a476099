import { readFileSync } from "node:fs";
import { compile, grad, models, nn, type Tensor, tensor } from "kasane";
import { describe, expect, it } from "vitest";

interface Expected {
  readonly names: number;
  readonly parameters: number;
  readonly logits: readonly number[];
  /** The norm and the first elements of some gradients, by torchvision's names. */
  readonly gradients: Readonly<Record<string, readonly number[]>>;
}

const fixture = JSON.parse(readFileSync(new URL("../fixtures/classifiers.json", import.meta.url), "utf8")) as Record<string, Expected>;

/** The numbers of test/fixtures/classifiers.py. */
function uniform(name: string, count: number): Float32Array<ArrayBuffer> {
  let seed = 2166136261;
  for (const byte of Buffer.from(name)) seed = Math.imul(seed ^ byte, 16777619);
  return Float32Array.from({ length: count }, (_, i) => {
    let x = (Math.imul(i, 2654435761) + seed) >>> 0;
    for (let round = 0; round < 2; round++) x = Math.imul(x ^ (x >>> 16), 73244475) >>> 0;
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
  });
}

function valueOf(name: string, shape: readonly number[]): Float32Array<ArrayBuffer> {
  const numbers = uniform(
    name,
    shape.reduce((size, each) => size * each, 1),
  );
  if (name.endsWith("running_var") || (shape.length === 1 && name.endsWith("weight")) || name.endsWith("layer_scale")) {
    return numbers.map((u) => 0.5 + u);
  }
  if (shape.length < 2) return numbers.map((u) => Math.fround(0.2 * Math.fround(u - 0.5)));
  const scale = 2 * Math.sqrt(3 / shape.slice(1).reduce((size, each) => size * each, 1));
  return numbers.map((u) => (u - 0.5) * scale);
}

const small = { classes: 10 };
const makers: Record<string, () => models.ImageClassifier> = {
  resnet18: () => new models.ResNet({ depth: 18, ...small }),
  resnet50: () => new models.ResNet({ depth: 50, ...small }),
  mobilenet_v2: () => new models.MobileNetV2({ width: 0.5, ...small }),
  mobilenet_v3_small: () => new models.MobileNetV3({ size: "small", ...small }),
  densenet121: () => new models.DenseNet({ depth: 121, ...small }),
  efficientnet_b0: () => new models.EfficientNetB0(small),
  convnext_tiny: () => new models.ConvNeXtTiny(small),
  vit: () => new models.VisionTransformer({ imageSize: 32, patchSize: 8, layers: 3, heads: 3, size: 48, innerSize: 96, ...small }),
};

describe.each(Object.entries(makers))("%s", (name, make) => {
  it("has torchvision's names, outputs and gradients", async () => {
    const expected = fixture[name] as Expected;
    const model = make();
    expect(model.parameterCount()).toBe(expected.parameters);
    const state = await nn.torchStateDict(model);
    expect(state.size).toBe(expected.names);
    const stored = new Map(
      [...state].map(([key, held]) => [key, held.dtype === "float32" ? { ...held, data: valueOf(key, held.shape) } : held] as const),
    );
    await nn.loadTorchStateDict(model, stored);

    const size = name === "vit" ? 32 : 64;
    const images = tensor(uniform("images", 2 * 3 * size * size), { shape: [2, 3, size, size] });
    const weights = tensor(
      Array.from({ length: 20 }, (_, i) => (i % 7) - 3),
      { shape: [2, 10] },
    );
    const names = nn.torchNames(model);
    const chosen = [...model.namedVariables()].filter(([path]) => (names.get(path) as string) in expected.gradients);
    const run = compile((x: Tensor) => {
      const logits = model.forward(x);
      const gradients = grad(
        logits.mul(weights).sum(),
        chosen.map(([, variable]) => variable),
      );
      return {
        logits,
        norms: gradients.map((g) => g.square().sum().sqrt()),
        starts: gradients.map((g) => g.reshape([-1]).slice([[0, 2]])),
      };
    });
    const { logits, norms, starts } = await run(images);
    expectClose(Array.from((await logits.data()) as Float32Array), expected.logits);
    expect(chosen).toHaveLength(Object.keys(expected.gradients).length);
    for (const [i, [path]] of chosen.entries()) {
      const got = [await (norms[i] as Tensor).item(), ...((await (starts[i] as Tensor).data()) as Float32Array)] as number[];
      expectClose(got, expected.gradients[names.get(path) as string] as number[]);
    }
    await run.dispose();
  }, 60_000);
});

/** To 1e-4 of the greatest. */
function expectClose(got: readonly number[], expected: readonly number[]): void {
  const largest = Math.max(...expected.map(Math.abs));
  expect(got).toHaveLength(expected.length);
  got.forEach((value, i) => expect(Math.abs(value - (expected[i] as number)) / largest).toBeLessThan(1e-4));
}

it("keeps the last of an odd number of rows where it pools", () => {
  const model = new models.PooledResNet({ widths: [4, 8, 16], convolutions: [0, 1, 2], classes: 10, imageChannels: 1 });
  // 28 rows, 14, 7, 4
  expect(model.features(tensor(new Float32Array(784), { shape: [1, 1, 28, 28] })).shape).toEqual([1, 16, 4, 4]);
});

it("judges by the mean of members' probabilities, each of which learns from its own logits", async () => {
  const member = (classes = 3) => new models.PooledResNet({ widths: [4], classes, imageChannels: 1 });
  const members = [member(), member()];
  const ensemble = new models.ClassifierEnsemble(members);
  const images = tensor(uniform("ensemble", 2 * 36), { shape: [2, 1, 6, 6] });
  const each = await Promise.all(members.map(async (model) => (await model.forward(images).softmax().array()) as number[][]));
  const together = (await ensemble.forward(images).exp().array()) as number[][];
  together.forEach((row, i) =>
    row.forEach((value, j) => expect(value).toBeCloseTo(((each[0]?.[i]?.[j] as number) + (each[1]?.[i]?.[j] as number)) / 2, 5)),
  );
  const own = await Promise.all(ensemble.memberLogits(images).map((logits) => logits.softmax().array()));
  expect(own[0]).not.toEqual(own[1]);
  expect(own).toEqual(each.map((rows) => rows.map((row) => row.map((value) => expect.closeTo(value, 5)))));
  expect(ensemble.parameterCount()).toBe(2 * member().parameterCount());
  expect(() => new models.ClassifierEnsemble([])).toThrow("ClassifierEnsemble: no members: expected one or more classifiers");
  expect(() => new models.ClassifierEnsemble([member(), member(4)])).toThrow("of 3 classes and 1 channels, and of 4 and 1");
});

describe("parameters are as many as published", () => {
  it.each([
    // torchvision 0.29's `num_params`
    ["ResNet-34", () => new models.ResNet({ depth: 34 }), 21_797_672],
    ["ResNet-101", () => new models.ResNet({ depth: 101 }), 44_549_160],
    ["VGG-11 with batch normalisation", () => new models.Vgg({ depth: 11, batchNorm: true }), 132_868_840],
    ["MobileNetV2", () => new models.MobileNetV2(), 3_504_872],
    ["MobileNetV3 large", () => new models.MobileNetV3({ size: "large" }), 5_483_032],
    ["DenseNet-169", () => new models.DenseNet({ depth: 169 }), 14_149_480],
    // Keras's trainable parameters of MobileNet: 4.21 million and the normalisation's 21,888
    ["MobileNet", () => new models.MobileNetV1(), 4_231_976],
    // He et al. 2016, table 6: 0.27, 0.46 and 0.85 million
    ["ResNet-20", () => new models.SmallResNet({ depth: 20, classes: 10 }), 272_474],
    ["ResNet-32", () => new models.SmallResNet({ depth: 32, classes: 10 }), 466_906],
    ["ResNet-56", () => new models.SmallResNet({ depth: 56, classes: 10 }), 855_770],
    // Zagoruyko and Komodakis 2016, table 4: 36.5 million
    ["WRN-28-10", () => new models.WideResNet({ depth: 28, widen: 10, classes: 10 }), 36_479_194],
    // Huang et al. 2017, table 2: 0.8 million for L = 100, k = 12
    ["DenseNet-BC-100-12", () => new models.SmallDenseNet({ depth: 100, growth: 12, classes: 10 }), 769_162],
    // Touvron et al. 2021, table 1: 5 million
    ["ViT-Tiny", () => new models.VisionTransformer(), 5_717_416],
    // 288 + 18,432 + 36,864 + 73,728 + 147,456 weights of convolutions, 832 of normalisations, 1,290 of the last layer
    [
      "residual network that pools early",
      () => new models.PooledResNet({ widths: [32, 64, 128], convolutions: [0, 1, 1], classes: 10, imageChannels: 1 }),
      278_890,
    ],
    // LeCun et al. 1998 have 60,000: fewer connections between the first and the second maps
    ["LeNet-5", () => new models.LeNet5(), 61_706],
  ])("%s", (_, make, count) => {
    expect(make().parameterCount()).toBe(count);
  });
});

it.each([
  [() => new models.ResNet({ depth: 19 as never }), "ResNet: got depth 19, expected one of 18, 34, 50, 101, 152"],
  [() => new models.SmallResNet({ depth: 21 }), "SmallResNet: got depth 21, expected 6n + 2, such as 20, 32 or 56"],
  [
    () => new models.PooledResNet({ widths: [32, 64], convolutions: [1] }),
    "PooledResNet: got convolutions [1], expected an integer from 0 for each of 2",
  ],
  [() => new models.PooledResNet({ widths: [] }), "PooledResNet: got no widths"],
  [() => new models.WideResNet({ depth: 29, widen: 2 }), "expected 6n + 4"],
  [() => new models.SmallDenseNet({ depth: 41, growth: 12 }), "SmallDenseNet: got depth 41"],
  [() => new models.MobileNetV1({ width: 0 }), "MobileNetV1: got width 0, expected a number above 0"],
  [() => new models.MobileNetV3({ size: "tiny" as never }), 'MobileNetV3: got size "tiny", expected one of large, small'],
  [() => new models.VisionTransformer({ imageSize: 30, patchSize: 8 }), "images of 30 pixels do not part into patches of 8"],
  [() => new models.LeNet5().forward(tensor(new Float32Array(3 * 784), { shape: [1, 3, 28, 28] })), "LeNet5: got [1, 3, 28, 28]"],
  [() => new models.Vgg({ depth: 11 }).forward(tensor(new Float32Array(768), { shape: [1, 3, 16, 16] })), "of at least 32x32 pixels"],
])("says what it expects: case %#", (make, message) => {
  expect(make).toThrow(message);
});

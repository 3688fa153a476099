import { averagePool, conv, type ExportOptions, KasaneError, maxPool, nn, ones, onnxModel, seed, type Tensor, tensor } from "kasane";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";

type Sizes = Readonly<Record<string, number>>;
type Shapes = Readonly<Record<string, readonly (number | string)[]>>;

const smooth = (shape: readonly number[], phase: number): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.7 * i + phase)),
    { shape },
  );

/** Exports a function with free dimensions, and compares what onnxruntime-node makes of the file with what the function gives, at several sizes. */
async function expectSame(
  forward: (...inputs: never[]) => unknown,
  shapes: Shapes,
  sizes: readonly Sizes[],
  { ids = false, ...options }: { ids?: boolean } & ExportOptions = {},
) {
  const dtype = ids ? "int32" : "float32";
  const inputs = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, { shape, dtype } as const]));
  const session = await ort.InferenceSession.create(await onnxModel(forward, inputs, options), { intraOpNumThreads: 1 });
  for (const at of sizes) {
    const values = Object.values(shapes).map((shape, i) => {
      const filled = shape.map((size) => (typeof size === "string" ? (at[size] as number) : size));
      return ids
        ? tensor(
            Int32Array.from({ length: filled.reduce((a, b) => a * b, 1) }, (_, k) => (k * 3) % 7),
            { shape: filled },
          )
        : smooth(filled, i);
    });
    const feeds: Record<string, ort.Tensor> = {};
    for (const [i, name] of Object.keys(shapes).entries()) {
      const value = values[i] as Tensor;
      feeds[name] = new ort.Tensor(dtype, (await value.data()) as Float32Array, [...value.shape]);
    }
    const found = await session.run(feeds);
    const result = forward(...(values as never[])) as Tensor | Record<string, Tensor>;
    for (const name of session.outputNames) {
      const wanted = name === "output" && !("output" in result) ? (result as Tensor) : ((result as Record<string, Tensor>)[name] as Tensor);
      const numbers = (await wanted.data()) as Float32Array;
      expect(found[name]?.dims, JSON.stringify(at)).toEqual(wanted.shape);
      ((found[name] as ort.Tensor).data as Float32Array).forEach((x, i) =>
        expect(x, `${name} ${JSON.stringify(at)}`).toBeCloseTo(numbers[i] as number, 4),
      );
    }
  }
  await session.release();
}

const batches: readonly Sizes[] = [{ batch: 1 }, { batch: 3 }, { batch: 64 }];
const sequences: readonly Sizes[] = [
  { batch: 1, time: 1 },
  { batch: 1, time: 7 },
  { batch: 3, time: 1 },
  { batch: 2, time: 20 },
];

test("a part of a weight that a free size cuts out is cut out when the model runs, up to a limit", async () => {
  seed(4);
  const places = new nn.Embedding(12, 3);
  const forward = (x: Tensor) => x.unsqueeze({ axis: 2 }).add(places.weight.slice([[0, x.shape[1]]]));
  const sizes = [
    { batch: 1, length: 1 },
    { batch: 3, length: 8 },
    { batch: 2, length: 12 },
  ];
  await expectSame(forward, { x: ["batch", "length"] }, sizes, { limits: { length: 12 } });
  const inputs = { x: { shape: ["batch", "length"] } };
  await expect(onnxModel(forward, inputs, { limits: { width: 12 } })).rejects.toThrow(
    new KasaneError('export: limits names "width": expected one of batch, length'),
  );
  await expect(onnxModel(forward, inputs, { limits: { length: 4 } })).rejects.toThrow(
    new KasaneError('export: the limit 4 of "length" is too small: expected 6 or more'),
  );
});

test.each(Array.from({ length: 16 }, (_, i) => i + 1))("a Linear that gives %i units has a free batch", async (units) => {
  for (const inputs of [1, 3, 8]) {
    const layer = new nn.Linear(inputs, units);
    await expectSame((x: Tensor) => layer.forward(x), { x: ["batch", inputs] }, batches);
    await expectSame((x: Tensor) => layer.forward(x).relu().mul(0.5), { x: ["batch", "time", inputs] }, sequences);
  }
});

/** Layers that take rows, sequences, or pairs of sequences: what they compute, as tensors by name, and what is free. */
const size = 8;
const options = { heads: 2, innerSize: 6 };
const rows = (layer: { forward(x: Tensor): Tensor }) => expectSame((x: Tensor) => layer.forward(x), { x: ["batch", size] }, batches);
const along = (forward: (x: Tensor) => unknown) => expectSame(forward, { x: ["batch", "time", size] }, sequences);
const across = (forward: (x: Tensor, memory: Tensor) => unknown) =>
  expectSame(
    forward,
    { x: ["batch", "time", size], memory: ["batch", "places", size] },
    sequences.flatMap((each) => [1, 5].map((places) => ({ ...each, places }))),
  );
const recurrent = (network: { forward(x: Tensor): { outputs: Tensor; state: object } }) =>
  along((x) => {
    const { outputs, state } = network.forward(x);
    return { outputs, ...state };
  });
const cell = (each: { forward(x: Tensor): object }) => expectSame((x: Tensor) => ({ ...each.forward(x) }), { x: ["batch", size] }, batches);
/** Images whose batch and last axis are free. */
const images = (layer: { forward(x: Tensor): Tensor }, places: readonly (number | string)[]) =>
  expectSame((x: Tensor) => layer.forward(x), { x: ["batch", 4, ...places, "time"] }, [
    { batch: 1, time: 4 },
    { batch: 3, time: 4 },
    { batch: 2, time: 9 },
  ]);
/** Images whose batch is free. */
const pictures = (layer: { forward(x: Tensor): Tensor }, ...places: readonly number[]) =>
  expectSame((x: Tensor) => layer.forward(x), { x: ["batch", 4, ...places] }, batches.slice(0, 2));
const attention = (each: nn.Attention) => across((x, memory) => ({ ...each.forward(x, memory) }));
const masked = { causal: true };

const layers: Readonly<Record<string, () => Promise<void>>> = {
  Linear: () => rows(new nn.Linear(size, 5)),
  NoisyLinear: () => rows(new nn.NoisyLinear(size, 5)),
  Lora: () => rows(nn.lora(new nn.Linear(size, 5), { rank: 2, targets: "weight" })),
  Sequential: () => rows(new nn.Sequential(new nn.Linear(size, 4), new nn.Linear(4, 6), (x) => x.tanh())),
  Dropout: () => rows(new nn.Dropout(0.5)),
  LayerNorm: () => rows(new nn.LayerNorm(size)),
  FeedForward: () => {
    const layer = new nn.FeedForward(size, { innerSize: 6 });
    return along((x) => layer.forward(x));
  },
  Embedding: async () => {
    const layer = new nn.Embedding(7, size);
    await expectSame((x: Tensor) => layer.forward(x), { x: ["batch", "time"] }, sequences, { ids: true });
  },
  Conv1d: () => images(new nn.Conv1d(4, 6, 3, { padding: "causal", dilation: 2, groups: 2 }), []),
  Conv2d: () => images(new nn.Conv2d(4, 3, [3, 2], { stride: [2, 1], padding: 1, paddingMode: "reflect" }), [5]),
  Conv3d: () => images(new nn.Conv3d(4, 3, 2, { padding: 1, paddingMode: "circular" }), [2, 3]),
  ConvTranspose1d: () => images(new nn.ConvTranspose1d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1 }), []),
  ConvTranspose2d: () => images(new nn.ConvTranspose2d(4, 2, 3, { groups: 2, dilation: 2, outputPadding: 1 }), [3]),
  ConvTranspose3d: () => images(new nn.ConvTranspose3d(4, 2, 2, { stride: 2 }), [2, 2]),
  MaxPool1d: () => pictures(new nn.MaxPool1d(2), 6),
  MaxPool2d: () => pictures(new nn.MaxPool2d(3, { stride: 2, padding: 1 }), 5, 6),
  MaxPool3d: () => pictures(new nn.MaxPool3d(2), 2, 3, 4),
  AvgPool1d: () => pictures(new nn.AvgPool1d(2), 6),
  AvgPool2d: () => pictures(new nn.AvgPool2d(3, { stride: 2, padding: 1 }), 5, 6),
  AvgPool3d: () => pictures(new nn.AvgPool3d(2), 2, 3, 4),
  AdaptiveAvgPool1d: () => pictures(new nn.AdaptiveAvgPool1d(4), 6),
  AdaptiveAvgPool2d: () => pictures(new nn.AdaptiveAvgPool2d(1), 5, 6),
  AdaptiveAvgPool3d: () => pictures(new nn.AdaptiveAvgPool3d([1, 2, 2]), 2, 3, 4),
  AdaptiveMaxPool1d: () => pictures(new nn.AdaptiveMaxPool1d(4), 6),
  AdaptiveMaxPool2d: () => pictures(new nn.AdaptiveMaxPool2d(1), 5, 6),
  AdaptiveMaxPool3d: () => pictures(new nn.AdaptiveMaxPool3d([1, 2, 2]), 2, 3, 4),
  Unfold: () => pictures(new nn.Unfold(2, { stride: 2 }), 4, 6),
  Fold: () => pictures(new nn.Fold([3], 2), 2),
  Flatten: () => pictures(new nn.Flatten(), 2, 3),
  BatchNorm1d: () => pictures(new nn.BatchNorm1d(4), 6),
  BatchNorm2d: () => pictures(new nn.BatchNorm2d(4), 5, 6),
  BatchNorm3d: () => pictures(new nn.BatchNorm3d(4), 2, 3, 4),
  InstanceNorm1d: () => pictures(new nn.InstanceNorm1d(4), 6),
  InstanceNorm2d: () => pictures(new nn.InstanceNorm2d(4), 5, 6),
  InstanceNorm3d: () => pictures(new nn.InstanceNorm3d(4), 2, 3, 4),
  GroupNorm: () => pictures(new nn.GroupNorm(2, 4), 5, 6),
  LayerNorm2d: () => pictures(new nn.LayerNorm2d(4), 5, 6),
  LocalResponseNorm: () => pictures(new nn.LocalResponseNorm(3), 5, 6),
  Dropout1d: () => pictures(new nn.Dropout1d(0.5), 6),
  Dropout2d: () => pictures(new nn.Dropout2d(0.5), 5, 6),
  Dropout3d: () => pictures(new nn.Dropout3d(0.5), 2, 3, 4),
  DropPath: () => pictures(new nn.DropPath(0.5), 6),
  FeaturePyramid: async () => {
    const pyramid = new nn.FeaturePyramid([4, 4], 3);
    const maps = (x: Tensor) => {
      const [large, small] = pyramid.forward([x, averagePool(x, 2)]);
      return { large, small };
    };
    await expectSame(maps, { x: ["batch", 4, 4, 6] }, batches.slice(0, 2));
  },
  Upsample: () => pictures(new nn.Upsample({ scale: 2, mode: "linear" }), 5, 6),
  PixelShuffle: () => pictures(new nn.PixelShuffle(2), 5, 6),
  PixelUnshuffle: () => pictures(new nn.PixelUnshuffle(2), 4, 6),
  WeightNorm: () => pictures(nn.weightNorm(new nn.Conv1d(4, 3, 2)), 6),
  ConvolutionalContext: () => {
    const [centred, causal] = [new nn.ConvolutionalContext(size, 3), new nn.ConvolutionalContext(size, 3, masked)];
    return along((x) => causal.forward(centred.forward(x)));
  },
  Rnn: () => recurrent(new nn.Rnn(size, 5, { batchFirst: true })),
  Lstm: () => recurrent(new nn.Lstm(size, 5, { batchFirst: true, layers: 2, bidirectional: true })),
  Gru: () => recurrent(new nn.Gru(size, 4, { batchFirst: true })),
  RnnCell: () => cell(new nn.RnnCell(size, 5)),
  LstmCell: () => cell(new nn.LstmCell(size, 5)),
  GruCell: () => cell(new nn.GruCell(size, 4)),
  AdditiveAttention: () => attention(new nn.AdditiveAttention(size, size, 5)),
  MultiplicativeAttention: () => attention(new nn.MultiplicativeAttention(size, size, "general")),
  MultiheadAttention: async () => {
    const layer = new nn.MultiheadAttention(size, 2);
    await along((x) => ({ ...layer.forward(x, x, x, masked) }));
    await across((x, memory) => ({ ...layer.forward(x, memory) }));
  },
  TransformerEncoderLayer: () => {
    const layer = new nn.TransformerEncoderLayer(size, options);
    return along((x) => layer.forward(x).output);
  },
  TransformerEncoder: () => {
    const encoder = new nn.TransformerEncoder(size, { ...options, layers: 2, preNorm: true });
    return along((x) => encoder.forward(x).output);
  },
  TransformerDecoderLayer: () => {
    const layer = new nn.TransformerDecoderLayer(size, options);
    return across((x, memory) => layer.forward(x, memory).output);
  },
  TransformerDecoder: () => {
    const decoder = new nn.TransformerDecoder(size, { ...options, layers: 2 });
    return across((x, memory) => decoder.forward(x, memory).output);
  },
};

describe("a layer has free sizes", () => {
  test.each(Object.keys(layers))("%s", async (name) => {
    seed(2);
    await layers[name]?.();
  });

  test("each layer of nn, but for what is abstract and what keeps state of the batch's size", () => {
    const isLayer = (value: unknown) => typeof value === "function" && value.prototype instanceof nn.Module;
    const all = Object.entries(nn).flatMap(([name, value]) => (isLayer(value) ? [name] : []));
    const others = ["Attention", "RecurrentCell", "RecurrentNetwork", "StatefulNetwork", "TransformerLayer", "TransformerStack"];
    expect(all.filter((name) => !others.includes(name)).sort()).toEqual(Object.keys(layers).sort());
  });
});

test.each([
  ["a convolution", (x: Tensor) => conv(x, ones([1, 1, 3, 3]), { stride: 2, padding: "same" })],
  ["a maximum", (x: Tensor) => maxPool(x, 3, { stride: 2, padding: "same" })],
  ["a mean", (x: Tensor) => averagePool(x, 3, { stride: 2, padding: "same" })],
])("%s whose padding is another at even sizes is refused, also where a reduction hides it", async (_, layer) => {
  const forward = (x: Tensor) => layer(x).max({ axis: [2, 3] });
  await expect(onnxModel(forward, { x: { shape: [1, 1, "height", 8] } })).rejects.toThrow(
    'the graph changes with "height": an attribute differs',
  );
  const fixed = (x: Tensor) => layer(x).max({ axis: [2, 3] });
  expect((await onnxModel(fixed, { x: { shape: ["batch", 1, 7, 8] } })).length).toBeGreaterThan(0);
});

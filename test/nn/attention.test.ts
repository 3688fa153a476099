import { fileURLToPath } from "node:url";
import { fromBinary } from "@bufbuild/protobuf";
import {
  add,
  arange,
  compile,
  grad,
  mul,
  nn,
  ones,
  onnxModel,
  random,
  type StoredTensor,
  seed,
  sum,
  type Tensor,
  tensor,
  type Variable,
  zeros,
} from "kasane";
import { files } from "kasane/node";
import { ModelProtoSchema } from "onnx-buf";
import { beforeAll, describe, expect, it } from "vitest";
import { relativeError } from "../ops/evaluate.js";

/** Results and gradients of PyTorch's attention and Transformer layers (test/fixtures/attention.py). */
const { tensors } = await files.readSafetensors(fileURLToPath(new URL("../fixtures/attention.safetensors", import.meta.url)));

/** Relative to the greatest element of each tensor; numbers below `least` count as 0. */
const [tolerance, least] = [1e-5, 1e-3];

type Tensors = Readonly<Record<string, Tensor>>;

interface Case {
  readonly module: nn.Module;
  run(given: Tensors): Tensors;
}

const multihead = (options: nn.MultiheadAttentionOptions = {}): Case => {
  const module = new nn.MultiheadAttention(8, 2, options);
  return { module, run: ({ x, key, value, ...masks }) => ({ ...module.forward(x as Tensor, key, value, masks) }) };
};

const single = (module: nn.Attention): Case => ({
  module,
  run: ({ x, key, ...masks }) => ({ ...module.forward(x as Tensor, key as Tensor, undefined, masks) }),
});

const encoder = (module: nn.TransformerEncoderLayer | nn.TransformerEncoder): Case => ({
  module,
  run: ({ x, ...masks }) => ({ output: module.forward(x as Tensor, masks).output }),
});

const decoder = (module: nn.TransformerDecoderLayer | nn.TransformerDecoder): Case => ({
  module,
  run: ({ x, memory, ...masks }) => ({ output: module.forward(x as Tensor, memory as Tensor, masks).output }),
});

const layer = { heads: 2, innerSize: 12 };
const orders = { post: layer, pre: { ...layer, activation: "gelu", preNorm: true } } as const;

const cases: Readonly<Record<string, Case>> = {
  selfAttention: multihead(),
  selfAttentionMasked: multihead(),
  crossAttention: multihead(),
  crossAttentionBiased: multihead({ bias: false }),
  keysAndValues: multihead(),
  otherSizes: multihead({ keySize: 5, valueSize: 6 }),
  ...Object.fromEntries(
    Object.entries(orders).flatMap(([order, options]) => [
      [`encoderLayer-${order}`, encoder(new nn.TransformerEncoderLayer(8, options))],
      [`decoderLayer-${order}`, decoder(new nn.TransformerDecoderLayer(8, options))],
      [`encoder-${order}`, encoder(new nn.TransformerEncoder(8, { ...options, layers: 2 }))],
      [`decoder-${order}`, decoder(new nn.TransformerDecoder(8, { ...options, layers: 2 }))],
    ]),
  ),
  additive: single(new nn.AdditiveAttention(8, 6, 5)),
  general: single(new nn.MultiplicativeAttention(8, 6, "general")),
  dot: single(new nn.MultiplicativeAttention(8, 8, "dot")),
};

const names = Object.keys(cases);
const asTensor = ({ data, shape, dtype }: StoredTensor): Tensor => tensor(data, { shape, dtype });

/** The tensors of a case below `prefix`, by the rest of their names. */
const partOf = (name: string, prefix: string): Map<string, StoredTensor> =>
  new Map(
    [...tensors].flatMap(([key, value]) =>
      key.startsWith(`${name}/${prefix}/`) ? [[key.slice(name.length + prefix.length + 2), value]] : [],
    ),
  );

/** The results of a case and the gradients of a sum over all of them, by the names that the fixture has for them. */
function differentiate(name: string, given: Tensors): Tensors {
  const { module, run } = cases[name] as Case;
  const results = run(given);
  const loss = [...partOf(name, "factor")].map(([key, factor]) => sum(mul(results[key] as Tensor, asTensor(factor)))).reduce(add);
  const torchNames = nn.torchNames(module);
  const wrt: Record<string, Tensor> = Object.fromEntries(Object.entries(given).filter(([key]) => tensors.has(`${name}/gradient/${key}`)));
  for (const [path, variable] of module.namedVariables()) wrt[`state/${torchNames.get(path)}`] = variable;
  const gradients = grad(loss, Object.values(wrt));
  const byName = (prefix: string, values: Tensors) => Object.entries(values).map(([key, value]) => [`${prefix}/${key}`, value]);
  const ofGradients = Object.fromEntries(Object.keys(wrt).map((key, i) => [key, gradients[i] as Tensor]));
  return Object.fromEntries([...byName("result", results), ...byName("gradient", ofGradients)]);
}

describe("attention and Transformer layers against PyTorch", () => {
  let results: Tensors[] = [];

  beforeAll(async () => {
    await Promise.all(names.map((name) => nn.loadTorchStateDict((cases[name] as Case).module, partOf(name, "state"))));
    const given = names.map((name) => Object.fromEntries([...partOf(name, "given")].map(([key, value]) => [key, asTensor(value)])));
    const run = compile((given: Tensors[]) => names.map((name, i) => differentiate(name, given[i] as Tensors)));
    results = await run(given);
    await run.dispose();
  }, 60_000);

  it.each(names.map((name, i) => ({ name, i })))("$name", async ({ name, i }) => {
    const expected = new Map(["result", "gradient"].flatMap((part) => [...partOf(name, part)].map(([key, x]) => [`${part}/${key}`, x])));
    expect(Object.keys(results[i] as Tensors).sort()).toEqual([...expected.keys()].sort());
    for (const [key, value] of Object.entries(results[i] as Tensors)) {
      const right = expected.get(key) as StoredTensor;
      const numbers = (x: StoredTensor["data"]) => Array.from(x as Float32Array);
      expect(value.shape, key).toEqual(right.shape);
      expect(relativeError(numbers(await value.data()), numbers(right.data), least), key).toBeLessThan(tolerance);
    }
  });
});

describe("masks", () => {
  const scores = tensor([
    [
      [1, 2, 3],
      [1, 2, 3],
      [1, 2, 3],
    ],
  ]);
  const values = tensor([[[1], [10], [100]]]);
  const rows = async (masks: nn.AttentionMasks) => (await nn.attend(scores, values, masks).weights.array()) as number[][][];

  it("leave out what comes after, and padding", async () => {
    const odds = Math.E / (1 + Math.E);
    const [[first, second, third]] = (await rows({ causal: true, keyPadding: tensor([[false, true, false]]) })) as [number[][]];
    expect(first).toEqual([1, 0, 0]);
    expect(second).toEqual([1, 0, 0]);
    expect(third?.[1]).toBe(0);
    expect(third?.[2]).toBeCloseTo(odds ** 2 / (odds ** 2 + (1 - odds) ** 2), 6);
  });

  it("make no NaN where nothing may be seen", async () => {
    const [[first]] = (await rows({ keyPadding: tensor([[true, true, true]]) })) as [number[][]];
    expect(first?.reduce((a, b) => a + b)).toBeCloseTo(1, 6);
  });

  it("say which shape they need", () => {
    expect(() => nn.attend(scores, values, { keyPadding: tensor([[0, 1]]) })).toThrow("keyPadding is float32[1, 2], expected bool[1, 3]");
    expect(() => nn.attend(scores, values, { mask: tensor([[true, false]]) })).toThrow("[1, 2] does not broadcast to the scores [1, 3, 3]");
    expect(() => nn.attend(scores, values, { bias: tensor([[1, 2]]) })).toThrow("the bias [1, 2] does not broadcast");
    const two = tensor([[[1, 2, 3]]]);
    expect(() => nn.attend(two, values, { causal: true })).toThrow("1 queries and 3 keys");
  });
});

it("sizes and heads that do not fit are named", () => {
  expect(() => new nn.MultiheadAttention(10, 3)).toThrow("size 10 does not part into 3 heads");
  expect(() => new nn.MultiheadAttention(8, 2).forward(ones([2, 3, 7]))).toThrow("[2, 3, 7], expected [batch, queries, 8]");
  expect(() => new nn.MultiplicativeAttention(8, 6, "dot")).toThrow("use general");
});

it("relative position biases are added to the scores, those of farther keys as of the farthest", async () => {
  const attention = new nn.MultiheadAttention(8, 2, { maxRelativePosition: 1 });
  // Scores are 0 without them. The first head prefers what comes before, the second what comes after.
  const logs = [[0, Math.log(2), Math.log(4)].reverse(), [0, Math.log(2), Math.log(4)]];
  await (attention.relativePositionBias as Variable).assign(tensor(logs));
  const { weights } = attention.forward(zeros([1, 4, 8]));
  const shares = [
    [
      [2, 1, 1, 1],
      [4, 2, 1, 1],
      [4, 4, 2, 1],
      [4, 4, 4, 2],
    ],
    [
      [2, 4, 4, 4],
      [1, 2, 4, 4],
      [1, 1, 2, 4],
      [1, 1, 1, 2],
    ],
  ];
  // A bias of the caller's is added to the scores as well: here it takes the difference away again.
  const against = tensor(shares.map((head) => head.map((row) => row.map((share) => -Math.log(share)))));
  const even = attention.forward(zeros([1, 4, 8]), undefined, undefined, { bias: against }).weights;
  expect(relativeError(Array.from((await even.data()) as Float32Array), new Array(32).fill(0.25), least)).toBeLessThan(1e-6);
  const expected = shares.flatMap((head) => head.flatMap((row) => row.map((share) => share / row.reduce((a, b) => a + b))));
  expect(relativeError(Array.from((await weights.data()) as Float32Array), expected, least)).toBeLessThan(1e-6);
  expect(() => new nn.MultiheadAttention(8, 2, { maxRelativePosition: 0.5 })).toThrow(
    "maxRelativePosition 0.5: expected an integer from 0 on",
  );
});

it("convolutional context sees as many places on either side, none of padding, or none that comes after", async () => {
  const x = tensor(
    [1, 10, 100, 1000].map((value) => [value]),
    { shape: [1, 4, 1] },
  );
  const padding = tensor([[false, false, false, true]]);
  const outputs = async (context: nn.ConvolutionalContext, given?: Tensor) => {
    await context.joint.weight.assign(tensor([[1, 2, 3]]));
    await context.joint.bias?.assign(tensor([0]));
    return [...((await context.forward(x, given).data()) as Float32Array)];
  };
  const both = new nn.ConvolutionalContext(1, 3);
  expect(await outputs(both)).toEqual([1 + 32, 10 + 321, 100 + 3210, 1000 + 2100]);
  expect(await outputs(both, padding)).toEqual([1 + 32, 10 + 321, 100 + 210, 1000 + 100]);
  expect(await outputs(new nn.ConvolutionalContext(1, 3, { causal: true }))).toEqual([1 + 3, 10 + 32, 100 + 321, 1000 + 3210]);
  expect(() => new nn.ConvolutionalContext(1, 4)).toThrow("width 4: expected an odd number");
  expect(() => new nn.ConvolutionalContext(1, 1, { causal: true })).toThrow("width 1: expected an integer from 2 on");
});

it("self-attention is two products with weights, two among heads, and one softmax", async () => {
  const attention = new nn.MultiheadAttention(8, 2);
  const bytes = await onnxModel((x: Tensor) => attention.forward(x).output, { x: { shape: [2, 3, 8] } });
  const types = (fromBinary(ModelProtoSchema, bytes).graph?.node ?? []).map(({ opType }) => opType);
  expect(types.filter((type) => type !== "Reshape").sort()).toEqual(
    // Heads apart, keys the other way round, heads together again; the queries scaled.
    ["Gemm", "Gemm", "MatMul", "MatMul", "Mul", "Softmax", "Split", "Transpose", "Transpose", "Transpose"],
  );
});

it("dropout leaves weights out while training, and the weights given back whole", async () => {
  seed(1);
  const attention = new nn.MultiheadAttention(8, 2, { dropout: 0.5 });
  const x = random.normal([4, 6, 8]);
  const forward = (x: Tensor) => attention.forward(x);
  const [trained, plain] = [compile(forward, { training: true }), compile(forward)];
  const [dropped, whole] = [await trained(x), await plain(x)];
  expect(
    relativeError(
      Array.from((await dropped.weights.data()) as Float32Array),
      Array.from((await whole.weights.data()) as Float32Array),
      least,
    ),
  ).toBeLessThan(1e-6);
  expect(
    relativeError(
      Array.from((await dropped.output.data()) as Float32Array),
      Array.from((await whole.output.data()) as Float32Array),
      least,
    ),
  ).toBeGreaterThan(0.1);
});

it("sinusoidal places are the sines and cosines of equation 5 of the paper", async () => {
  const size = 6;
  const encoded = (await nn.sinusoidalEncoding(arange(50), size).array()) as number[][];
  for (let position = 0; position < 50; position++) {
    for (let i = 0; i < size; i += 2) {
      const angle = position / 10000 ** (i / size);
      expect(encoded[position]?.[i]).toBeCloseTo(Math.sin(angle), 5);
      expect(encoded[position]?.[i + 1]).toBeCloseTo(Math.cos(angle), 5);
    }
  }
  expect(() => nn.sinusoidalEncoding(arange(3), 5)).toThrow("size 5: expected an even number");
});

it("a decoder that is given one place after the other gives what it gives for all at once", async () => {
  seed(2);
  const [batch, places, sources, capacity] = [3, 5, 4, 8];
  const decoder = new nn.TransformerDecoder(8, { layers: 2, heads: 2, innerSize: 16, preNorm: true });
  const x = random.normal([places, batch, 8]);
  const memory = random.normal([batch, sources, 8]);
  const memoryPadding = tensor([
    [false, false, false, false],
    [false, false, true, true],
    [false, true, true, true],
  ]);
  const run = compile((x: Tensor, memory: Tensor, memoryPadding: Tensor) => {
    const projected = decoder.project(memory);
    let cache = decoder.emptyCache(batch, capacity);
    const steps = x.unstack().map((place, i) => {
      const step = decoder.step(place, arange(batch).mul(0).add(i), cache, projected, memoryPadding);
      cache = step.cache;
      return step.output;
    });
    return { steps, whole: decoder.forward(x.transpose([1, 0, 2]), memory, { memoryPadding }).output.transpose([1, 0, 2]) };
  });
  const { steps, whole } = await run(x, memory, memoryPadding);
  const together = await Promise.all(steps.map(async (step) => Array.from((await step.data()) as Float32Array)));
  expect(relativeError(together.flat(), Array.from((await whole.data()) as Float32Array), least)).toBeLessThan(1e-5);
});

it("of half precision sees all where it may see none, in every executor", async () => {
  const x = tensor(
    [
      [
        [1, 2],
        [3, 4],
      ],
    ],
    { dtype: "float16" },
  );
  const keyPadding = tensor([[true, true]]);
  const mask = tensor([[[true, true]]]);
  const attended = () => nn.scaledDotProductAttention(x, x, x, { keyPadding, mask, causal: true }).output;
  const compiled = compile(attended, { executor: "onnxruntime" });
  for (const output of [attended(), await compiled()]) {
    const [first] = (await output.array()) as number[][][];
    expect(first?.flat().every(Number.isFinite)).toBe(true);
  }
  const single = (await nn.scaledDotProductAttention(x, x, x, { keyPadding }).output.array()) as number[][][];
  // The scores are those of a query that sees both, but for the rounding of 2e4 and a score.
  expect(single[0]?.flat().every((value) => value >= 1 && value <= 4)).toBe(true);
});

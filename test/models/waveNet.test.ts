import { compile, decode, gather, models, onnxModel, random, readOnnx, seed, type Tensor, tensor, zeros } from "kasane";
import { beforeEach, expect, it } from "vitest";

beforeEach(() => seed(5));

const sizes = { dilations: [1, 2, 4, 1], channels: 6, skipChannels: 5, values: 8 };

/** A model whose conditioning, which starts as zeros, has an effect. */
async function conditionedModel() {
  const model = new models.WaveNet({ ...sizes, conditions: [3, 2] });
  for (const { weight } of model.conditioning) await weight.assign(random.normal(weight.shape));
  return model;
}

const codesOf = (length: number, from = 0) => Int32Array.from({ length }, (_, i) => (from + i * i * 3 + i) % 8);
const row = (codes: Int32Array<ArrayBuffer>) => tensor(codes, { shape: [1, codes.length] });
const logitsOf = async (model: models.WaveNet, codes: Int32Array<ArrayBuffer>, labels?: Tensor) =>
  ((await model.forward(row(codes), labels).array()) as number[][][])[0] as number[][];

it("predicts from its receptive field, and from nothing after", async () => {
  const model = new models.WaveNet(sizes);
  expect(model.receptiveField).toBe(9);
  const codes = codesOf(24);
  const changed = codes.with(5, ((codes[5] as number) + 1) % 8) as Int32Array<ArrayBuffer>;
  const [before, after] = [await logitsOf(model, codes), await logitsOf(model, changed)];
  const differs = before.map((logits, i) => logits.some((value, j) => Math.abs(value - ((after[i] as number[])[j] as number)) > 1e-7));
  expect(differs.map((isOther, i) => (isOther ? i : -1)).filter((i) => i >= 0)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

it("computes one layer by the formulas of the paper", async () => {
  const model = new models.WaveNet({ dilations: [2], channels: 2, skipChannels: 1, values: 3 });
  const values = async (x: Tensor | undefined) => Array.from((await (x as Tensor).data()) as Float32Array);
  const [layer] = model.layers as [(typeof model.layers)[number]];
  const [embedding, filter, filterBias, gate, gateBias, skip, skipBias, hidden, hiddenBias, output, outputBias] = (await Promise.all(
    [
      model.embedding.weight,
      ...[layer.filter, layer.gate, layer.skip, model.hidden, model.output].flatMap(({ weight, bias }) => [weight, bias]),
    ].map(values),
  )) as number[][];
  const codes = [1, 0, 2, 1];
  const x = (t: number, c: number) => (t < 0 ? 0 : (embedding?.[2 * (codes[t] as number) + c] as number));
  // w [outputs, inputs, 2]: the first element of the kernel meets the sample two before.
  const convolved = (w: number[], b: number[], t: number, k: number) =>
    [0, 1].reduce(
      (sum, c) => sum + (w[4 * k + 2 * c] as number) * x(t - 2, c) + (w[4 * k + 2 * c + 1] as number) * x(t, c),
      b[k] as number,
    );
  const expected = codes.map((_, t) => {
    const gated = [0, 1].map(
      (k) =>
        Math.tanh(convolved(filter as number[], filterBias as number[], t, k)) /
        (1 + Math.exp(-convolved(gate as number[], gateBias as number[], t, k))),
    ) as [number, number];
    const [s0, s1] = skip as [number, number];
    const end = Math.max(0, s0 * gated[0] + s1 * gated[1] + (skipBias?.[0] as number));
    const h = Math.max(0, (hidden?.[0] as number) * end + (hiddenBias?.[0] as number));
    return (output as number[]).map((w, i) => w * h + (outputBias?.[i] as number));
  });
  const got = await logitsOf(model, Int32Array.from(codes));
  expected.forEach((logits, t) => logits.forEach((value, i) => expect(got[t]?.[i]).toBeCloseTo(value, 5)));
});

it("gives the same logits sample by sample", async () => {
  const model = await conditionedModel();
  const [codes, labels] = [codesOf(20), [2, 1]];
  const expected = await logitsOf(model, codes, tensor([labels], { dtype: "int32" }));
  const step = new models.WaveNetStep(model, labels);
  const reader = await decode.signalReader((code, past) => step.forward(code, past), { delays: step.delays, size: step.channels });
  for (const _ of [1, 2]) {
    for (const [t, code] of codes.entries()) {
      const logits = await reader.read(code);
      expect(logits).toHaveLength(8);
      logits.forEach((value, i) => expect(value).toBeCloseTo(expected[t]?.[i] as number, 5));
    }
    reader.restart();
  }
});

it("draws the same samples as a network that computes all anew, for the same random numbers", async () => {
  const model = new models.WaveNet({ ...sizes, channels: 16, values: 64 });
  const step = new models.WaveNetStep(model);
  const cached = await decode.signalReader((code, past) => step.forward(code, past), { delays: step.delays, size: step.channels });
  const seen = model.receptiveField;
  const last = compile((codes: Tensor, place: Tensor) => gather(model.forward(codes).reshape([seen, -1]), place));
  let read: number[] = [];
  const naive = {
    async read(code: number) {
      read = [...read, code].slice(-seen);
      const codes = Int32Array.from({ length: seen }, (_, i) => read[i] ?? 0);
      return (await (await last(row(codes), Int32Array.of(read.length - 1))).data()) as Float32Array;
    },
    restart: () => {
      read = [];
    },
  };
  const draw = (reader: decode.SignalReader) => {
    let state = 1;
    // The generator of Park and Miller (1988).
    const uniform = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    return decode.sampleSignal(reader, { length: 300, begin: 32, prime: [1, 2, 3], temperature: 0.8, uniform });
  };
  const drawn = await draw(cached);
  expect(new Set(drawn).size).toBeGreaterThan(40);
  expect(await draw(naive)).toEqual(drawn);
});

it("is a step of any runtime as an ONNX file, for several sounds at once", async () => {
  const model = new models.WaveNet(sizes);
  const step = new models.WaveNetStep(model);
  const file = await onnxModel((code: Tensor, past: Tensor) => step.forward(code, past), {
    code: { shape: ["sounds"], dtype: "int32" },
    past: { shape: [4, "sounds", 6] },
  });
  const read = readOnnx(file);
  const { logits } = read.forward({ code: tensor([3, 5], { dtype: "int32" }), past: zeros([4, 2, 6]) }) as Record<string, Tensor>;
  const got = (await (logits as Tensor).array()) as number[][];
  for (const [row, code] of [3, 5].entries()) {
    const [expected] = await logitsOf(model, Int32Array.of(code));
    got[row]?.forEach((value, i) => expect(value).toBeCloseTo(expected?.[i] as number, 5));
  }
});

it("refuses labels that do not fit its conditions, and sizes that are none", async () => {
  const plain = new models.WaveNet(sizes);
  const labels = tensor([[0, 1]], { dtype: "int32" });
  expect(() => plain.forward(row(codesOf(4)), labels)).toThrow("WaveNet: got labels [1, 2], expected none");
  const model = await conditionedModel();
  expect(() => model.forward(row(codesOf(4)))).toThrow("WaveNet: got no labels, expected [batch, 2]");
  expect(() => new models.WaveNetStep(model, [0, 1.7])).toThrow("WaveNetStep: got labels [0,1.7], expected indices of classes");
  expect(() => new models.WaveNetStep(model)).toThrow("WaveNet: got no labels, expected [batch, 2]");
  expect(() => new models.WaveNet({ ...sizes, dilations: [] })).toThrow("dilations is empty");
  expect(() => new models.WaveNet({ ...sizes, dilations: [1, 0] })).toThrow("dilation");
  const step = new models.WaveNetStep(plain);
  expect(() => step.forward(tensor([0], { dtype: "int32" }), random.normal([3, 1, 6]))).toThrow(
    "WaveNetStep: got past [3, 1, 6], expected [4, 1, 6]",
  );
});

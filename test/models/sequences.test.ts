import { compile, concat, decode, models, nn, optim, random, seed, type Tensor, tensor, Variable } from "kasane";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { showTree } from "../../src/graph/tree.js";
import { relativeError } from "../ops/evaluate.js";

/** The ids of what begins and ends a target; 0 is padding. */
const [begin, end] = [1, 2];
const vocabulary = 9;

const transformer = (options: Partial<models.TransformerOptions> = {}) =>
  new models.Transformer({
    sourceVocabulary: vocabulary,
    targetVocabulary: vocabulary,
    size: 16,
    layers: 2,
    heads: 2,
    innerSize: 32,
    ...options,
  });

/** With other relative position biases than the zeros that training begins with. */
function relative(): models.Transformer {
  const model = transformer({ maxRelativePosition: 2 });
  const attentions = [...model.encoder.layers, ...model.decoder.layers].flatMap((layer) => Object.values(layer));
  for (const attention of attentions.filter((part) => part instanceof nn.MultiheadAttention)) {
    Object.assign(attention, { relativePositionBias: new Variable(random.normal([2, 5])) });
  }
  return model;
}

const recurrent = (options: Partial<models.SequenceToSequenceOptions> = {}) =>
  new models.SequenceToSequence({
    sourceVocabulary: vocabulary,
    targetVocabulary: vocabulary,
    size: 12,
    hiddenSize: 16,
    cell: "gru",
    ...options,
  });

const variants: Record<string, () => models.SequenceModel> = {
  Transformer: transformer,
  "pre-norm Transformer of one vocabulary": () => transformer({ preNorm: true, activation: "gelu", sharedVocabulary: true }),
  "Transformer with relative position biases": relative,
  "Transformer with convolutional context": () => transformer({ contextWidth: 3 }),
  "LSTM of two layers": () => recurrent({ cell: "lstm", layers: 2 }),
  "bidirectional LSTM with additive attention": () => recurrent({ cell: "lstm", bidirectional: true, attention: "additive" }),
  "bidirectional GRU of two layers with general attention": () => recurrent({ layers: 2, bidirectional: true, attention: "general" }),
  "simple network with dot attention and input feeding": () => recurrent({ cell: "rnn", attention: "dot", inputFeeding: true }),
  "ensemble of a Transformer and an LSTM": () => new models.Ensemble([transformer(), recurrent({ cell: "lstm", attention: "additive" })]),
};

const ids = (rows: number[][]): Tensor => tensor(rows, { dtype: "int32" });
const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);

/** Rows of 3 to 5 symbols, filled up with padding. */
const sources = [
  [3, 5, 4, 0, 0],
  [8, 7, 6, 5, 4],
  [4, 4, 3, 7, 0],
];
const targets = [
  [1, 4, 5, 3],
  [1, 4, 5, 6],
  [1, 7, 3, 4],
];

describe.each(Object.keys(variants))("%s", (name) => {
  const make = variants[name] as () => models.SequenceModel;

  it("gives the same logits step by step, from the state alone, as for all tokens at once", async () => {
    seed(3);
    const model = make();
    const whole = await compile((source: Tensor, target: Tensor) => model.forward(source, target))(ids(sources), ids(targets));
    expect(whole.shape).toEqual([3, 4, vocabulary]);
    const encode = compile((source: Tensor) => model.encode(source, 6));
    const step = compile((tokens: Tensor, state: object) => model.decoderStep(tokens, state));
    let state = await encode(ids(sources));
    const steps: Tensor[] = [];
    for (let i = 0; i < 4; i++) {
      const result = await step(
        Int32Array.from(targets, (row) => row[i] as number),
        state,
      );
      expect(showTree(result.state)).toBe(showTree(state));
      state = result.state;
      steps.push(result.logits.reshape([3, 1, vocabulary]));
    }
    expect(relativeError(await numbers(concat(steps, { axis: 1 })), await numbers(whole), 1e-3)).toBeLessThan(1e-5);
  });

  it("ends with an error beyond its capacity, where it has one", async () => {
    seed(3);
    const model = make();
    const step = compile((tokens: Tensor, state: object) => model.decoderStep(tokens, state));
    let state = await compile((source: Tensor) => model.encode(source, 2))(ids(sources));
    const next = async () => ({ state } = await step(new Int32Array(3).fill(4), state));
    await next();
    await next();
    if (/transformer/i.test(name)) await expect(next()).rejects.toThrow("out of range");
    else await next();
  });

  it("does not see padding", async () => {
    seed(4);
    const model = make();
    const forward = compile((source: Tensor, target: Tensor) => model.forward(source, target));
    const longer = sources.map((row) => [...row, 0, 0, 0]);
    const [short, long] = [await forward(ids(sources), ids(targets)), await forward(ids(longer), ids(targets))];
    expect(relativeError(await numbers(long), await numbers(short), 1e-3)).toBeLessThan(1e-5);
  });

  it("is searched by beams, whose probabilities are those of the whole sequences", async () => {
    seed(10);
    const model = make();
    const options = { begin, end, maximumLength: 4 };
    const search = decode.beamSearch(model.decoderStep.bind(model), { ...options, beams: 3, best: 3 });
    const found = await search(await compile((source: Tensor) => model.encode(source, 4))(ids(sources)));
    await search.dispose();
    const forward = compile((source: Tensor, target: Tensor) => model.forward(source, target).logSoftmax());
    for (const [row, hypotheses] of found.entries()) {
      expect(hypotheses).toHaveLength(3);
      const written = hypotheses.map(({ tokens, ended }) => [...tokens, ...(ended ? [end] : [])]);
      const inputs = written.map((tokens) => [begin, ...tokens, 0, 0, 0].slice(0, 4));
      const logs = (await (await forward(ids(inputs.map(() => sources[row] as number[])), ids(inputs))).array()) as number[][][];
      hypotheses.forEach(({ logProbability }, i) => {
        const sum = (written[i] as number[]).reduce((total, token, t) => total + (logs[i]?.[t]?.[token] as number), 0);
        expect(logProbability).toBeCloseTo(sum, 4);
      });
    }
  });

  it("exported as encoder and decoder, writes the same tokens with ONNX Runtime alone", async () => {
    seed(5);
    const model = make();
    const steps = 7;
    const { tokens: expected, logits: expectedLogits } = await follow(model, ids(sources), steps);
    const { encoder, decoder } = await models.sequenceOnnx(model, steps);
    const [encode, step] = [await ort.InferenceSession.create(encoder), await ort.InferenceSession.create(decoder)];
    let state = await encode.run({ source: new ort.Tensor("int32", Int32Array.from(sources.flat()), [3, 5]) });
    let tokens = new Int32Array(3).fill(begin);
    const got: number[][] = [];
    const gotLogits: number[] = [];
    for (let i = 0; i < steps; i++) {
      const { logits, ...next } = await step.run({ tokens: new ort.Tensor("int32", tokens, [3]), ...state });
      gotLogits.push(...((logits as ort.Tensor).data as Float32Array));
      tokens = greatest((logits as ort.Tensor).data as Float32Array);
      got.push([...tokens]);
      state = { ...state, ...Object.fromEntries(Object.entries(next).map(([key, value]) => [key.replace(/^next\./, ""), value])) };
    }
    await Promise.all([encode.release(), step.release()]);
    expect(got).toEqual(expected);
    expect(relativeError(gotLogits, expectedLogits, 1e-3)).toBeLessThan(1e-5);
  });
});

/** The place of the greatest logit in each row. */
const greatest = (logits: Float32Array): Int32Array<ArrayBuffer> =>
  Int32Array.from({ length: logits.length / vocabulary }, (_, row) => {
    const values = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
    return values.indexOf(Math.max(...values));
  });

/** The most probable token of each row after each step, and the logits of all steps. */
async function follow(model: models.SequenceModel, source: Tensor, steps: number): Promise<{ tokens: number[][]; logits: number[] }> {
  const step = compile((tokens: Tensor, state: object) => model.decoderStep(tokens, state));
  let state = await compile((source: Tensor) => model.encode(source, steps))(source);
  let last = new Int32Array(source.shape[0] as number).fill(begin);
  const result = { tokens: [] as number[][], logits: [] as number[] };
  for (let i = 0; i < steps; i++) {
    const next = await step(last, state);
    const logits = (await next.logits.data()) as Float32Array;
    last = greatest(logits);
    state = next.state;
    result.tokens.push([...last]);
    result.logits.push(...logits);
  }
  return result;
}

describe("learning to reverse up to four symbols", () => {
  const symbols = [3, 4, 5, 6, 7, 8];
  let draw = 12345;
  const random = (below: number) => {
    draw = (draw * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((draw / 2 ** 31) * below);
  };
  const row = () => Array.from({ length: 1 + random(4) }, () => symbols[random(symbols.length)] as number);
  const filled = (values: number[], length: number) => [...values, ...new Array<number>(length - values.length).fill(0)];
  const batch = (size: number) => {
    const rows = Array.from({ length: size }, row);
    const reversed = rows.map((values) => [begin, ...values.toReversed(), end]);
    return {
      source: ids(rows.map((values) => filled(values, 4))),
      target: ids(reversed.map((values) => filled(values.slice(0, -1), 5))),
      next: ids(reversed.map((values) => filled(values.slice(1), 5))),
    };
  };

  async function accuracy(model: models.SequenceModel): Promise<number> {
    const { source, next } = batch(200);
    const { tokens: written } = await follow(model, source, 5);
    const expected = (await next.array()) as number[][];
    const right = expected.filter((values, i) => values.every((id, t) => id === 0 || id === written[t]?.[i]));
    return right.length / expected.length;
  }

  async function train(model: models.SequenceModel, learningRate: number, steps: number, forward = model.forward): Promise<number> {
    const optimizer = new optim.Adam(model, { learningRate });
    const step = compile(
      ({ source, target, next }: ReturnType<typeof batch>) => {
        const loss = forward.call(model, source, target).crossEntropy(next, { ignoreIndex: 0, labelSmoothing: 0.05 });
        optimizer.minimize(loss);
        return loss;
      },
      { training: true },
    );
    for (let i = 0; i < steps; i++) await step(batch(32));
    await step.dispose();
    return accuracy(model);
  }

  it("Transformer", async () => {
    seed(8);
    expect(await train(transformer({ size: 32, heads: 4, innerSize: 64, dropout: 0.05 }), 3e-3, 600)).toBeGreaterThan(0.97);
  });

  it("GRU with attention", async () => {
    seed(7);
    expect(await train(recurrent({ hiddenSize: 32, bidirectional: true, attention: "general" }), 5e-3, 400)).toBeGreaterThan(0.95);
  });

  it("LSTM with attention, input feeding and scheduled sampling", async () => {
    seed(8);
    const model = recurrent({ hiddenSize: 32, cell: "lstm", attention: "additive", inputFeeding: true });
    const forward = (source: Tensor, target: Tensor) => model.forward(source, target, 0.25);
    expect(await train(model, 5e-3, 400, forward)).toBeGreaterThan(0.95);
  });
});

describe("scheduled sampling", () => {
  it("with probability 0 is teacher forcing, with 1 feeds what the model writes", async () => {
    seed(9);
    const model = recurrent({ attention: "dot" });
    const forward = compile((source: Tensor, target: Tensor, own: Tensor) => ({
      taught: model.forward(source, target),
      sampled: model.forward(source, target, own),
    }));
    const never = await forward(ids(sources), ids(targets), tensor(0));
    expect(relativeError(await numbers(never.sampled), await numbers(never.taught), 1e-3)).toBeLessThan(1e-6);
    const always = await forward(ids(sources), ids(targets), tensor(1));
    const { tokens: written } = await follow(model, ids(sources), 4);
    const chosen = (await always.sampled.argmax({ axis: -1 }).array()) as number[][];
    expect(chosen).toEqual(sources.map((_, row) => written.map((tokens) => tokens[row])));
  });
});

it("an ensemble's probabilities are the means of its members'", async () => {
  seed(11);
  const members = [transformer(), recurrent(), recurrent({ cell: "rnn" })];
  const probabilities = async (model: models.SequenceModel) => numbers(model.forward(ids(sources), ids(targets)).softmax());
  const single = await Promise.all(members.map(probabilities));
  const mean = (single[0] as number[]).map((_, i) => single.reduce((sum, each) => sum + (each[i] as number), 0) / members.length);
  expect(relativeError(await probabilities(new models.Ensemble(members)), mean, 1e-3)).toBeLessThan(1e-5);
});

it("settings that do not go together are named", () => {
  expect(() => new models.Ensemble([])).toThrow("no members: expected one or more models");
  expect(() => recurrent({ inputFeeding: true })).toThrow("inputFeeding feeds what attention found");
  expect(() => recurrent({ bidirectional: true, attention: "dot" })).toThrow("use general");
  expect(() => transformer({ sharedVocabulary: true, targetVocabulary: 10 })).toThrow("9 source and 10 target tokens");
});

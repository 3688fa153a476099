import {
  allReduce,
  arange,
  compile,
  conv,
  customGradient,
  data,
  decode,
  eye,
  full,
  grad,
  metrics,
  models,
  nn,
  ones,
  optim,
  registerOnnxOperator,
  scan,
  sum,
  type Tensor,
  tensor,
  upsample,
  Variable,
  where,
  zeros,
} from "kasane";
import { train } from "kasane/node";
import { describe, expect, it } from "vitest";

/** As JavaScript calls it, which checks no types. */
const loosely = (options: object) => options as never;

describe("options that there are not, or that are missing, are named", () => {
  const transformer = { layers: 1, heads: 1, innerSize: 4 };
  const vocabularies = { sourceVocabulary: 3, targetVocabulary: 3, size: 4 };
  const step: decode.DecoderStep<Tensor> = (_, state) => ({ logits: state, state });
  const ctc = (options: object) => nn.ctcLoss(zeros([3, 1, 4]), tensor([[1]], { dtype: "int32" }), loosely(options));
  it.each<[string, () => unknown]>([
    ["Linear: unknown option biass: did you mean bias?", () => new nn.Linear(2, 2, loosely({ biass: false }))],
    ["Linear: got boolean in place of options", () => new nn.Linear(2, 2, loosely(false as never))],
    ["Embedding: unknown option padding_index: did you mean paddingIndex?", () => new nn.Embedding(2, 2, loosely({ padding_index: 0 }))],
    ["ConvolutionalContext: unknown option padding", () => new nn.ConvolutionalContext(2, 3, loosely({ padding: 1 }))],
    ["MultiheadAttention: unknown option batchFirst", () => new nn.MultiheadAttention(2, 1, loosely({ batchFirst: true }))],
    ["FeedForward: the option innerSize is missing", () => new nn.FeedForward(2, loosely({}))],
    [
      'FeedForward: activation "swish": expected "relu" or "gelu"',
      () => new nn.FeedForward(2, loosely({ innerSize: 2, activation: "swish" })),
    ],
    ["TransformerEncoder: the option layers is missing", () => new nn.TransformerEncoder(4, loosely({ heads: 1, innerSize: 4 }))],
    ["TransformerDecoder: unknown option normFirst", () => new nn.TransformerDecoder(4, loosely({ ...transformer, normFirst: true }))],
    ["TransformerEncoderLayer: unknown option layers", () => new nn.TransformerEncoderLayer(4, loosely(transformer))],
    ["Lstm: unknown option numLayers: expected", () => new nn.Lstm(2, 2, loosely({ numLayers: 2 }))],
    ["Lstm: unknown option activation", () => new nn.Lstm(2, 2, loosely({ activation: "relu" }))],
    ["Gru: unknown option batch_first: did you mean batchFirst?", () => new nn.Gru(2, 2, loosely({ batch_first: true }))],
    ["Rnn: unknown option forgetBias", () => new nn.Rnn(2, 2, loosely({ forgetBias: 1 }))],
    ['RnnCell: activation "gelu": expected "tanh", "relu" or "sigmoid"', () => new nn.RnnCell(2, 2, loosely({ activation: "gelu" }))],
    ["LstmCell: unknown option layers", () => new nn.LstmCell(2, 2, loosely({ layers: 1 }))],
    ["Transformer: the option heads is missing", () => new models.Transformer(loosely({ ...vocabularies, layers: 1, innerSize: 4 }))],
    ["Transformer: unknown option cell", () => new models.Transformer(loosely({ ...vocabularies, ...transformer, cell: "gru" }))],
    [
      "SequenceToSequence: the option hiddenSize is missing",
      () => new models.SequenceToSequence(loosely({ ...vocabularies, cell: "gru" })),
    ],
    [
      'SequenceToSequence: cell "elman": expected "rnn", "lstm" or "gru"',
      () => new models.SequenceToSequence(loosely({ ...vocabularies, hiddenSize: 2, cell: "elman" })),
    ],
    [
      'SequenceToSequence: attention "luong": expected "additive", "dot" or "general"',
      () => new models.SequenceToSequence(loosely({ ...vocabularies, hiddenSize: 2, cell: "gru", attention: "luong" })),
    ],
    [
      'MultiplicativeAttention: score "cosine": expected "dot" or "general"',
      () => new nn.MultiplicativeAttention(2, 2, loosely("cosine" as never)),
    ],
    [
      'VariationalAutoencoder: activation "gelu": expected "relu" or "tanh"',
      () => new models.VariationalAutoencoder(3, loosely({ hidden: [2], latent: 1, activation: "gelu" })),
    ],
    ["greedy: the option end is missing", () => decode.greedy(step, loosely({ begin: 1, maximumLength: 3 }))],
    ["beamSearch: the option beams is missing", () => decode.beamSearch(step, loosely({ begin: 1, end: 0, maximumLength: 3 }))],
    [
      "sample: unknown option topk: did you mean topK?",
      () => decode.sample(step, loosely({ begin: 1, end: 0, maximumLength: 3, topk: 3 })),
    ],
    ["compile: unknown option train: did you mean training?", () => compile(() => ones([1]), loosely({ train: true }))],
    ['compile: executor "webgpu": expected "wasm" or "onnxruntime"', () => compile(() => ones([1]), loosely({ executor: "webgpu" }))],
    ["compile: threads 0.5: expected an integer from 1", () => compile(() => ones([1]), { threads: 0.5 })],
    ["allReduce: unknown option reduce: expected like, reduction", () => allReduce(ones([1]), loosely({ reduce: "sum" }))],
    ['allReduce: reduction "max": expected "mean" or "sum"', () => allReduce(ones([1]), loosely({ reduction: "max" }))],
    ["batches: unknown option shuffle", () => [...data.batches(3, loosely({ batchSize: 1, shuffle: true }))]],
    ["batches: got no options: expected { batchSize }", () => [...data.batches(3, loosely(undefined as never))]],
    ["bucketedBatches: the option buckets is missing", () => data.bucketedBatches([[1]], loosely({ batchSize: 1 }))],
    ["Vocabulary: unknown option minCount", () => data.Vocabulary.of(["a"], loosely({ minCount: 2 }))],
    [
      "TensorDataset.batches: unknown option batchSize",
      () => [...new data.TensorDataset(tensor([[1], [2]])).batches(loosely({ size: 1, batchSize: 1 }))],
    ],
    ["trainTestSplit: unknown option testSize: did you mean testShare?", () => data.trainTestSplit([1, 2], loosely({ testSize: 0.5 }))],
    ["parseCsv: unknown option header", () => data.parseCsv("a\n1", loosely({ header: true }))],
    [
      "corpusBleu: unknown option tokenize: expected tokenization, effectiveOrder",
      () => metrics.corpusBleu(["a"], [["a"]], loosely({ tokenize: "13a" })),
    ],
    ["ctcLoss: unknown option targetLength: did you mean targetLengths?", () => ctc({ targetLength: [1] })],
    ['ctcLoss: reduction "average": expected "mean", "sum" or "none"', () => ctc({ reduction: "average" })],
    ["warmUp: steps 2.5: expected an integer from 1", () => optim.warmUp(2.5, 0.1)],
    ["LstmCell: forgetBias is a bias", () => new nn.LstmCell(2, 2, { bias: false, forgetBias: 1 })],
    [
      "Sgd: group 0: unknown option wher: did you mean where?",
      () => new optim.Sgd(new nn.Linear(2, 2), loosely({ learningRate: 1, groups: [{ wher: /a/ }] })),
    ],
    ["oneCycle: unknown option warmUp", () => optim.oneCycle(0.1, 10, loosely({ warmUp: 0.3 }))],
    [
      "registerOnnxOperator: unknown option role: did you mean roles?",
      () => registerOnnxOperator("X", () => ones([1]), loosely({ role: {} })),
    ],
    ["Progress: unknown option steps", () => new train.Progress(loosely({ steps: 3 }))],
    ["hashedSubwords: the option buckets is missing", () => data.hashedSubwords("a", loosely({ shortest: 3, longest: 6 }))],
    ["corruptSentence: the option omission is missing", () => data.corruptSentence(["a"], loosely({ misspelling: 0.1 }), [0, 0])],
    [
      "corruptSentence: misspelling + omission 1.5: expected a number from 0 to 1",
      () => data.corruptSentence(["a"], { misspelling: 1, omission: 0.5 }, [0, 0]),
    ],
    [
      'bleuTokens: tokenization "zh": expected "none", "13a" or "char"',
      () => metrics.corpusBleu(["a"], [["a"]], loosely({ tokenization: "zh" })),
    ],
    [
      "attention: unknown option isCausal",
      () => new nn.MultiheadAttention(2, 1).forward(zeros([1, 2, 2]), undefined, undefined, loosely({ isCausal: true })),
    ],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });

  it("fit: unknown option, missing step", async () => {
    await expect(train.fit(loosely({ steps: 1, epoch: 3, step: async () => ({}) }))).rejects.toThrow(
      "fit: unknown option epoch: did you mean epochs?",
    );
    await expect(train.fit(loosely({ steps: 1 }))).rejects.toThrow("fit: the option step is missing: expected { step }");
    const best = (goal: object) => train.fit(loosely({ steps: 1, step: async () => ({}), best: { metric: "loss", ...goal } }));
    await expect(best({ mode: "minimum" })).rejects.toThrow('fit: best.mode "minimum": expected "min" or "max"');
    await expect(best({ waits: 3 })).rejects.toThrow("fit: best: unknown option waits: expected metric, mode, patience, restore");
  });
});

describe("words in place of numbers, axes and dtypes are refused", () => {
  const layer = new nn.Linear(2, 2);
  const x = ones([2, 2]);
  const word = (text: string) => text as never;
  it.each<[string, () => unknown]>([
    ['Dropout: probability "0.5": expected a number from 0 and below 1', () => new nn.Dropout(word("0.5"))],
    ['Adam: learningRate "0.1": expected a number from 0', () => new optim.Adam(layer, { learningRate: word("0.1") })],
    ['Adam: beta1 "0.9": expected a number from 0 and below 1', () => new optim.Adam(layer, { learningRate: 0.1, beta1: word("0.9") })],
    ['cosine: steps "100": expected a number from 0', () => optim.cosine(0.1, word("100"))],
    ['constant: rate "0.1": expected a number from 0', () => optim.warmUp(3, word("0.1"))(zeros([]))],
    ["sum: axis 1 of a tensor of rank 2: expected an integer from -2 to 1", () => x.sum({ axis: word("1") })],
    ["clip: the bounds 0 and 1: expected numbers", () => x.clip(word("0"), 1)],
    ['arange: got [0,"3",1], expected numbers', () => arange(0, word("3"))],
    ['the dtype "double": expected one of bool, uint8, int8, int32, int64, float16, float32, float64', () => x.cast(word("double"))],
    ['the dtype "float8": expected one of bool', () => zeros([2], word("float8"))],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });
});

describe("what is no argument of an operator or a layer is refused", () => {
  const x = ones([1, 1, 2, 2]);
  const square = ones([2, 2]);
  const wrong = (value: unknown) => value as never;
  it.each<[string, () => unknown]>([
    ["pad: got [1,1,1,1] for [1, 1, 2, 2]: expected [before, after]", () => x.pad(wrong([1, 1, 1, 1]))],
    [
      "pad: got [[1,1,7],[1,1,7]] for [2, 2]",
      () =>
        square.pad(
          wrong([
            [1, 1, 7],
            [1, 1, 7],
          ]),
        ),
    ],
    ['full: got "abc", expected a number or a boolean', () => full([2], wrong("abc"))],
    ["full: got undefined, expected a number", () => full([2], wrong(undefined))],
    ["tensor: numbers and booleans beside each other", () => tensor([true, 2, 0.5])],
    ["Variable: unknown option requiresGrad", () => new Variable(square, wrong({ requiresGrad: false }))],
    ["variance: correction -1: expected a number from 0", () => square.variance({ correction: -1 })],
    ["unsqueeze: the option axis is missing", () => square.unsqueeze(wrong({}))],
    ["oneHot: depth 2.5, expected an integer from 0", () => tensor([1], { dtype: "int32" }).oneHot(2.5)],
    ["eye: shape [-1, 3]: every size must be an integer from 0", () => eye(-1, 3)],
    ["GroupNorm: groups -2: expected an integer from 1", () => new nn.GroupNorm(-2, 4)],
    [
      'conv: paddingMode 5: expected "zeros", "reflect", "replicate" or "circular"',
      () => conv(ones([1, 1, 2]), ones([1, 1, 3]), wrong({ padding: 1, paddingMode: 5 })),
    ],
    ["LayerNorm: epsilon -3: expected a number from 0", () => new nn.LayerNorm(2, -3)],
    ['BatchNorm1d: epsilon "a": expected a number from 0', () => new nn.BatchNorm1d(2, wrong({ epsilon: "a" }))],
    ['got {"slope":0.1}, expected a number', () => square.leakyRelu(wrong({ slope: 0.1 }))],
    ["transpose: got 0, expected the axes in their new order", () => square.transpose(wrong(0))],
    ["transpose: axes [] are not an order of the 2 axes of [2, 2]", () => square.permute(wrong(undefined))],
    ["Sequential: layer 0 is a list: write new Sequential(...layers)", () => new nn.Sequential(wrong([new nn.Linear(2, 2)]))],
    ["compile: got a object, expected a function", () => compile(wrong(new nn.Linear(2, 2)))],
    ["where: operand 1 is a value of type boolean: expected a tensor", () => where(wrong(true), square, 0)],
    ["split: got 2 parts: expected an integer from 1", () => square.split(wrong("2"))],
    ["upsample: scale [2, 2]: expected a number", () => upsample(x, { scale: wrong("2") })],
    ["cosineSimilarity: operand 2 is undefined", () => square.cosineSimilarity(wrong(undefined))],
    ["weightNorm: the layer has no weight", () => nn.weightNorm(wrong(new nn.Flatten()))],
    ["LeNet5: got images [25, 1, 32, 32], expected 28x28 pixels", () => new models.LeNet5().forward(zeros([25, 1, 32, 32]))],
    ["customGradient: backward gave no list of gradients, expected a list of 1", () => grad(sum(bare(square)), [square])],
    [
      "scan: the step gives null",
      () =>
        scan(
          wrong(() => null),
          { h: zeros([1]) },
          zeros([20, 1]),
        ),
    ],
  ])("%s", (message, call) => {
    expect(call).toThrow(message);
  });

  const bare = customGradient(
    (a: Tensor) => a.mul(a),
    wrong((g: Tensor) => g),
  );

  it("losses take integer logits for numbers, and null for no weight of the classes", async () => {
    const logits = tensor([[1, 2]], { dtype: "int32" });
    const targets = tensor([1], { dtype: "int32" });
    const expected = [expect.closeTo(Math.log(1 + Math.exp(-1)), 6)];
    expect(await logits.crossEntropy(targets, { reduction: "none" }).array()).toEqual(expected);
    expect(await logits.crossEntropy(targets, { reduction: "sum", ignoreIndex: 0 }).item()).toEqual(expected[0]);
    const focal = tensor([0.5]).focalLoss(tensor([1]), { alpha: null, gamma: 0 });
    expect(await focal.item()).toBeCloseTo(Math.log(1 + Math.exp(-0.5)), 6);
  });

  it("an undefined option is one that is left out", () => {
    expect(new models.LeNet5({ classes: undefined as never }).classes).toBe(10);
  });
});

describe("sizes of layers", () => {
  it("may be 0 where a layer of no inputs or no outputs is one", async () => {
    const none = new nn.Linear(0, 3);
    expect(await none.weight.array()).toEqual([[], [], []]);
    // No inputs: the bias alone, which starts as zeros.
    expect(await none.forward(zeros([2, 0])).array()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ]);
    expect(new nn.Linear(3, 0).forward(zeros([2, 3])).shape).toEqual([2, 0]);
    for (const make of Object.values({ ...nn.init, normal: () => nn.init.normal(), uniform: () => nn.init.uniform(0, 1) })) {
      if (make === nn.init.orthogonal || make === nn.init.zeros || make === nn.init.ones || make === nn.init.withinRoot) continue;
      expect((await (make as () => nn.init.Initialiser)()([0, 3]).data()).length).toBe(0);
    }
    const run = compile((x: Tensor) => grad(sum(none.forward(x)), none.parameters()));
    const [weight, bias] = await run(ones([2, 0]));
    expect(weight?.shape).toEqual([3, 0]);
    expect(await bias?.array()).toEqual([2, 2, 2]);
  });

  it.each<[string, () => unknown]>([
    ["Linear: inputSize 2.5: expected an integer from 0", () => new nn.Linear(2.5, 2)],
    ["Linear: outputSize -1: expected an integer from 0", () => new nn.Linear(2, -1)],
    ["Linear: outputSize undefined: expected an integer from 0", () => new nn.Linear(2, undefined as never)],
    ["Embedding: size NaN: expected an integer from 0", () => new nn.Embedding(2, Number.NaN)],
    ["Lstm: hiddenSize 0: expected an integer from 1", () => new nn.Lstm(2, 0)],
    ["GruCell: inputSize 0: expected an integer from 1", () => new nn.GruCell(0, 2)],
    ["Rnn: layers 0: expected an integer from 1", () => new nn.Rnn(2, 2, { layers: 0 })],
    ["MultiheadAttention: heads 0: expected an integer from 1", () => new nn.MultiheadAttention(4, 0)],
    ["TransformerEncoder: layers 1.5: expected an integer", () => new nn.TransformerEncoder(4, { layers: 1.5, heads: 1, innerSize: 4 })],
    ["ConvolutionalContext: size 0: expected an integer from 1", () => new nn.ConvolutionalContext(0, 3)],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });
});

describe("an embedding's padding index", () => {
  const ids = tensor(
    [
      [2, 0],
      [2, 1],
    ],
    { dtype: "int32" },
  );

  it("names a vector of zeros", async () => {
    const embedding = new nn.Embedding(3, 2, { paddingIndex: 2, weightInitialiser: (shape) => ones(shape) });
    expect(await embedding.weight.array()).toEqual([
      [1, 1],
      [1, 1],
      [0, 0],
    ]);
    expect(() => new nn.Embedding(3, 2, { paddingIndex: 3 })).toThrow("Embedding: paddingIndex 3: expected an integer from 0 to 2");
    expect(() => new nn.Embedding(3, 2, { paddingIndex: -1 })).toThrow("paddingIndex -1");
  });

  it.each(["onnxruntime", "wasm"] as const)("gets no gradient, whatever its vector is by then: %s", async (executor) => {
    const embedding = new nn.Embedding(3, 2, { paddingIndex: 2, weightInitialiser: (shape) => ones(shape) });
    await embedding.weight.assign(ones([3, 2]).mul(5));
    const run = compile(
      (ids: Tensor) => {
        const vectors = embedding.forward(ids);
        return { vectors, gradient: grad(sum(vectors.mul(vectors)), embedding.weight) };
      },
      { executor },
    );
    const { vectors, gradient } = await run(ids);
    expect(await vectors.array()).toEqual([
      [
        [5, 5],
        [5, 5],
      ],
      [
        [5, 5],
        [5, 5],
      ],
    ]);
    expect(await gradient.array()).toEqual([
      [10, 10],
      [10, 10],
      [0, 0],
    ]);
  });

  it.each([undefined, true, false])("stays as it is in training, with sparse %s", async (sparse) => {
    const embedding = new nn.Embedding(3, 2, { paddingIndex: 2 });
    const optimizer = new optim.Adam(embedding, { learningRate: 0.1, ...(sparse !== undefined && { sparse }) });
    const step = compile((ids: Tensor) => optimizer.minimize(embedding.forward(ids).add(1).square().sum()), { training: true });
    const before = (await embedding.weight.array()) as number[][];
    for (let i = 0; i < 3; i++) await step(ids);
    const after = (await embedding.weight.array()) as number[][];
    expect(after[2]).toEqual([0, 0]);
    for (const row of [0, 1]) expect(after[row]).not.toEqual(before[row]);
  });
});

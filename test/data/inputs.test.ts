import { data, metrics, nn, RandomGenerator, setRandomState, tensor, vision, zeros } from "kasane";
import { datasets } from "kasane/node";
import { describe, expect, it } from "vitest";

/** As JavaScript calls it, which checks no types. */
const loosely = (value: unknown) => value as never;
const ints = (...values: number[]) => tensor(Int32Array.from(values));

describe("what is not understood is refused", () => {
  const picture = { channels: 1, height: 1, width: 1, pixels: new Uint8Array(1) } as const;
  const places = { height: 3, width: 3, stride: 32 };
  const mixed = { labels: ints(0, 1), otherLabels: ints(1, 0), weights: tensor([[1], [0]]) };
  it.each<[string, () => unknown]>([
    ["padSequences: got undefined, expected integers", () => data.padSequences([[1, loosely(undefined), 3]])],
    ["padSequences: got length 2.5, expected an integer from 0", () => data.padSequences([[1], [2]], 0, 2.5)],
    ["lengthBuckets: expected the lengths of one example or more", () => data.lengthBuckets(loosely([3, 5]), 2)],
    ["TensorDataset: operand 1 is an array: expected a tensor", () => new data.TensorDataset(loosely([[1, 2]]))],
    ["TensorDataset: a seed is for shuffling", () => [...new data.TensorDataset(ints(1, 2)).batches({ size: 1, seed: 3 })]],
    ["BytePairEncoding: got a string, expected its parts", () => data.BytePairEncoding.train("low lower", { size: 40 })],
    ["BytePairEncoding: unknown option vocabulary", () => data.BytePairEncoding.train(["low"], loosely({ vocabulary: 40 }))],
    ["LabelEncoder: got a string, expected its parts", () => data.LabelEncoder.of("cat")],
    ["Vocabulary: minimumCount NaN: expected a number from 0", () => data.Vocabulary.of(["a"], { minimumCount: Number.NaN })],
    ["parseCsv: skipLines -1, expected an integer from 0", () => data.parseCsv("a\n1", { skipLines: -1 })],
    ["numbers: unknown option mising: did you mean missing?", () => data.parseCsv("a\n1").numbers(["a"], loosely({ mising: 0 }))],
    ["muLawEncode: sample 1 is x, expected a number", () => data.muLawEncode(loosely([0, "x"]))],
    ["resampleSound: got undefined samples a second", () => data.resampleSound(loosely({ channels: [[0]] }), 16_000)],
    ["readCmudict: unknown option stres: did you mean stress?", () => datasets.readCmudict(new Map(), loosely({ stres: true }))],
    ["augmented: the option seed is missing", () => data.augment.augmented([{ picture }], [0], (s) => s, loosely({ epoch: 0 }))],
    ['randAugment: interpolation "bicubic": expected', () => data.augment.randAugment({ interpolation: loosely("bicubic") })],
    ['mixup: alpha "0.2": expected a number from 0', () => data.augment.mixup({ alpha: loosely("0.2") })],
    [
      "mixup: got label undefined of sample 0, expected the index of a class",
      () => data.augment.mixup()([loosely({ picture })], new RandomGenerator()),
    ],
    ["mixedCrossEntropy: weights [2, 1], expected one for each label, [2]", () => data.augment.mixedCrossEntropy(zeros([2, 2]), mixed)],
    ["error rate: sequence 0 has a string for a reference", () => metrics.sequenceErrorRate([["a"], ["b"]], loosely([["a"], ["b"]]))],
    ["BLEU: sentence 0 has a string for references", () => metrics.corpusBleu(["the cat"], loosely(["the cat"]))],
    ["bootstrap: got seed 4294967296", () => metrics.bootstrap(3, () => 0, { seed: 2 ** 32 })],
    ["Confusion: 1.5 classes, expected an integer from 1", () => new metrics.Confusion(1.5)],
    ["Confusion: class 3, expected 0 to 2", () => new metrics.Confusion(3).recall(3)],
    ['RunningMeans: weight "2": expected a number from 0', () => new metrics.RunningMeans().add({ loss: 1 }, loosely("2"))],
    ["assignPlaces: 3.125 x 3 places, expected integers from 0", () => vision.assignPlaces([], { ...places, height: 3.125 })],
    ["clusterAnchors: size 10 x 20, expected more than 0", () => vision.clusterAnchors(loosely([["10", "20"]]), 1)],
    ["RandomGenerator: got stream or counter 0.7", () => new RandomGenerator(undefined, 0, 0.7)],
    ["RandomGenerator: integer(2.5): expected an integer from 1", () => new RandomGenerator().integer(2.5)],
    ["setRandomState: unknown option sead: did you mean seed?", () => setRandomState(loosely({ sead: 5 }))],
    ["setRandomState: got", () => setRandomState({ seed: 1.5, counter: 0 })],
    ["sampledCrossEntropy: index -1 is out of range", () => sampled(ints(-1))],
    ["expected floats [time, batch, classes] and integers [batch, labels]", () => nn.ctcLoss(zeros([3, 1, 4]), tensor([[1.7]]))],
  ])("%s", (message, call) => {
    expect(call).toThrow(message);
  });

  const sampled = (targets: ReturnType<typeof ints>) =>
    nn.sampledCrossEntropy(zeros([1, 2]), targets, zeros([5, 2]), zeros([5]), { frequentWords: 2, sampledWords: 2 });
});

it("an undefined option is one that is left out", () => {
  expect(metrics.sentenceBleu("a b", ["a b"], loosely({ effectiveOrder: undefined })).score).toBeCloseTo(100, 6);
});

it("words that hold half a character have ids of their own", async () => {
  const { vocabulary, ids } = await data.encodeWords(["\u{1f600}ab\u{1f600}"], (piece) => piece.split(""), { specials: [] });
  expect(vocabulary.decode([...ids])).toEqual(["\ud83d", "\ude00", "a", "b", "\ud83d", "\ude00"]);
  await expect(data.encodeWords("a b", (piece) => piece.split(" "))).rejects.toThrow("encodeWords: got a string, expected its parts");
});

it("a word of one letter is not misspelt, whatever its length in code units", () => {
  for (let place = 0; place < 20; place++) {
    const { tokens } = data.corruptSentence(["\u{20bb7}"], { misspelling: 1, omission: 0 }, [0, place]);
    expect(tokens).toEqual(["\u{20bb7}"]);
  }
});

import { data } from "kasane";
import { describe, expect, it } from "vitest";

describe("Vocabulary", () => {
  const words = "the cat and the dog and the bird".split(" ");

  it("puts special tokens first, then the others by how often they occur", () => {
    const vocabulary = data.Vocabulary.of(words);
    expect(vocabulary.tokens).toEqual(["<PAD>", "<UNK>", "<BOS>", "<EOS>", "the", "and", "bird", "cat", "dog"]);
    expect(vocabulary.size).toBe(9);
    expect([...vocabulary.encode(["<BOS>", "the", "cow", "<EOS>"])]).toEqual([2, 4, 1, 3]);
    expect(vocabulary.decode([4, 8])).toEqual(["the", "dog"]);
  });

  it("leaves rare tokens out, to the unknown token", () => {
    const vocabulary = data.Vocabulary.of(words, { minimumCount: 2, specials: ["<????>"], unknown: "<????>" });
    expect(vocabulary.tokens).toEqual(["<????>", "the", "and"]);
    expect(vocabulary.id("cat")).toBe(0);
  });

  it("counts a special token in the text as that token", () => {
    expect(data.Vocabulary.of(["a", "<UNK>", "a"]).tokens).toEqual(["<PAD>", "<UNK>", "<BOS>", "<EOS>", "a"]);
  });

  it("comes back from its list of tokens", () => {
    const vocabulary = new data.Vocabulary(JSON.parse(JSON.stringify(data.Vocabulary.of(words).tokens)));
    expect(vocabulary.id("dog")).toBe(8);
    expect(vocabulary.id("cow")).toBe(1);
  });

  it("says what it does not know", () => {
    const closed = new data.Vocabulary(["a", "b"]);
    expect(() => closed.id("c")).toThrow('Vocabulary: "c" is not among the 2 tokens, and none stands for unknown ones');
    expect(() => closed.token(2)).toThrow("Vocabulary: id 2 is outside 0 to 1");
    expect(() => new data.Vocabulary(["a", "a"])).toThrow("occurs twice");
    expect(() => new data.Vocabulary(["a"], "<unk>")).toThrow('"<unk>" is not in the list');
  });
});

describe("batches", () => {
  const all = (options: data.BatchOptions, count = 10) => [...data.batches(count, options)].map((batch) => [...batch]);

  it("keep the order without a seed, with a shorter batch at the end or without", () => {
    expect(all({ batchSize: 4 })).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(all({ batchSize: 4, dropLast: true })).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
    ]);
    expect(all({ batchSize: 4 }, 0)).toEqual([]);
  });

  it("follow from the seed and the epoch alone, and differ between epochs", () => {
    const third = all({ batchSize: 3, seed: 7, epoch: 3 }, 100);
    expect(all({ batchSize: 3, seed: 7, epoch: 3 }, 100)).toEqual(third);
    expect(all({ batchSize: 3, seed: 7, epoch: 4 }, 100)).not.toEqual(third);
    expect(all({ batchSize: 3, seed: 8, epoch: 3 }, 100)).not.toEqual(third);
    expect(third.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it("put every example in every place equally often", () => {
    // The count in each of 5 x 5 places is binomial with mean 1000 and deviation 28; five deviations are 141.
    const counts = new Map<string, number>();
    for (let epoch = 0; epoch < 5000; epoch++) {
      data.shuffledIndices(5, 1, epoch).forEach((example, place) => {
        counts.set(`${example},${place}`, (counts.get(`${example},${place}`) ?? 0) + 1);
      });
    }
    expect(counts.size).toBe(25);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(141);
  });

  it("need a size", () => {
    expect(() => all({ batchSize: 0 })).toThrow("batches: got batchSize 0, expected an integer from 1");
  });

  it.each([2.5, -3, Number.NaN])("refuse a count of %d", (count) => {
    expect(() => all({ batchSize: 2 }, count)).toThrow(`batches: got a count of ${count}, expected an integer from 0`);
    expect(() => data.shuffledIndices(count, 0, 0)).toThrow(`shuffledIndices: got a count of ${count}`);
    expect(() => data.shuffledIndices(3, 0, count)).toThrow(`shuffledIndices: got epoch ${count}, expected an integer from 0`);
  });

  it.each([0.5, -1, 2 ** 32])("refuse the seed %d, whose order another seed has", (seed) => {
    expect(() => all({ batchSize: 2, seed })).toThrow(`shuffledIndices: got seed ${seed}, expected an integer from 0 to 2^32 - 1`);
  });
});

it("padSequences fills up to the longest", () => {
  const { ids, shape, lengths } = data.padSequences([[1, 2], [], Int32Array.of(3, 4, 5)], 9);
  expect([...ids]).toEqual([1, 2, 9, 9, 9, 9, 3, 4, 5]);
  expect(shape).toEqual([3, 3]);
  expect([...lengths]).toEqual([2, 0, 3]);
});

it("padSequences fills up to a length that is asked for", () => {
  const { ids, shape } = data.padSequences([[1, 2], [3]], 0, 4);
  expect([...ids]).toEqual([1, 2, 0, 0, 3, 0, 0, 0]);
  expect(shape).toEqual([2, 4]);
  expect(() => data.padSequences([[1, 2, 3]], 0, 2)).toThrow("padSequences: a sequence has 3 elements, more than the 2");
});

it("padSequences refuses what int32 does not hold", () => {
  expect(() => data.padSequences([[1], [2, 3e9]])).toThrow("padSequences: got 3000000000, expected integers that int32 holds");
  expect(() => data.padSequences([[1], [1.5, 2]])).toThrow("padSequences: got 1.5");
  expect(() => data.padSequences([[1]], Number.NaN)).toThrow("padSequences: got NaN");
});

it("japaneseWords parts what no spaces part", () => {
  const text = "猫は魚が好きだ。 犬も。";
  const words = data.japaneseWords(text);
  expect(words.join("")).toBe(text.replace(" ", ""));
  expect(words).toEqual(["猫", "は", "魚", "が", "好き", "だ", "。", "犬", "も", "。"]);
  expect(data.japaneseWords(" \n　")).toEqual([]);
});

it("sorts equally frequent tokens by code points, not by the units of UTF-16", () => {
  // U+FF5E comes before U+1F408, whose first unit is 0xD83D.
  const tokens = ["\u{1F409}", "\uFF5E", "\u{1F408}", "ab", "a", "\uD7FF"];
  expect(data.Vocabulary.of(tokens, { specials: [] }).tokens).toEqual(["a", "ab", "\uD7FF", "\uFF5E", "\u{1F408}", "\u{1F409}"]);
});

it("parts English words at tabs and every other space", () => {
  expect(data.englishWords("a\tb\r\nc\u00a0d\vE  -x it's")).toEqual(["a", "b", "c", "d", "e", "it's"]);
});

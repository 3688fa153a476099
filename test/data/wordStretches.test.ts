import { data, RandomGenerator } from "kasane";
import { expect, it } from "vitest";

const { AliasTable, hashedSubwords, huffmanTree, wordStretches } = data;

it("an alias table draws by its weights", () => {
  const weights = [5, 0, 1, 2, 2];
  const [table, random] = [new AliasTable(weights), new RandomGenerator(undefined, 3)];
  const counts = weights.map(() => 0);
  const draws = 20_000;
  for (let i = 0; i < draws; i++) {
    const drawn = table.draw(random);
    counts[drawn] = (counts[drawn] as number) + 1;
  }
  // Four standard deviations of a binomial share are 0.014 at most.
  counts.forEach((count, i) => {
    expect(Math.abs(count / draws - (weights[i] as number) / 10)).toBeLessThan(0.015);
  });
  expect(counts[1]).toBe(0);
  expect(() => new AliasTable([1, -1])).toThrow(/AliasTable: weight 1 is -1/);
  expect(() => new AliasTable([0, 0])).toThrow(/add up to 0/);
});

it("a Huffman tree has the shortest mean code", () => {
  // The example of Cormen et al., Introduction to algorithms, section 16.3: codes of 1, 3, 3, 3, 4 and 4 digits.
  const { codes, paths, innerNodes } = huffmanTree([45, 13, 12, 16, 9, 5]);
  expect(codes.map((code) => code.length)).toEqual([1, 3, 3, 3, 4, 4]);
  expect(innerNodes).toBe(5);
  for (const path of paths) expect(path[0]).toBe(4);
  // No code begins another.
  const texts = codes.map((code) => code.join(""));
  for (const a of texts) for (const b of texts) expect(a !== b && b.startsWith(a)).toBe(false);
  expect(() => huffmanTree([1])).toThrow(/got 1 leaves, expected two or more/);
});

it("parts of words fall into the buckets of gensim", () => {
  // gensim 4.4: gensim.models.fasttext.ft_ngram_hashes("where", 3, 6, 200000) and ("naïve", 3, 4, 1000)
  expect([...hashedSubwords("where", { shortest: 3, longest: 6, buckets: 200_000 })]).toEqual([
    167652, 189715, 126707, 71586, 20941, 112621, 169176, 121234, 73420, 140811, 114991, 129033, 168469, 67498,
  ]);
  expect([...hashedSubwords("naïve", { shortest: 3, longest: 4, buckets: 1000 })]).toEqual([890, 692, 546, 404, 832, 7, 570, 548, 654]);
  expect(() => hashedSubwords("a", { shortest: 4, longest: 3, buckets: 10 })).toThrow(/parts of 4 to 3 characters/);
});

const ids = new Map([
  ["a", 0],
  ["b", 1],
  ["c", 2],
]);
const settings = { ids, keep: [1, 1, 1], length: 4, window: 2, seed: 1, epoch: 0 };

async function all(pieces: string[], options = settings): Promise<data.WordStretch[]> {
  const found: data.WordStretch[] = [];
  for await (const stretch of wordStretches(pieces, options)) found.push(stretch);
  return found;
}

it("stretches give every word once in the middle, with the words around it", async () => {
  const text = "a b x c\n\na a b";
  const whole = await all([text]);
  const middle = whole.flatMap(({ ids, lines }) => [...ids.subarray(2, 6)].filter((_, i) => (lines[2 + i] as number) >= 0));
  expect(middle).toEqual([0, 1, 2, 0, 0, 1]);
  const [first, second] = whole as [data.WordStretch, data.WordStretch];
  // Two places before the text, four in the middle, two after it; the empty line counts.
  expect([...first.lines]).toEqual([-1, -1, 0, 0, 0, 2, 2, 2]);
  expect([...second.lines]).toEqual([0, 2, 2, 2, -1, -1, -1, -1]);
  expect([...second.ids.subarray(0, 4)]).toEqual([2, 0, 0, 1]);
  expect([...second.reach].map((reach) => reach > 0)).toEqual([true, true, false, false]);
  for (const { reach } of whole) for (const far of reach) expect(far).toBeLessThanOrEqual(2);
  // Where a piece ends does not matter.
  expect(await all(["a b ", "x c\n\na ", "a b"])).toEqual(whole);
});

it("frequent words are left out by chance, the same ones for the same seed and epoch", async () => {
  const text = "a b ".repeat(2000);
  const half = { ...settings, keep: [0.25, 1, 1], length: 64 };
  const words = (await all([text], half)).flatMap(({ ids, lines }) =>
    [...ids.subarray(2, 66)].filter((_, i) => (lines[2 + i] as number) >= 0),
  );
  const kept = words.filter((id) => id === 0).length;
  // Four standard deviations of 2,000 draws are 77.
  expect(Math.abs(kept - 500)).toBeLessThan(78);
  expect(words.length - kept).toBe(2000);
  expect(await all([text], half)).toEqual(await all([text], half));
  expect(await all([text], { ...half, epoch: 1 })).not.toEqual(await all([text], half));
});

it("a line of very many words is taken as several", async () => {
  const stretches = await all(["a ".repeat(10_002)], { ...settings, length: 10_002 });
  expect([...(stretches[0] as data.WordStretch).lines.subarray(10_000, 10_004)]).toEqual([0, 0, 1, 1]);
});

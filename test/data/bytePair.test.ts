import { readFileSync } from "node:fs";
import { data } from "kasane";
import { describe, expect, it } from "vitest";

const read = (name: string) => readFileSync(new URL(`../fixtures/${name}`, import.meta.url), "utf8");

/** What Hugging Face's tokenizers learnt of the same lines, and the ids that it gives (test/fixtures/bytePair.py). */
const peer: {
  readonly lines: readonly string[];
  readonly size: number;
  readonly tokens: readonly string[];
  readonly merges: readonly (readonly string[])[];
  readonly cases: readonly { readonly text: string; readonly ids: readonly number[]; readonly decoded: string }[];
} = JSON.parse(read("bytePair.json"));
const trained = data.BytePairEncoding.train(peer.lines, { size: peer.size });

it("learns the merges that Hugging Face's trainer learns, in its order", () => {
  expect(peer.merges.length).toBeGreaterThan(50);
  expect(JSON.parse(trained.toJson()).model.merges).toEqual(peer.merges);
  expect(trained.tokens).toEqual(peer.tokens);
});

it.each(peer.cases)('gives "$text" the ids that Hugging Face gives it, and goes back', ({ text, ids, decoded }) => {
  expect([...trained.encode(text)]).toEqual(ids);
  expect(trained.decode(ids)).toBe(decoded);
});

it("writes the file that Hugging Face's tokenizers was seen to read", () => {
  expect(trained.toJson()).toBe(read("kasane.tokenizer.json"));
});

it("comes back from its file", () => {
  const again = data.BytePairEncoding.fromJson(trained.toJson());
  expect(again.tokens).toEqual(trained.tokens);
  for (const { text, ids } of peer.cases) expect([...again.encode(text)]).toEqual(ids);
  expect(again.toJson()).toBe(trained.toJson());
});

it("makes words that it never saw of their parts, without an unknown one", () => {
  const encoding = data.BytePairEncoding.train(["low lower lowest new newer newest wide wider"], { size: 40 });
  const ids = encoding.encode("widest lowest");
  expect([...ids]).not.toContain(encoding.id("<UNK>"));
  expect(encoding.decode(ids)).toBe("widest lowest");
  // "lowest" is seen once only, so it is no token of its own.
  expect(ids.length).toBeGreaterThan(2);
});

it("stops where no pair occurs twice, and says where a text has more characters than there are to be tokens", () => {
  // Four special tokens, "▁", a, b, c, and "▁a", the only pair that occurs twice.
  expect(data.BytePairEncoding.train(["ab ac"], { size: 1000 }).tokens).toEqual([...data.sentenceSpecials, "a", "b", "c", "▁", "▁a"]);
  expect(() => data.BytePairEncoding.train(["abcdef"], { size: 10 })).toThrow(
    "BytePairEncoding: 11 tokens are needed for the characters alone, got size 10",
  );
});

it("says what it does not know", () => {
  expect(() => trained.id("zebra")).toThrow(`BytePairEncoding: "zebra" is not among the ${trained.size} tokens`);
  expect(() => trained.decode([trained.size])).toThrow(`BytePairEncoding: id ${trained.size} is outside 0 to ${trained.size - 1}`);
  for (const text of ["{", "[]", '{"model":{"type":"WordPiece","vocab":{}}}']) {
    expect(() => data.BytePairEncoding.fromJson(text, "words.json")).toThrow("words.json is damaged");
  }
});

describe("a tokenizer.json of others", () => {
  const file = (
    changes: (json: { model: { vocab: Record<string, unknown> }; added_tokens: unknown[] } & Record<string, unknown>) => void,
  ) => {
    const json = JSON.parse(trained.toJson());
    changes(json);
    return JSON.stringify(json);
  };
  const added = (id: number, content: string, special: boolean) => ({
    id,
    content,
    special,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });

  it("may have tokens behind the vocabulary: they count, and are decoded", () => {
    const { size } = trained;
    const encoding = data.BytePairEncoding.fromJson(
      file((json) => json.added_tokens.push(added(size, "<|end|>", true), added(size + 1, "<tool>", false))),
    );
    expect(encoding.size).toBe(size + 2);
    expect(encoding.id("<|end|>")).toBe(size);
    expect(encoding.decode([...trained.encode("the cat"), size, size + 1])).toContain("the cat<tool>");
    // A token that is no special one stands for its text; a special one cannot be written into a text.
    expect([...encoding.encode("<tool>")]).toEqual([size + 1]);
    expect([...encoding.encode("<|end|>")]).not.toContain(size);
    expect(Math.max(...encoding.encode("the <tool> and <|end|>"))).toBeLessThan(encoding.size);
  });

  it("is refused where ids leave gaps, meet, or are none", () => {
    const refused: [string, RegExp][] = [
      [file(({ model }) => (model.vocab.far = trained.size + 5)), /the token "far" has id \d+, expected each of 0 to \d+ once/],
      [file(({ model }) => (model.vocab.far = 2 ** 40)), /"far" has id 1099511627776/],
      [file(({ model }) => (model.vocab.twice = 5)), /has id 5, expected each/],
      [file(({ model }) => (model.vocab.odd = 1.5)), /"odd" has id 1\.5/],
      [file(({ model }) => (model.vocab.odd = "x\u001b[2J")), /"odd" has id x\\u001b\[2J/],
      [file((json) => json.added_tokens.push(added(99, "<EOS>", true))), /"<EOS>" has two ids/],
      [file((json) => json.added_tokens.push(null)), /added_tokens are no list of tokens/],
      [file((json) => Object.assign(json.model, { merges: [1] })), /no list of merges/],
    ];
    for (const [text, message] of refused) expect(() => data.BytePairEncoding.fromJson(text)).toThrow(message);
  });

  it("may have a pattern that backtracks without end: encoding ends with an error", () => {
    const hostile = file((json) => {
      json.pre_tokenizer = { type: "Split", pattern: { Regex: "(x+x+)+y" }, behavior: "Isolated", invert: false };
    });
    const encoding = data.BytePairEncoding.fromJson(hostile);
    expect(() => encoding.encode("x".repeat(60))).toThrow(/has a pattern that is too slow for this text: it took longer than 20\d\d ms/);
  }, 20_000);
});

it("learns no token that spells a special one", () => {
  const encoding = data.BytePairEncoding.train(Array(20).fill("<EOS> <EOS>"), { size: 60 });
  expect([...encoding.encode("<EOS>")]).not.toContain(encoding.id("<EOS>"));
  expect(encoding.tokens.filter((token) => token === "<EOS>")).toHaveLength(1);
  expect(encoding.decode(encoding.encode("<EOS> <EOS>"))).toBe("<EOS> <EOS>");
});

import { readFileSync } from "node:fs";
import { data } from "kasane";
import { expect, it } from "vitest";

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

import { datasets } from "kasane/node";
import { expect, it } from "vitest";

const { readAnalogies, readSimilarities } = datasets;
const fileOf = (text: string) => new Map([["file", new TextEncoder().encode(text)]]);

it("reads groups of analogies", () => {
  expect(readAnalogies(fileOf(": capitals\nA b C d\n: gram1 adverbs\ncalm calmly free freely\nx y z w\n"), "file")).toEqual([
    { name: "capitals", isSyntactic: false, questions: [["A", "b", "C", "d"]] },
    {
      name: "gram1 adverbs",
      isSyntactic: true,
      questions: [
        ["calm", "calmly", "free", "freely"],
        ["x", "y", "z", "w"],
      ],
    },
  ]);
  expect(() => readAnalogies(fileOf("a b c d\n: x\n"), "file")).toThrow("file: line 1 has 4 words");
  expect(() => readAnalogies(fileOf(": x\na b c\n"), "file")).toThrow("file: line 2 has 3 words");
});

it("reads pairs of words and their scores", () => {
  expect(readSimilarities(fileOf("# a comment\nold\tnew\t1.58\n"), "file")).toEqual([{ words: ["old", "new"], score: 1.58 }]);
  for (const line of ["old\tnew", "old\tnew\tx", "old\tnew\t", "old\tnew\t1\t2"]) {
    expect(() => readSimilarities(fileOf(`${line}\nx\ty\t1\n`), "file")).toThrow("file: line 1 is not two words and a score");
  }
});

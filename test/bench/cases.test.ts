import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { Draw, type Problem, sizeOf, writeCase } from "../../bench/cases/case.js";
import { cases } from "../../bench/cases/index.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "kasane-bench-test-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const read = (name: string) => {
  const problem = JSON.parse(readFileSync(join(folder, name, "case.json"), "utf8")) as Problem;
  return { problem, bytes: readFileSync(join(folder, name, "data.bin")) };
};

describe("the bench's cases", () => {
  it("have names of their own", () => {
    const names = cases.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each(cases.filter(({ name }) => name !== "embedding"))("$name is written whole, and the same again", (each) => {
    writeCase(each, join(folder, "first"));
    writeCase(each, join(folder, "second"));
    const [first, second] = [read("first"), read("second")];
    expect(first.problem).toEqual(second.problem);
    expect(first.bytes.equals(second.bytes)).toBe(true);
    const arrays = [...first.problem.weights, ...first.problem.batch];
    expect(first.bytes.length).toBe(4 * arrays.reduce((size, { shape }) => size + sizeOf(shape), 0));
  });

  it("hold ids below the vocabulary, and targets past a sentence's end that count for nothing", () => {
    const ragged = cases.find(({ name }) => name === "ragged") as (typeof cases)[number];
    const { ids, targets, lengths } = ragged.batch(new Draw(1));
    expect(Math.max(...(ids?.data ?? []))).toBeLessThan(2000);
    const counted = targets?.data.filter((target) => target >= 0).length;
    expect(counted).toBe([...(lengths?.data ?? [])].reduce((sum, length) => sum + length, 0));
  });

  it("touch 2,000 different rows of the large embedding", () => {
    const embedding = cases.find(({ name }) => name === "embedding") as (typeof cases)[number];
    expect(new Set(embedding.batch(new Draw(1)).ids?.data).size).toBe(2000);
  });

  it("count the multiply-adds of the MLP: three products for each layer, two for the first", () => {
    const mlp = cases.find(({ name }) => name === "mlp");
    expect(mlp?.multiplyAdds).toBe(128 * (2 * 784 * 512 + 3 * 512 * 512 + 3 * 512 * 10));
  });
});

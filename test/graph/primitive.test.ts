import { inspect } from "node:util";
import { tensor, zeros } from "kasane";
import { describe, expect, test } from "vitest";

describe("a tensor is no number", () => {
  const x = tensor([1, 2]);
  const number = x as unknown as number;
  const text: string = "a";
  test.each([
    ["greater", () => number > 3],
    // biome-ignore lint/suspicious/noDoubleEquals: it is what is tested
    ["equal", () => number == 3],
    ["plus", () => number + 1],
    ["joined to a string", () => text + x],
    ["minus", () => -number],
    ["Math.max", () => Math.max(number, 0)],
    ["Number", () => Number(x)],
    ["an index", () => new Float32Array(2).fill(number)],
  ])("%s", (_, use) => {
    expect(use).toThrow("float32[2] from data is used as a number or compared: write");
  });

  test("but has a text", () => {
    expect([`${x}`, String(x), [x].join()]).toEqual(new Array(3).fill("float32[2] from data"));
  });
});

describe("console.log shows", () => {
  test("the type, and the values where they are at hand", async () => {
    expect(inspect(tensor([[1, 2], [3, 4.5]]))).toBe("float32[2, 2] [[1, 2], [3, 4.5]]"); // biome-ignore format: rows
    expect(inspect({ x: tensor(true) })).toBe("{ x: bool[] true }");
    expect(inspect(zeros([0, 2]))).toBe("float32[0, 2] from Expand");
    const sum = tensor([1, 2]).add(1);
    expect(inspect(sum)).toBe("float32[2] from Add");
    await sum.data();
    expect(inspect(sum)).toBe("float32[2] [2, 3]");
  });

  test("the ends of what is long", () => {
    const long = tensor(Int32Array.from({ length: 200 }, (_, i) => i));
    expect(inspect(long)).toBe("int32[200] [0, 1, 2, ..., 197, 198, 199]");
  });
});

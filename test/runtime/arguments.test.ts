import { compile, KasaneError, type Tensor, tensor } from "kasane";
import { describe, expect, expectTypeOf, test } from "vitest";

/** Gives back what the traced function got as its setting, for each value in turn. */
async function settingsOf(values: readonly unknown[]): Promise<unknown[]> {
  const got: unknown[] = [];
  const fn = compile((x: Tensor, setting: { readonly is?: unknown }) => {
    got.push("is" in setting ? setting.is : "no field");
    return x;
  });
  for (const is of values) await fn([1], { is });
  await fn([1], {});
  return got;
}

describe("a plain value is a setting", () => {
  test("a number stays a number, and each has its own trace", async () => {
    const fn = compile((x: Tensor, k: number) => (k > 3 ? x.mul(100) : x.add(1)));
    for (const [k, result] of [[5, 200], [1, 3], [5, 200]] as const) expect(await (await fn([2], k)).item()).toBe(result); // biome-ignore format: rows
  });

  test("every value that === or Object.is tells apart has a signature of its own", async () => {
    const values = [0, -0, NaN, Infinity, -Infinity, 1, "1", 1n, true, "true", null, "null", undefined, "undefined", "", '"', "NaN"];
    const got = await settingsOf(values);
    expect(got.length).toBe(values.length + 1);
    for (const [i, value] of values.entries()) expect(Object.is(got[i], value), `${i}: ${String(value)}`).toBe(true);
    expect(got.at(-1)).toBe("no field");
  });

  test("structures are told apart too, also by the quick way of the second call", async () => {
    let traces = 0;
    const fn = compile((x: Tensor, s: unknown) => {
      traces++;
      return x.add(JSON.stringify(s)?.length ?? 0);
    });
    const settings = [
      [],
      {},
      [[]],
      ["a,b"],
      ["a", "b"],
      { a: undefined },
      { b: undefined },
      { a: { b: 1 } },
      { a: {}, b: 1 },
      [undefined],
      [null],
    ];
    for (const setting of settings) for (const _ of [0, 1]) await fn([0], setting);
    expect(traces).toBe(settings.length);
  });

  test("a number that changes with every call is an error that names it", async () => {
    const fn = compile((x: Tensor, { scale, name }: { scale: number; name: string }) => x.mul(scale).add(name.length));
    for (let i = 0; i < 64; i++) await fn([1], { scale: i, name: "fixed" });
    await expect(fn([1], { scale: 64, name: "fixed" })).rejects.toThrow(
      'compile: argument 2 at "scale" was 64 different numbers and is now 64: a number is a setting, and each is traced and compiled by itself: pass tensor(...) of it',
    );
    // Those before go on, and so does a number that belongs to other settings.
    expect(await (await fn([1], { scale: 3, name: "fixed" })).item()).toBe(8);
    expect(await (await fn([1], { scale: 64, name: "other" })).item()).toBe(69);
  });

  test("is the same for all runs of many", async () => {
    const fn = compile(({ x, by }: { x: Tensor; by: number }) => ({ scaled: x.mul(by), by }));
    const { scaled, by } = await fn.many({ x: [1, 2, 3], by: 2 });
    expect(await scaled.array()).toEqual([2, 4, 6]);
    expect(by).toBe(2);
  });
});

describe("arguments and results that are neither tensors nor plain data are errors", () => {
  class Point {
    readonly x = 1;
  }
  const circular: Record<string, unknown> = { a: 1 };
  circular.self = circular;
  const cases: readonly (readonly [string, unknown, string])[] = [
    ["a function", () => 1, "is a function"],
    ["a method", { toJSON: () => 1 }, 'at "toJSON" is a function'],
    ["a class instance", new Point(), "is a Point"],
    ["a Map", { inner: new Map() }, 'at "inner" is a Map'],
    ["a Date", [new Date()], 'at "0" is a Date'],
    ["a Number object", Object(1), "is a Number"],
    ["a symbol", Symbol("a"), "is a symbol"],
    ["a symbol key", { [Symbol("a")]: 1 }, "has a symbol among its keys"],
    ["a circular structure", circular, 'at "self" contains itself'],
    ["a __proto__ key", JSON.parse('{ "__proto__": 1 }'), 'has a field named "__proto__"'],
    ["a promise", Promise.resolve(1), "is a promise"],
  ];

  test.each(cases)("argument: %s", async (_, value, message) => {
    const fn = compile((x: Tensor, setting: unknown) => (setting === "none" ? x : x.add(1)));
    for (let i = 0; i < 2; i++) {
      const error = await fn([1], value).catch((error) => error);
      expect(error).toBeInstanceOf(KasaneError);
      expect(error.message).toContain(`compile: argument 2 ${message}: `);
      await fn([1], "none");
    }
  });

  test.each(cases)("result: %s", async (_, value, message) => {
    await expect(compile(() => ({ deep: value }))()).rejects.toThrow(
      new RegExp(`compile: the result at "deep${message.startsWith("at ") ? `.${message.slice(4)}` : `" ${message}`}: `),
    );
  });

  test("numbers of a result stay numbers", async () => {
    const { k, list, x } = await compile((x: Tensor) => ({ k: 3, list: [1, 2], x }))([5]);
    expect([k, list, await x.item()]).toEqual([3, [1, 2], 5]);
  });

  test("elements that are no numbers name the argument", async () => {
    const fn = compile((a: Tensor, b: Tensor) => a.add(b));
    await expect(fn([1], [[1], [2, 3]])).rejects.toThrow("compile: argument 2: tensor: rows differ in length");
    await expect(fn([1], [1, "a"] as never)).rejects.toThrow("compile: argument 2: tensor: an element is string");
  });
});

test("the types say what becomes of an argument and of a result", () => {
  const fn = compile((_x: Tensor, options: { k: number; mode?: "a" | "b" }) => ({ y: tensor(1), options }));
  expectTypeOf(fn).parameter(1).toEqualTypeOf<{ k: number; mode?: "a" | "b" }>();
  expectTypeOf(fn([1], { k: 1 })).resolves.toEqualTypeOf<{ y: Tensor; options: { k: number; mode?: "a" | "b" } }>();
  // @ts-expect-error a number is no tensor
  () => fn(1, { k: 1 });
  // @ts-expect-error a tensor is no number
  () => fn([1], { k: tensor(1) });
  const lists = compile((sizes: number[]) => tensor(sizes));
  // @ts-expect-error an array of numbers would become a tensor, which the parameter is not
  () => lists([1]);
});

describe("the values at the call count", () => {
  test.each(["wasm", "onnxruntime"] as const)("%s", async (executor) => {
    const fn = compile((x: Tensor) => x.add(1), { executor });
    const buffer = new Float32Array([1, 2]);
    const expected = [];
    const calls = [];
    for (let i = 0; i < 4; i++) {
      expected.push([i + 1, i + 1], [i + 1, i + 1]);
      calls.push(fn(buffer.fill(i)), fn(tensor(buffer)));
    }
    buffer.fill(-1);
    expect(await Promise.all(calls.map(async (call) => (await call).array()))).toEqual(expected);
  });

  test("those of a tensor are the ones it was made of, also of a Buffer", async () => {
    const bytes = Buffer.from([1, 2]);
    const [x, y] = [tensor(bytes), tensor(new Uint8Array(bytes.buffer, bytes.byteOffset, 2)).mul(2)];
    bytes.fill(9);
    expect([await x.array(), await y.array()]).toEqual([[1, 2], [2, 4]]); // biome-ignore format: pairs
  });
});

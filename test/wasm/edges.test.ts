import { readFileSync } from "node:fs";
import * as kasane from "kasane";
import { compile, type DType, type Tensor, tensor } from "kasane";
import { describe, expect, it } from "vitest";

// What PyTorch makes of numbers at the edges of their types (test/fixtures/edges.py), beside both executors and eager evaluation.
type Listed = readonly (number | boolean | string)[];
interface Table {
  readonly rows: readonly Listed[];
  readonly results: Readonly<Record<string, Listed>>;
}
interface Edges {
  readonly numbers: Listed;
  readonly unary: Readonly<Record<string, Listed>>;
  readonly pairs: readonly Listed[];
  readonly binary: Readonly<Record<string, Listed>>;
  readonly rows: readonly Listed[];
  readonly reductions: Readonly<Record<string, Listed>>;
  readonly integers: Table;
  readonly booleans: Table;
}
const edges = JSON.parse(readFileSync(new URL("../fixtures/edges.json", import.meta.url), "utf8")) as Edges;

/** JSON has no infinities, no NaN and no negative zero: they are texts. */
const numberOf = (value: number | boolean | string): number =>
  typeof value === "string" ? Number(value.replace("inf", "Infinity")) : Number(value);
const numbersOf = (list: Listed) => list.map(numberOf);

type Operation = (...operands: Tensor[]) => Tensor;
const named = kasane as unknown as Readonly<Record<string, Operation>>;
const along = kasane as unknown as Readonly<Record<string, (x: Tensor, options: object) => Tensor>>;

const ways: readonly (readonly [string, (operation: Operation, inputs: Tensor[]) => Promise<Tensor>])[] = [
  ["as a module", (operation, inputs) => run(operation, inputs, "wasm")],
  ["in ONNX Runtime", (operation, inputs) => run(operation, inputs, "onnxruntime")],
  ["eagerly", async (operation, inputs) => operation(...inputs)],
];

async function run(operation: Operation, inputs: Tensor[], executor: "wasm" | "onnxruntime"): Promise<Tensor> {
  const step = compile(operation, { executor }) as unknown as (...inputs: Tensor[]) => Promise<Tensor>;
  return step(...inputs);
}

/**
 * Deliberate differences. The sign of a zero is lost by some kernels of ONNX Runtime (that of Where adds two parts), and of the greater of two zeros
 * nobody asks it; a NaN has no sign; ONNX Runtime's sigmoid is 0 from about -18 on.
 */
const signless = ["sign", "relu", "maximum", "minimum", "log1p", "expm1"];
const errors: Readonly<Record<string, number>> = { sigmoid: 4e-9, silu: 8e-8 };

/** The places where two lists differ: by more than rounding, or in the sign of a zero. */
async function differences(name: string, got: Tensor, expected: Listed, describe: (i: number) => unknown): Promise<unknown[]> {
  const data = await got.data();
  expect(data.length).toBe(expected.length);
  return expected.flatMap((text, i) => {
    const [want, found] = [numberOf(text), Number(data[i])];
    const distance = Math.abs(want - found);
    const isNear = distance <= 2e-6 * Math.abs(want) || distance < (errors[name] ?? 1e-37);
    const isOtherZero = want === 0 && found === 0 && !signless.includes(name);
    const isNaNsSign = name === "sign" && describe(i) === "nan" && Number.isNaN(found);
    return Object.is(want, found) || (isNear && !isOtherZero) || isNaNsSign ? [] : [`${describe(i)}: ${found}, not ${want}`];
  });
}

describe.each(ways)("%s", (way, compute) => {
  const x = tensor(numbersOf(edges.numbers));
  it.each(Object.keys(edges.unary))("%s", async (name) => {
    const operation = named[name] as Operation;
    expect(await differences(name, await compute(operation, [x]), edges.unary[name] as Listed, (i) => edges.numbers[i])).toEqual([]);
  });

  const [a, b] = [0, 1].map((i) => tensor(edges.pairs.map((pair) => numberOf(pair[i] as number)))) as [Tensor, Tensor];
  it.each(Object.keys(edges.binary))("%s", async (name) => {
    const operation = named[name] as Operation;
    expect(await differences(name, await compute(operation, [a, b]), edges.binary[name] as Listed, (i) => edges.pairs[i])).toEqual([]);
  });

  const reduced = (rows: readonly Listed[], dtype: DType, name: string, expected: Listed) =>
    compute(
      (matrix) => (along[name] as (x: Tensor, options: object) => Tensor)(matrix, { axis: 1 }),
      [tensor(rows.map(numbersOf), { dtype })],
    ).then((got) => differences(name, got, expected, (i) => rows[Math.floor((i * rows.length) / expected.length)]));
  // A module has no code for the place of an extremum.
  it.each(Object.keys(edges.reductions).filter((name) => way !== "as a module" || !name.startsWith("arg")))("%s of rows", async (name) => {
    expect(await reduced(edges.rows, "float32", name, edges.reductions[name] as Listed)).toEqual([]);
  });
  it.each(["sum", "prod", "max", "min"])("%s of int32", async (name) => {
    expect(await reduced(edges.integers.rows, "int32", name, edges.integers.results[name] as Listed)).toEqual([]);
  });
  it.each(Object.keys(edges.booleans.results))("%s of booleans", async (name) => {
    expect(await reduced(edges.booleans.rows, "bool", name, edges.booleans.results[name] as Listed)).toEqual([]);
  });
});

describe("passes keep values", () => {
  const both = [["wasm"], ["onnxruntime"]] as const;

  it.each(both)("two factors whose product vanishes, %s", async (executor) => {
    const step = compile((x: Tensor) => x.mul(1e-25).mul(1e-25), { executor });
    const [value] = (await (await step([1e38])).array()) as [number];
    expect(Math.abs(value / 1e-12 - 1)).toBeLessThan(1e-6);
  });

  it.each(both)("the same in a loop, and summed up, %s", async (executor) => {
    const step = compile(
      (x: Tensor, factors: Tensor) =>
        kasane.scan(
          ([carry], [a, b]) => ({ carry: [(carry as Tensor).mul(a as Tensor).mul(b as Tensor)], outputs: [] }),
          [x],
          [factors, factors],
          { unroll: 1 },
        ).carry[0] as Tensor,
      { executor },
    );
    const [value] = (await (await step([1e38], [[1e-25], [1]])).array()) as [number];
    expect(Math.abs(value / 1e-12 - 1)).toBeLessThan(1e-6);
    const total = compile((x: Tensor) => x.mul(0.125).sum(), { executor });
    // Without its factor the sum would be infinite: 4 times 3e38.
    expect(Math.abs((await (await total([3e38, 3e38, 3e38, 3e38])).item()) / 1.5e38 - 1)).toBeLessThan(1e-6);
  });

  it.each(both)("the logarithm of a sigmoid that vanishes, %s", async (executor) => {
    const step = compile((x: Tensor) => x.sigmoid().log(), { executor });
    expect(await (await step([-30, -1e4])).array()).toEqual([-30, -1e4]);
  });

  it("the error function in float64 where its two forms meet", async () => {
    const x = tensor([2.5, -2.5, 2.4999999, 0], { dtype: "float64" });
    // PyTorch's torch.erf of the same
    const expected = [0.999593047982555, -0.999593047982555, 0.9995930477647266, 0];
    const got = await kasane.erf(x).data();
    expected.forEach((value, i) => expect(Number(got[i])).toBeCloseTo(value, 12));
  });
});

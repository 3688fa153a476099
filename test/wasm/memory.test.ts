import { compile, explain, gather, optim, Tensor, tensor, Variable, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { prepare } from "../../src/passes/index.js";
import { accessTo, Buffer } from "../../src/wasm/buffers.js";
import { Scope, target } from "../../src/wasm/scope.js";

const input = (...shape: number[]) => new Tensor("float32", shape, { kind: "input", name: "x" });

/** How many statements compute `outputs` from `inputs`. */
function statementsOf(inputs: readonly Tensor[], outputs: readonly Tensor[]): number {
  const none = () => {
    throw new Error("no constants of several elements are expected");
  };
  const scope = new Scope({ held: none, made: none });
  const placeOf = ({ size, shape }: Tensor) => accessTo(new Buffer(size, 0), "float32", shape);
  for (const x of inputs) scope.bind(x, { kind: "held", element: "float32", shape: x.shape, access: placeOf(x) });
  scope.compute(prepare(outputs, target), outputs.map(placeOf));
  return scope.statements.length;
}

describe("elementwise loops", () => {
  const [x, y] = [input(10, 20), input(10, 20)];

  it("are one where one needs what another reads or makes", () => {
    const a = x.tanh();
    expect(statementsOf([x], [a, a.mul(2), a.exp().mul(x)])).toBe(1);
    expect(statementsOf([x, y], [x.mul(2), y.mul(2), x.add(y)])).toBe(2);
  });

  it("stay several where they share nothing, go through what they share in other orders, or others come between", () => {
    expect(statementsOf([x, y], [x.mul(2), y.mul(2)])).toBe(2);
    const a = x.tanh();
    expect(statementsOf([x], [a, a.transpose().exp()])).toBe(2);
    const mean = a.mean();
    expect(statementsOf([x], [a, mean.reshape([1]), a.sub(mean)])).toBeGreaterThan(2);
  });
});

describe("a variable's next value is right", () => {
  const start = [1, 2, 3, 4, 5, 6, 7, 8, 10];
  it.each<[string, (x: Tensor) => Tensor, (x: number[]) => number[]]>([
    ["element by element", (x) => x.mul(2).add(1), (x) => x.map((value) => 2 * value + 1)],
    ["turned round", (x) => x.flip({ axis: 0 }), (x) => [...x.slice(6), ...x.slice(3, 6), ...x.slice(0, 3)]],
    ["transposed", (x) => x.transpose(), (x) => [0, 3, 6, 1, 4, 7, 2, 5, 8].map((place) => x[place] as number)],
    ["less its transpose", (x) => x.sub(x.transpose()), () => [0, -2, -4, 2, 0, -2, 4, 2, 0]],
    ["less its greatest", (x) => x.sub(x.max()), (x) => x.map((value) => value - 10)],
    ["times itself", (x) => x.matmul(x), () => [30, 36, 45, 66, 81, 102, 109, 134, 169]],
    [
      "plus a product",
      (x) => x.add(x.matmul(x).mul(0.5)),
      (x) => [30, 36, 45, 66, 81, 102, 109, 134, 169].map((value, i) => Number(x[i]) + value / 2),
    ],
  ])("%s", async (_, next, expected) => {
    const x = new Variable(tensor(start, { shape: [3, 3] }));
    const step = compile(() => void x.assign(next(x)), { executor: "wasm" });
    await step();
    expect([...(await x.data())]).toEqual(expected(start));
  });

  it("where variables take each other's", async () => {
    const [a, b, c] = [1, 2, 4].map((value) => new Variable(tensor([value, value]))) as [Variable, Variable, Variable];
    const turn = compile(
      () => {
        const [before, sum] = [a.mul(1), a.add(b)];
        a.assign(b);
        b.assign(c);
        c.assign(sum);
        return { before };
      },
      { executor: "wasm" },
    );
    const { before } = await turn();
    await turn();
    expect(await Promise.all([before, a, b, c].map((x) => x.array()))).toEqual([
      [1, 1],
      [4, 4],
      [3, 3],
      [6, 6],
    ]);
  });

  it("the one before, where the run ends with an error after it was computed", async () => {
    const x = new Variable(tensor([1, 2]));
    const step = compile(
      (ids: Tensor) => {
        const next = x.mul(2);
        x.assign(next);
        return gather(next, ids).add(gather(tensor([1, 2, 3]), ids));
      },
      { executor: "wasm" },
    );
    const ids = (...values: number[]) => tensor(Int32Array.from(values));
    await expect(step(ids(3))).rejects.toThrow("index 3 is out of range");
    expect(await x.array()).toEqual([1, 2]);
    expect(await (await step(ids(1))).array()).toEqual([6]);
  });
});

it("parameters and moments are updated where they are", async () => {
  const size = 1000;
  const parameter = new Variable(zeros([size]));
  const optimizer = new optim.Adam([parameter], { learningRate: 0.1 });
  const step = compile((x: Tensor) => optimizer.minimize(parameter.mul(x).sum()), { training: true, executor: "wasm" });
  await step(zeros([size]));
  // Three variables and the input, of four bytes an element; and less than a kilobyte of numbers.
  expect(explain(step)[0]?.memory).toBeLessThan(4 * 4 * size + 1000);
});

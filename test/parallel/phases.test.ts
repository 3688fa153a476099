import { add, compile, explain, matmul, mean, mul, nn, ones, optim, reshape, sub, sum, type Tensor } from "kasane";
import { describe, expect, test } from "vitest";
import { Tensor as Leaf } from "../../src/graph/tensor.js";
import { leavesOf, topologicalOrder } from "../../src/graph/walk.js";
import { phasesOf } from "../../src/parallel/phases.js";

const input = (name: string, ...shape: readonly number[]) => new Leaf("float32", shape, { kind: "input", name });
const typesOf = (values: readonly { readonly value: Tensor }[]) =>
  topologicalOrder(values.map(({ value }) => value)).map(({ operator }) => operator.type);
const leavesIn = (values: readonly { readonly value: Tensor }[]) =>
  leavesOf(values.map(({ value }) => value)).filter(({ source }) => source.kind !== "data");

describe("phasesOf", () => {
  const [x, w, first, second] = [input("x", 8, 4), input("w", 4, 6), input("sum", 6), input("sum", 6)];
  const y = matmul(x, w);
  const average = mean(y, { axis: 0 });
  const centred = sub(y, first);
  const squares = mean(mul(reshape(centred, [2, 4, 6]), reshape(y, [2, 4, 6])), { axis: [0, 1] });
  const exchanges = [
    { value: average, sum: first },
    { value: squares, sum: second },
  ];

  test("computes each value once, and carries over what later phases use", () => {
    const [one, two, three, ...rest] = phasesOf(exchanges, [add(centred, second), y]);
    expect(rest).toEqual([]);
    expect(typesOf([...(one?.exchanged ?? []), ...(one?.carried ?? [])])).toEqual(["MatMul", "ReduceMean"]);
    expect(one?.exchanged.map(({ sum }) => sum)).toEqual([first]);
    expect(one?.carried).toHaveLength(1);
    // A result that is known early is given then.
    expect(one?.results.map(({ place }) => place)).toEqual([1]);
    const product = one?.carried[0]?.leaf as Tensor;
    // The reshape costs nothing, so it is not carried.
    expect(typesOf(two?.exchanged ?? []).toSorted()).toEqual(["Mul", "ReduceMean", "Reshape", "Reshape", "Sub"]);
    expect(new Set(leavesIn(two?.exchanged ?? []))).toEqual(new Set([first, product]));
    const difference = two?.carried.map(({ leaf }) => leaf) ?? [];
    expect(typesOf(three?.results ?? [])).toEqual(["Add"]);
    expect(new Set(leavesIn(three?.results ?? []))).toEqual(new Set([...difference, second]));
    expect(three?.carried).toEqual([]);
  });

  test("leaves exchanges in one phase that do not wait for each other", () => {
    const other = { value: sum(x, { axis: 0 }), sum: input("sum", 4) };
    const phases = phasesOf([...exchanges, other], []);
    expect(phases.map(({ exchanged }) => exchanged.length)).toEqual([2, 1]);
  });
});

describe("a step of several workers", () => {
  /** How many operators all phases have, for a perceptron with so many normalised layers. */
  async function operatorsOf(layers: number): Promise<number> {
    const parts = Array.from({ length: layers }, () => [new nn.Linear(8, 8), new nn.BatchNorm1d(8), (x: Tensor) => x.tanh()]);
    const model = new nn.Sequential(...parts.flat());
    const optimizer = new optim.Sgd(model, { learningRate: 0.1 });
    const step = compile(
      (x: Tensor) => {
        const loss = model.forward(x).square().mean();
        optimizer.minimize(loss);
        return loss;
      },
      { training: true, workers: 2 },
    );
    await step(ones([8, 8]));
    const operators = explain(step)[0]?.operators as number;
    await step.dispose();
    return operators;
  }

  test("grows with the depth of a normalised network, not with its square", async () => {
    const [two, four, eight] = [await operatorsOf(2), await operatorsOf(4), await operatorsOf(8)];
    expect((eight - four) / (four - two)).toBeLessThan(2.2);
  });
});

import { compile, nn, optim, random, seed, type Tensor, tensor, Variable } from "kasane";
import { describe, expect, test } from "vitest";
import { setRandomState } from "../../src/random/state.js";

const xs = Float32Array.from({ length: 6 }, (_, i) => Math.sin(i));

/** A step with state and a draw, and the state. */
function program() {
  const weight = new Variable(
    tensor([
      [0.5, -1],
      [-0.25, 2],
    ]),
    { name: "weight" },
  );
  const step = compile(({ x, scale }: { x: Tensor; scale: number }) => {
    const noisy = x.matmul(weight).add(random.uniform([3, 2]));
    weight.assign(weight.mul(scale));
    return { sum: noisy.sum({ axis: 1 }), isLarge: noisy.greater(0.5), parts: [noisy.max()] as const };
  });
  return { weight, step };
}

describe("synchronous", () => {
  test("gives what awaited calls give, to the bit, with the same random numbers and state", async () => {
    const x = tensor(xs, { shape: [3, 2] });
    seed(3);
    const awaited = program();
    const expected = [];
    for (let i = 0; i < 3; i++) {
      const { sum, isLarge, parts } = await awaited.step({ x, scale: 0.5 });
      expected.push([await sum.array(), await isLarge.array(), await parts[0].array()]);
    }
    seed(3);
    const { weight, step } = program();
    const now = await step.synchronous({ x, scale: 0.5 });
    const results = [];
    for (let i = 0; i < 3; i++) {
      const { sum, isLarge, parts } = now({ x: xs, scale: 0.5 });
      results.push([[...sum], [0, 1, 2].map((row) => [...isLarge.slice(2 * row, 2 * row + 2)].map(Boolean)), parts[0][0]]);
    }
    expect(results).toEqual(expected);
    expect(await weight.array()).toEqual(await awaited.weight.array());
  });

  test("sees what others do to its variables, and they see what it does", async () => {
    const { weight, step } = program();
    const now = await step.synchronous({ x: tensor(xs, { shape: [3, 2] }), scale: 2 });
    const before = weight.add(0);
    now({ x: xs, scale: 2 });
    // A tensor made before the call keeps the value of that moment.
    expect(await before.array()).toEqual([
      [0.5, -1],
      [-0.25, 2],
    ]);
    expect(await weight.array()).toEqual([
      [1, -2],
      [-0.5, 4],
    ]);
    await weight.assign(
      tensor([
        [1, 1],
        [1, 1],
      ]),
    );
    now({ x: xs, scale: 2 });
    await step({ x: tensor(xs, { shape: [3, 2] }), scale: 2 });
    now({ x: xs, scale: 2 });
    expect(await weight.array()).toEqual([
      [8, 8],
      [8, 8],
    ]);
  });

  test("returns the same arrays at each call, and keeps them when many other modules run", async () => {
    const double = await compile((x: Tensor) => x.mul(2)).synchronous(tensor([1, 2]));
    const first = double(Float32Array.of(1, 2));
    for (let i = 0; i < 40; i++) await compile((x: Tensor) => x.add(i))(tensor([1, 2]));
    expect(double(Float32Array.of(3, 4))).toBe(first);
    expect([...first]).toEqual([6, 8]);
  });

  test("trains a network as awaited calls do", async () => {
    const trained = async (isSynchronous: boolean) => {
      seed(5);
      const model = new nn.Linear(2, 1);
      const optimizer = new optim.Adam(model, { learningRate: 0.1 });
      const step = compile(
        (x: Tensor) => {
          const loss = model.forward(x).sub(1).square().mean();
          optimizer.minimize(loss);
          return loss;
        },
        { training: true, executor: "wasm" },
      );
      const x = tensor(xs, { shape: [3, 2] });
      const now = await step.synchronous(x);
      setRandomState({ seed: 5, counter: 100 });
      const losses: number[] = [];
      for (let i = 0; i < 20; i++) losses.push(isSynchronous ? (now(xs)[0] as number) : await (await step(x)).item());
      return [losses, await model.weight.array()];
    };
    expect(await trained(true)).toEqual(await trained(false));
  });

  test("says in one line what it cannot do", async () => {
    const { step } = program();
    const x = tensor(xs, { shape: [3, 2] });
    const now = await step.synchronous({ x, scale: 1 });
    expect(() => now({ x: xs.subarray(1), scale: 1 })).toThrow(
      'synchronous: the argument at "x" is a Float32Array of 5, expected a Float32Array of 6 elements',
    );
    expect(() => now({ x: Int32Array.from(xs), scale: 1 })).toThrow("is a Int32Array of 6, expected a Float32Array of 6 elements");
    expect(() => now({ x: xs, scale: 2 })).toThrow(
      'synchronous: the argument at "scale" is 2, expected 1, for which the call was made ready',
    );
    const pending = step({ x, scale: 3 });
    expect(() => now({ x: xs, scale: 1 })).toThrow("synchronous: another call is under way: await it first");
    await pending;
    await expect(compile((value: Tensor) => value.mul(now({ x: xs, scale: 1 }).sum[0] as number))(tensor([1]))).rejects.toThrow(
      "a compiled function is called in a function that is being traced",
    );
    await step.dispose();
    expect(() => now({ x: xs, scale: 1 })).toThrow("synchronous: the compiled function was disposed of: make the call ready anew");
    await expect(compile((value: Tensor) => value.mul(2), { executor: "onnxruntime" }).synchronous(x)).rejects.toThrow(
      'synchronous: ONNX Runtime runs this graph, and its calls are promises (executor: "onnxruntime"): compile it with { executor: "wasm" }',
    );
  });
});

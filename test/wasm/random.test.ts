import { compile, grad, type Tensor, tensor, Variable } from "kasane";
import { expect, it } from "vitest";
import { relativeError } from "../ops/evaluate.js";
import { Choices, chain } from "./randomGraphs.js";

const runs = 3;

async function results(seed: number, executor: "wasm" | "onnxruntime"): Promise<readonly (readonly number[])[]> {
  const choose = new Choices(seed);
  const shapes = [0, 1].map(() => Array.from({ length: choose.below(4) }, () => 1 + choose.below(6)));
  const numbers = (shape: readonly number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    return tensor(
      Float32Array.from({ length: size }, () => 3 * choose.next() - 1.5),
      { shape },
    );
  };
  const state = new Variable(numbers(shapes[0] as readonly number[]));
  const several = shapes.map((shape) => numbers([runs, ...shape]));
  const start = choose.below(1000);
  const step = compile(
    (...inputs: Tensor[]) => {
      const values = chain(new Choices(1000 * seed + start), [state, ...inputs], 16);
      const outputs = values.slice(-2);
      const loss = outputs.map((x) => x.mean()).reduce((a, b) => a.add(b));
      const gradients = grad(loss, [state, ...inputs]);
      state.assign(state.mul(0.75).add((gradients[0] as Tensor).mul(0.25)));
      return [...outputs, ...gradients];
    },
    { executor },
  );
  const one = await step(...several.map((x) => x.slice([[0, 1]]).reshape(x.shape.slice(1))));
  const many = await step.many(...several);
  const all = await Promise.all([...one, ...many, state].map((x) => x.data()));
  await step.dispose();
  return all.map((data) => Array.from(data, Number));
}

// Of gradients by numbers of magnitude 1: beside the greatest of a result, or beside 1.
it.each(Array.from({ length: 60 }, (_, seed) => seed))(
  "random graph %i gives as a module what ONNX Runtime gives, to 1e-6",
  async (seed) => {
    const [module, reference] = [await results(seed, "wasm"), await results(seed, "onnxruntime")];
    expect(module.length).toBe(reference.length);
    module.forEach((values, i) => expect(relativeError(values, reference[i] as readonly number[], 1)).toBeLessThan(1e-6));
  },
);

import {
  checkpoint,
  compile,
  customGradient,
  grad,
  matmul,
  mul,
  random,
  scan,
  seed,
  stopGradient,
  sum,
  type Tensor,
  tanh,
  tensor,
  Variable,
} from "kasane";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/graph/walk.js";
import { prepare } from "../../src/passes/index.js";
import { targetOf } from "../../src/targets/targets.js";

const numbers = async (x: Tensor) => Array.from((await x.data()) as Float32Array);
const count = (outputs: readonly Tensor[], type: string) => topologicalOrder(outputs).filter((node) => node.operator.type === type).length;

describe("stopGradient", () => {
  it("is a constant to gradients and leaves the value", async () => {
    const x = tensor([2, 3]);
    expect(await numbers(stopGradient(x))).toEqual([2, 3]);
    expect(await numbers(grad(sum(stopGradient(x).mul(x)), x))).toEqual([2, 3]);
    expect(await numbers(grad(sum(stopGradient(x)), x))).toEqual([0, 0]);
  });
});

describe("customGradient", () => {
  // The straight-through estimator: rounds forwards, the identity backwards.
  const straightThrough = customGradient(
    (x: Tensor) => x.round(),
    (gradient) => [gradient],
  );

  it("takes the gradient from the rule and the value from the function", async () => {
    const x = tensor([0.4, 1.6]);
    const y = straightThrough(x);
    expect(await numbers(y)).toEqual([0, 2]);
    expect(await numbers(grad(sum(y.mul(tensor([3, 5]))), x))).toEqual([3, 5]);
  });

  it("hands the rule the inputs and the output, and takes undefined for no gradient", async () => {
    const scaled = customGradient(
      (a: Tensor, b: Tensor) => mul(a, b),
      (gradient, [, b], output) => [mul(gradient, mul(output, b)), undefined],
    );
    const [a, b] = [tensor([2, 3]), tensor([4, 5])];
    const [ofA, ofB] = grad(sum(scaled(a, b)), [a, b]) as [Tensor, Tensor];
    expect(await numbers(ofA)).toEqual([32, 75]);
    expect(await numbers(ofB)).toEqual([0, 0]);
  });

  it("can be differentiated again", async () => {
    const square = customGradient(
      (x: Tensor) => x.mul(x),
      (gradient, [x]) => [gradient.mul(x).mul(2)],
    );
    const x = tensor([2, 3]);
    expect(await numbers(grad(sum(grad(sum(square(x)), x)), x))).toEqual([2, 2]);
  });

  it("works on what a loop captures", async () => {
    const square = customGradient(
      (x: Tensor) => x.mul(x),
      (gradient, [x]) => [gradient.mul(x).mul(2)],
    );
    const weight = tensor([3, 4]);
    const step = (carry: readonly [], x: Tensor) => ({ carry, outputs: square(weight).mul(x) });
    const { outputs } = scan(step, [], tensor([1, 2, 4]), { unroll: 1 });
    expect(await numbers(grad(sum(outputs), weight))).toEqual([42, 56]);
  });

  it("refuses a gradient of another shape", () => {
    const wrong = customGradient(
      (x: Tensor) => x.mul(2),
      () => [tensor([1, 2, 3])],
    );
    const x = tensor([1, 2]);
    expect(() => grad(sum(wrong(x)), x)).toThrow("customGradient: the gradient has shape [3], its value [2]");
  });
});

describe("checkpoint", () => {
  seed(5);
  const input = random.normal([4, 3]);
  const first = new Variable(random.normal([3, 5]), { name: "first" });
  const second = new Variable(random.normal([5, 2]), { name: "second" });
  const layers = (x: Tensor) => tanh(matmul(tanh(matmul(x, first)), second));
  const gradientsOf = (forward: (x: Tensor) => Tensor) => {
    const loss = sum(forward(input).square());
    return [loss, ...grad(loss, [input, first, second])];
  };

  it("changes no value and no gradient, of inputs or of captured variables", async () => {
    const plain = gradientsOf(layers);
    const saving = gradientsOf((x) => checkpoint(layers, x));
    for (const [i, x] of plain.entries()) expect(await numbers(saving[i] as Tensor)).toEqual(await numbers(x));
  });

  it("computes the inner values a second time, after the gradient has arrived", () => {
    const plain = prepare(gradientsOf(layers), targetOf("cpu"));
    const saving = prepare(
      gradientsOf((x) => checkpoint(layers, x)),
      targetOf("cpu"),
    );
    expect(count(plain, "Tanh")).toBe(2);
    expect(count(saving, "Tanh")).toBe(4);
    // The second computation needs the gradient, so it cannot run before it: each Tanh either leads to the loss or comes after it.
    const loss = saving[0] as Tensor;
    const forward = new Set(topologicalOrder([loss]));
    const again = topologicalOrder(saving).filter((node) => node.operator.type === "Tanh" && !forward.has(node));
    expect(again).toHaveLength(2);
    const gradientSeed = topologicalOrder([loss])
      .filter((node) => node.operator.type === "Tanh")
      .at(-1);
    for (const node of again) expect(topologicalOrder(node.outputs)).toContain(gradientSeed);
  });

  it("nests", async () => {
    const plain = gradientsOf(layers);
    const inner = (x: Tensor) => checkpoint((h: Tensor) => tanh(matmul(h, first)), x);
    const nested = gradientsOf((x) => checkpoint((h: Tensor) => tanh(matmul(inner(h), second)), x));
    for (const [i, x] of plain.entries()) expect(await numbers(nested[i] as Tensor)).toEqual(await numbers(x));
    expect(count(prepare(nested, targetOf("cpu")), "Tanh")).toBe(5);
  });

  it("draws the same random numbers both times", async () => {
    const noisy = (x: Tensor) => x.mul(random.uniform([4, 3]));
    const step = compile((x: Tensor) => {
      const y = checkpoint(noisy, x);
      return { y, gradient: grad(sum(y), x) };
    });
    const { y, gradient } = await step(input);
    const x = await numbers(input);
    const drawn = await numbers(gradient);
    (await numbers(y)).forEach((value, i) => expect(value).toBeCloseTo((x[i] as number) * (drawn[i] as number), 6));
    await step.dispose();
  });

  it("takes and gives several tensors", async () => {
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    const [product, total] = checkpoint((x: Tensor, y: Tensor) => [x.mul(y), x.add(y)] as const, a, b);
    const [ofA, ofB] = grad(sum(product.mul(total)), [a, b]) as [Tensor, Tensor];
    // d(xy(x + y))/dx = y(2x + y)
    expect(await numbers(ofA)).toEqual([15, 32]);
    expect(await numbers(ofB)).toEqual([7, 20]);
  });

  it("can be differentiated again", async () => {
    const x = tensor([1, 2]);
    const cube = checkpoint((h: Tensor) => h.mul(h).mul(h), x);
    expect(await numbers(grad(sum(grad(sum(cube), x)), x))).toEqual([6, 12]);
  });

  it("needs an input to start from", () => {
    expect(() => checkpoint(() => tensor(1))).toThrow("checkpoint: got no inputs");
  });
});

import { compile, grad, random, seed, type Tensor, tensor, Variable } from "kasane";
import { describe, expect, test } from "vitest";

/** A step with state, a gradient, a captured constant and two draws a run. */
function program() {
  const weight = new Variable(tensor([[0.5], [-0.25]]), { name: "weight" });
  const count = new Variable(tensor(0));
  const offset = tensor([[0.125], [0.25], [0.5]]);
  const step = compile(
    ({ x, y }: { x: Tensor; y: Tensor }) => {
      const kept = x.mul(random.bernoulli(x.shape, 0.75));
      const loss = kept.matmul(weight).add(offset).sub(y).square().mean();
      weight.assign(weight.sub(grad(loss, weight).mul(0.1)));
      count.assign(count.add(1));
      return { loss, noise: random.uniform([2]) };
    },
    { training: true },
  );
  return { weight, count, step };
}

const runs = 5;
const xs = Float32Array.from({ length: runs * 6 }, (_, i) => Math.sin(i));
const ys = Float32Array.from({ length: runs * 3 }, (_, i) => Math.cos(i));

describe("many", () => {
  test("is the same as so many calls, to the bit", async () => {
    seed(3);
    const single = program();
    const losses: number[] = [];
    const noise: unknown[] = [];
    for (let i = 0; i < runs; i++) {
      const x = tensor(xs.slice(i * 6, i * 6 + 6), { shape: [3, 2] });
      const result = await single.step({ x, y: tensor(ys.slice(i * 3, i * 3 + 3), { shape: [3, 1] }) });
      losses.push(await result.loss.item());
      noise.push(await result.noise.array());
    }

    seed(3);
    const together = program();
    const result = await together.step.many({ x: tensor(xs, { shape: [runs, 3, 2] }), y: tensor(ys, { shape: [runs, 3, 1] }) });
    expect(await result.loss.array()).toEqual(losses);
    expect(await result.noise.array()).toEqual(noise);
    expect(await together.weight.array()).toEqual(await single.weight.array());
    expect(await together.count.item()).toBe(runs);
  });

  test("draws what the calls after it would not draw again", async () => {
    seed(9);
    const draw = compile((x: Tensor) => random.uniform([2]).add(x));
    const first = await draw.many([0, 0, 0]);
    const next = await draw(tensor(0));
    const numbers = [...(await first.data()), ...(await next.data())];
    expect(new Set(numbers).size).toBe(8);
  });

  test("wants inputs of one length", async () => {
    const fn = compile((a: Tensor, b: Tensor) => a.add(b));
    await expect(fn.many(tensor([1, 2]), tensor([1, 2, 3]))).rejects.toThrow(
      "many: inputs [2], [3]: expected one or more, with the same first size",
    );
    await expect(compile(() => tensor(1)).many()).rejects.toThrow("many: inputs");
  });
});

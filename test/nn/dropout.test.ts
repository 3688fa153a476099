import { compile, grad, nn, ones, seed, sum, type Tensor } from "kasane";
import { expect, it } from "vitest";

const dropout = new nn.Dropout(0.2);

it("zeroes elements and scales the others, and the gradient alike, where a function trains", async () => {
  seed(0);
  const step = compile(
    (x: Tensor) => {
      const result = dropout.forward(x);
      return { result, gradient: grad(sum(result), x) };
    },
    { training: true },
  );
  const [first, second] = [await step(ones([100, 100])), await step(ones([100, 100]))];
  const values = Array.from(await first.result.data(), Number);
  expect(new Set(values)).toEqual(new Set([0, 1.25]));
  // 10,000 draws of probability 0.8 have a deviation of 0.004.
  const kept = values.filter((value) => value !== 0).length / 10_000;
  expect(Math.abs(kept - 0.8)).toBeLessThan(0.016);
  expect(Array.from(await first.gradient.data(), Number)).toEqual(values);
  expect(Array.from(await second.result.data(), Number)).not.toEqual(values);
  await step.dispose();
});

it("is the identity elsewhere", () => {
  const x = ones([3]);
  expect(dropout.forward(x)).toBe(x);
});

it("refuses to drop everything", () => {
  expect(() => new nn.Dropout(1)).toThrow("Dropout: probability 1: expected a number from 0 and below 1");
});

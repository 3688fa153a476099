import { compile, crossEntropy, grad, matmul, nn, random, seed, type Tensor, tensor, transpose } from "kasane";
import { expect, it } from "vitest";

const [rows, size, vocabulary] = [6, 3, 40];
const targets = tensor([0, 7, 8, 21, 39, 21], { dtype: "int32" });

/** Hidden states, weights and biases. */
const draw = () => [random.normal([rows, size]), random.normal([vocabulary, size]), random.normal([vocabulary])] as const;

/** The loss and its gradients by a sample, or by all words where there is none. */
const lossAndGradients = (sampledWords: number, frequentWords = 8) =>
  compile(([hidden, weight, bias]: readonly [Tensor, Tensor, Tensor]) => {
    const full = () => crossEntropy(matmul(hidden, transpose(weight)).add(bias), targets);
    const loss = sampledWords > 0 ? nn.sampledCrossEntropy(hidden, targets, weight, bias, { frequentWords, sampledWords }).mean() : full();
    return [loss, ...grad(loss, [hidden, weight, bias])];
  });

it.each([8, 0])("is the softmax's cross entropy, with its gradients, where every word is drawn (%i frequent)", async (frequent) => {
  seed(1);
  const inputs = draw();
  const sampled = await lossAndGradients(vocabulary - frequent, frequent)(inputs);
  const full = await lossAndGradients(0)(inputs);
  for (const [i, value] of full.entries()) {
    const [got, expected] = [await (sampled[i] as Tensor).data(), await value.data()];
    // float32: about 1e-7 of sums of 40 terms
    expect(Math.max(...[...expected].map((x, k) => Math.abs(Number(x) - Number(got[k]))))).toBeLessThan(2e-6);
  }
});

it.each([
  [-1, 4],
  [8, 0],
  [30, 11],
  [2.5, 4],
])("refuses %i frequent words and %i drawn", (frequentWords, sampledWords) => {
  const [hidden, weight, bias] = draw();
  expect(() => nn.sampledCrossEntropy(hidden, targets, weight, bias, { frequentWords, sampledWords })).toThrow(
    `sampledCrossEntropy: ${frequentWords} frequent words and ${sampledWords} drawn: expected 1 drawn or more`,
  );
});

it("estimates the denominator without bias", async () => {
  seed(2);
  const [hidden, weight, bias] = draw();
  const rare = tensor([21], { dtype: "int32" });
  const one = (hidden: Tensor, words: number | undefined) =>
    words === undefined
      ? crossEntropy(matmul(hidden, transpose(weight)).add(bias), rare)
      : nn.sampledCrossEntropy(hidden, rare, weight, bias, { frequentWords: 8, sampledWords: words }).mean();
  const row = compile((hidden: Tensor) => hidden.slice([[0, 1]]));
  const first = await row(hidden);
  const sample = compile((x: Tensor) => one(x, 8).exp());
  // e^loss is the denominator over e^logit of the target.
  const exact = await (await compile((x: Tensor) => one(x, undefined).exp())(first)).item();
  const draws = 300;
  const values: number[] = [];
  for (let i = 0; i < draws; i++) values.push(await (await sample(first)).item());
  const mean = values.reduce((a, b) => a + b) / draws;
  const deviation = Math.sqrt(values.reduce((a, x) => a + (x - mean) ** 2, 0) / (draws - 1));
  expect(deviation).toBeGreaterThan(0);
  // Four standard errors: one seed in 16,000 would fail.
  expect(Math.abs(mean - exact)).toBeLessThan((4 * deviation) / Math.sqrt(draws));
});

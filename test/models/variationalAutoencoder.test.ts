import { compile, grad, models, random, seed, type Tensor, tensor, type Variable } from "kasane";
import { beforeEach, expect, it } from "vitest";

beforeEach(() => seed(3));

const x = tensor([
  [1, 0, 0.25],
  [0, 1, 1],
]);

/** One latent variable, so that log p(x) can be integrated over it. */
const small = () => new models.VariationalAutoencoder(3, { hidden: [4], latent: 1, activation: "tanh" });

/** log p(x) of each row, by the trapezoidal rule over the latent variable. */
async function logLikelihoods(model: models.VariationalAutoencoder): Promise<number[]> {
  const step = 0.01;
  const points = Array.from({ length: 1601 }, (_, i) => -8 + i * step);
  const logits = (await model.decode(tensor(points.map((z) => [z]))).array()) as number[][];
  const rows = (await x.array()) as number[][];
  return rows.map((row) => {
    const terms = points.map((z, i) => {
      const crossEntropy = row.reduce((sum, bit, j) => {
        const logit = (logits[i] as number[])[j] as number;
        return sum + Math.log1p(Math.exp(logit)) - bit * logit;
      }, 0);
      return (Math.exp(-crossEntropy - (z * z) / 2) / Math.sqrt(2 * Math.PI)) * step;
    });
    return Math.log(terms.reduce((sum, term) => sum + term));
  });
}

it("bounds the log likelihood from below, the closer the more draws there are", async () => {
  const model = small();
  const expected = await logLikelihoods(model);
  const bound = compile((samples: number) => model.importanceBound(x, samples));
  const close = (await (await bound(400_000)).array()) as number[];
  close.forEach((value, row) => expect(value).toBeCloseTo(expected[row] as number, 2));

  // The mean of many bounds of one draw is the evidence lower bound.
  const runs = 40_000;
  const single = (await (
    await compile(() => model.importanceBound(x.expand([runs, 2, 3]).reshape([2 * runs, 3]), 1))()
  ).array()) as number[];
  const elbo = compile(() => {
    const { reconstruction, divergence } = model.negativeElbo(x.expand([runs, 2, 3]).reshape([2 * runs, 3]));
    return reconstruction.add(divergence).neg();
  });
  const bounds = (await (await elbo()).array()) as number[];
  for (const row of [0, 1]) {
    const mean = (values: readonly number[]) => values.filter((_, i) => i % 2 === row).reduce((sum, value) => sum + value) / runs;
    expect(mean(single)).toBeCloseTo(mean(bounds), 1);
    expect(mean(bounds)).toBeLessThan((expected[row] as number) + 0.01);
  }
});

it("has the gradients of the bound: those of the decoder for each draw, those of the encoder in the mean of many", async () => {
  const model = small();
  const [runs, samples] = [20_000, 3];
  const inputs = x.expand([runs, 2, 3]).reshape([2 * runs, 3]);
  /** The bound by the formula, whose gradient goes through the posterior too. */
  const plainBound = (): Tensor => {
    const { mean, logVariance } = model.encode(inputs);
    const noise = random.normal([samples, 2 * runs, 1]);
    const z = mean.add(logVariance.mul(0.5).exp().mul(noise));
    const logits = model.decode(z.reshape([-1, 1])).reshape([samples, 2 * runs, 3]);
    const crossEntropy = logits.softplus().sub(logits.mul(inputs)).sum({ axis: -1 });
    const logWeights = noise.square().add(logVariance).sub(z.square()).sum({ axis: -1 }).mul(0.5).sub(crossEntropy);
    return logWeights.logSumExp({ axis: 0 }).sub(Math.log(samples));
  };
  const [encoder, decoder] = ["posteriorMean.bias", "decoder.layers.0.weight"].map((name) => model.namedVariables().get(name) as Variable);
  const gradientsOf = async (bound: () => Tensor) => {
    seed(4);
    const gradients = await compile(() => grad(bound().mean(), [encoder, decoder] as Tensor[]))();
    return Promise.all(gradients.map(async (gradient) => Array.from(await gradient.data(), Number)));
  };
  const [ofEncoder, ofDecoder] = (await gradientsOf(() => model.importanceBound(inputs, samples))) as [number[], number[]];
  const [plain, expected] = (await gradientsOf(plainBound)) as [number[], number[]];
  expect(ofEncoder).toEqual(plain.map((value) => expect.closeTo(value, 2)));
  expect(ofDecoder).toEqual(expected.map((value) => expect.closeTo(value, 6)));
});

it("measures the divergence from the prior by its formula", async () => {
  const model = small();
  const { mean, logVariance } = model.encode(x);
  const means = (await mean.array()) as number[][];
  const logVariances = (await logVariance.array()) as number[][];
  const divergence = (await model.negativeElbo(x).divergence.array()) as number[];
  divergence.forEach((value, row) => {
    const [m, s] = [means[row]?.[0] as number, logVariances[row]?.[0] as number];
    expect(value).toBeCloseTo(0.5 * (Math.exp(s) + m * m - 1 - s), 5);
  });
});

it("is told the class where there are classes, and only there", async () => {
  const options = { hidden: [5, 4], latent: 2 };
  const conditional = new models.VariationalAutoencoder(3, { ...options, classes: 3 });
  const z = tensor([[0.5, -1]]);
  const of = async (label: number) => (await conditional.decode(z, tensor([label], { dtype: "int32" })).array()) as number[][];
  expect(await of(0)).not.toEqual(await of(1));
  expect(() => conditional.encode(x)).toThrow("VariationalAutoencoder: it has 3 classes, and got no labels");
  const plain = new models.VariationalAutoencoder(3, options);
  expect(() => plain.encode(x, tensor([0, 1], { dtype: "int32" }))).toThrow("VariationalAutoencoder: it has 0 classes, and got labels");
  expect(() => plain.importanceBound(x, 0)).toThrow("importanceBound: got samples 0, expected an integer from 1");
  expect(() => new models.VariationalAutoencoder(3, { hidden: [], latent: 2 })).toThrow("hidden is empty");
});

it("weighs draws for each class by itself", async () => {
  const model = new models.VariationalAutoencoder(3, { hidden: [4], latent: 1, classes: 2, activation: "tanh" });
  const labels = tensor([0, 1], { dtype: "int32" });
  const together = (await (await compile((ids: Tensor) => model.importanceBound(x, 400_000, ids))(labels)).array()) as number[];
  for (const row of [0, 1]) {
    const alone = compile((ids: Tensor) => model.importanceBound(x.slice([[row, row + 1]]), 400_000, ids));
    expect(await (await alone(Int32Array.of(row))).array()).toEqual([expect.closeTo(together[row] as number, 2)]);
  }
});

it("starts its outputs at the mean of the inputs", async () => {
  const options = { hidden: [4], latent: 1 };
  const model = new models.VariationalAutoencoder(3, { ...options, inputMean: [0.25, 0, 1] });
  const bias = model.namedVariables().get("decoder.layers.2.bias") as Variable;
  const probabilities = (await bias.sigmoid().array()) as number[];
  expect(probabilities).toEqual([expect.closeTo(0.25, 6), expect.closeTo(0.001, 6), expect.closeTo(0.999, 6)]);
  for (const inputMean of [
    [0.25, 0],
    [0.5, 0.5, 1.5],
    [0.5, 0.5, Number.NaN],
  ]) {
    expect(() => new models.VariationalAutoencoder(3, { ...options, inputMean })).toThrow(
      `VariationalAutoencoder: inputMean: got ${inputMean.length} numbers, expected 3 from 0 to 1`,
    );
  }
});

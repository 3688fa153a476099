import { customGradient, stopGradient } from "../autodiff/custom.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { type Initialiser, xavierUniform } from "../nn/init.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { relu, softplus } from "../ops/activation.js";
import { add, clip, div, mul, square, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { tensor } from "../ops/constants.js";
import { zeros } from "../ops/create.js";
import { exp, tanh } from "../ops/elementary.js";
import { oneHot } from "../ops/indexing.js";
import { softmax } from "../ops/normalize.js";
import { random } from "../ops/random.js";
import { logSumExp, sum } from "../ops/reduce.js";
import { expand, unsqueeze } from "../ops/shapes.js";
import { concat } from "../ops/slicing.js";
import { type DiagonalNormal, normalDivergence, reparameterize } from "./diagonalNormal.js";

/** Settings of a {@link VariationalAutoencoder}. */
export interface VariationalAutoencoderOptions {
  /** Sizes of the hidden layers of the encoder; the decoder has them in the other order. */
  readonly hidden: readonly number[];
  /** Size of the latent variable. */
  readonly latent: number;
  /** With classes both halves are told which one an input is of (Sohn et al. 2015, conditional VAE). */
  readonly classes?: number;
  readonly activation?: "relu" | "tanh";
  /** The mean of each input over what is trained on, 0 to 1: the outputs start there, and need not learn it first. */
  readonly inputMean?: ArrayLike<number>;
}

/** The variance of a posterior lies within e to plus or minus this, so that no exponential overflows. */
const mostLogVariance = 20;

/** Outputs start this far from 0 and 1 at least, so that what was never seen can be learnt. */
const leastProbability = 0.001;

/** A layer whose weights start as Burda, Grosse and Salakhutdinov (2015, section 5.1) have it. */
const dense = (inputSize: number, outputSize: number, biasInitialiser: Initialiser = zeros): Linear =>
  new Linear(inputSize, outputSize, { weightInitialiser: xavierUniform(), biasInitialiser });

/** Biases by which the outputs are the given probabilities where nothing else is known. */
const logOddsOf = (probabilities: ArrayLike<number>): Initialiser => {
  const within = Array.from(probabilities, (p) => Math.min(1 - leastProbability, Math.max(leastProbability, p)));
  return () => tensor(within.map((p) => Math.log(p / (1 - p))));
};

/**
 * A variational autoencoder of dense layers with Bernoulli outputs (Kingma and Welling 2014, Auto-encoding variational Bayes).
 * Inputs are `[batch, inputSize]`, 0 to 1: bits, or the probabilities of bits.
 */
export class VariationalAutoencoder extends Module {
  readonly encoder: Sequential;
  readonly posteriorMean: Linear;
  readonly posteriorLogVariance: Linear;
  readonly decoder: Sequential;
  readonly latent: number;
  readonly classes: number;

  constructor(inputSize: number, options: VariationalAutoencoderOptions) {
    super();
    checkOptions("VariationalAutoencoder", options, {
      hidden: "required",
      latent: "required",
      classes: "optional",
      activation: "optional",
      inputMean: "optional",
    });
    const { hidden, latent, classes = 0, activation = "relu", inputMean } = options;
    checkSizes("VariationalAutoencoder", { inputSize, latent });
    checkChoice("VariationalAutoencoder", "activation", activation, ["relu", "tanh"]);
    check(hidden.length > 0, () => "VariationalAutoencoder: hidden is empty: expected the size of one layer or more");
    check(
      inputMean === undefined || (inputMean.length === inputSize && Array.from(inputMean).every((mean) => mean >= 0 && mean <= 1)),
      () => `VariationalAutoencoder: inputMean: got ${inputMean?.length} numbers, expected ${inputSize} from 0 to 1`,
    );
    const nonlinearity = { relu, tanh }[activation];
    const layers = (sizes: readonly number[]) =>
      sizes.slice(1).flatMap((size, i) => [dense(sizes[i] as number, size), (x: Tensor) => nonlinearity(x)]);
    const last = hidden.at(-1) as number;
    this.latent = latent;
    this.classes = classes;
    this.encoder = new Sequential(...layers([inputSize + classes, ...hidden]));
    this.posteriorMean = dense(last, latent);
    this.posteriorLogVariance = dense(last, latent);
    const backwards = hidden.toReversed();
    const output = dense(backwards.at(-1) as number, inputSize, inputMean && logOddsOf(inputMean));
    this.decoder = new Sequential(...layers([latent + classes, ...backwards]), output);
  }

  /** Logits of what `x` is taken for, `[batch, inputSize]`: the outputs for the mean of its latent variable. */
  forward(x: Tensor, labels?: Tensor): Tensor {
    return this.decode(this.encode(x, labels).mean, labels);
  }

  /** What is known of the latent variable of `x` `[batch, inputSize]`, `[batch, latent]`; `labels` int32 `[batch]` where there are classes. */
  encode(x: Tensor, labels?: Tensor): DiagonalNormal {
    const hidden = this.encoder.forward(this.withLabels(x, labels));
    const logVariance = clip(this.posteriorLogVariance.forward(hidden), -mostLogVariance, mostLogVariance);
    return { mean: this.posteriorMean.forward(hidden), logVariance };
  }

  /** Logits of the outputs, `[batch, inputSize]`, of the latent variable `z` `[batch, latent]`. */
  decode(z: Tensor, labels?: Tensor): Tensor {
    return this.decoder.forward(this.withLabels(z, labels));
  }

  /**
   * The two terms of the negative evidence lower bound, each `[batch]` in nats: the cross entropy of the outputs for one draw of the latent
   * variable, and the divergence of the posterior from the standard normal prior (Kingma and Welling 2014, appendix B).
   */
  negativeElbo(x: Tensor, labels?: Tensor): { readonly reconstruction: Tensor; readonly divergence: Tensor } {
    const posterior = this.encode(x, labels);
    const z = reparameterize(posterior, random.normal(posterior.mean.shape));
    const reconstruction = reconstructionOf(this.decode(z, labels), x);
    return { reconstruction, divergence: sum(normalDivergence(posterior), { axis: -1 }) };
  }

  /**
   * The importance-weighted lower bound of log p(x) from `samples` draws for each input, `[batch]` in nats (Burda, Grosse and Salakhutdinov
   * 2015, Importance weighted autoencoders, equation 8). With one draw it is the evidence lower bound, with many nearly log p(x). The gradient of the
   * encoder is the doubly reparameterized one, whose mean is the same and whose variance is smaller (Tucker et al. 2019, Doubly reparameterized gradient
   * estimators for Monte Carlo objectives, equation 8).
   */
  importanceBound(x: Tensor, samples: number, labels?: Tensor): Tensor {
    check(Number.isInteger(samples) && samples > 0, () => `importanceBound: got samples ${samples}, expected an integer from 1`);
    const [batch, inputSize] = x.shape as [number, number];
    const posterior = this.encode(x, labels);
    // What reaches the encoder goes through the draws alone, and is weighed by their shares in the bound once more.
    let shares: Tensor;
    const draw = customGradient(
      (z: Tensor) => z,
      (gradient) => [mul(gradient, shares)],
    );
    const z = draw(reparameterize(posterior, random.normal([samples, batch, this.latent])));
    const rows = samples * batch;
    const repeated = labels && expand(labels.reshape([1, batch]), [samples, batch]).reshape([rows]);
    const logits = this.decode(z.reshape([rows, this.latent]), repeated).reshape([samples, batch, inputSize]);
    // The constants of both normal densities cancel.
    const logPrior = sum(square(z), { axis: -1 });
    const mean = stopGradient(posterior.mean);
    const logVariance = stopGradient(posterior.logVariance);
    const logPosterior = sum(add(div(square(sub(z, mean)), exp(logVariance)), logVariance), { axis: -1 });
    const logRatio = mul(sub(logPosterior, logPrior), 0.5);
    const logWeights = sub(logRatio, reconstructionOf(logits, x));
    shares = stopGradient(unsqueeze(softmax(logWeights, { axis: 0 }), { axis: 2 }));
    return sub(logSumExp(logWeights, { axis: 0 }), Math.log(samples));
  }

  private withLabels(x: Tensor, labels: Tensor | undefined): Tensor {
    check(
      (labels !== undefined) === this.classes > 0,
      () => `VariationalAutoencoder: it has ${this.classes} classes, and got ${labels ? "labels" : "no labels"}`,
    );
    return labels ? concat([x, cast(oneHot(labels, this.classes), x.dtype)], { axis: -1 }) : x;
  }
}

/** The cross entropy of Bernoulli outputs, summed over the last axis; the axes before it broadcast. */
const reconstructionOf = (logits: Tensor, x: Tensor): Tensor => sum(sub(softplus(logits), mul(logits, x)), { axis: -1 });

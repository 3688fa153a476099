import { checkOptions, pickOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { checkSizes } from "../nn/sizes.js";
import { add, clip, div, mul, square, sub, where } from "../ops/arithmetic.js";
import { equal } from "../ops/compare.js";
import { zeros } from "../ops/create.js";
import { exp, tanh } from "../ops/elementary.js";
import { gather } from "../ops/indexing.js";
import { logicalOr } from "../ops/logic.js";
import { random } from "../ops/random.js";
import { cumulativeSum, sum } from "../ops/reduce.js";
import { reshape, unsqueeze } from "../ops/shapes.js";
import { concat, slice } from "../ops/slicing.js";
import { type DiagonalNormal, normalDivergence, reparameterize } from "./diagonalNormal.js";
import { type DialogueLayout, DialogueModel, type Dialogues, dialogueOptions } from "./dialogueModel.js";
import { HierarchicalEncoder, type HredOptions, hredOptions, toldSize } from "./hred.js";

/** Sizes and settings of a {@link Vhred}. */
export interface VhredOptions extends HredOptions {
  /** Of the latent variable of an utterance. */
  readonly latent: number;
}

/** What is known of the latent variables of utterances, each `[turns, batch, latent]`. */
export interface Latents {
  /** From the words before. */
  readonly prior: DiagonalNormal;
  /** From these and the utterance itself. */
  readonly posterior: DiagonalNormal;
}

/** The terms of what a {@link Vhred} is trained on, in nats. */
export interface VhredTerms {
  /** The cross entropy of every word and end mark for one draw of the latent variables, `[words, batch]`; 0 at padding. */
  readonly reconstruction: Tensor;
  /** The divergence of the posterior from the prior in each latent unit, `[turns, batch, latent]`; 0 for turns that there are not. */
  readonly divergence: Tensor;
  /** The cross entropy of every word by the latent variable and the context alone, in whatever order, `[words, batch]`; 0 at end marks and padding. */
  readonly bagOfWords: Tensor;
}

/** Logarithms of variances lie within plus or minus this, so that no exponential overflows. */
const mostLogVariance = 10;

/** A diagonal normal distribution of `[..., inputSize]`. */
class NormalNetwork extends Module {
  readonly hidden: Linear;
  readonly mean: Linear;
  readonly logVariance: Linear;

  constructor(inputSize: number, hiddenSize: number, latent: number) {
    super();
    this.hidden = new Linear(inputSize, hiddenSize);
    this.mean = new Linear(hiddenSize, latent);
    this.logVariance = new Linear(hiddenSize, latent);
  }

  forward(x: Tensor): DiagonalNormal {
    const hidden = tanh(this.hidden.forward(x));
    return { mean: this.mean.forward(hidden), logVariance: clip(this.logVariance.forward(hidden), -mostLogVariance, mostLogVariance) };
  }
}

/**
 * The hierarchical encoder-decoder with a latent variable for each utterance (Serban et al. 2017, A hierarchical latent variable encoder-decoder
 * model for generating dialogues). The decoder is told the context and a draw of the variable: from the posterior, which knows the utterance, in
 * training, and from the prior, which knows the context alone, in writing. It can be trained to say the words of the utterance in no order from
 * what the decoder is told (Zhao et al. 2017, Learning discourse-level diversity, section 3.3).
 */
export class Vhred extends DialogueModel {
  readonly encoder: HierarchicalEncoder;
  readonly prior: NormalNetwork;
  readonly posterior: NormalNetwork;
  readonly bag: Linear;

  constructor(readonly options: VhredOptions) {
    const { size, encoderSize, contextSize, latent } = options;
    const told = toldSize(options);
    checkOptions("Vhred", options, { ...hredOptions, latent: "required" });
    checkSizes("Vhred", { latent }, 1);
    super(pickOptions(options, dialogueOptions), told + latent);
    this.encoder = new HierarchicalEncoder(pickOptions<HredOptions>(options, hredOptions));
    this.prior = new NormalNetwork(told, contextSize, latent);
    this.posterior = new NormalNetwork(told + encoderSize, contextSize, latent);
    this.bag = new Linear(told + latent, size);
  }

  contexts(dialogues: Dialogues): Tensor {
    return this.read(this.layout(dialogues)).contexts;
  }

  /** The context with a draw from the prior. */
  condition(contexts: Tensor): Tensor {
    const prior = this.prior.forward(contexts);
    return concat([contexts, reparameterize(prior, random.normal(prior.mean.shape))], { axis: -1 });
  }

  /** What is known of the latent variables of all utterances, before and after they are read. */
  latents(dialogues: Dialogues): Latents {
    return this.known(this.layout(dialogues));
  }

  /** One draw of the latent variables of all utterances, and what it costs. */
  forward(dialogues: Dialogues): VhredTerms {
    const layout = this.layout(dialogues);
    const { before, prior, posterior } = this.known(layout);
    const conditions = concat([before, reparameterize(posterior, random.normal(posterior.mean.shape))], { axis: -1 });
    return {
      reconstruction: this.crossEntropies(layout, conditions),
      divergence: where(unsqueeze(layout.isTurn, { axis: 2 }), normalDivergence(posterior, prior), 0),
      bagOfWords: this.bagOfWords(layout, conditions),
    };
  }

  /**
   * The logarithm of an importance weight of each utterance by one draw from the posterior, `[turns, batch]`: the mean of many weights estimates the
   * utterance's probability given those before (Burda et al. 2015, equation 8). 0 for turns that there are not.
   */
  logWeights(dialogues: Dialogues): Tensor {
    const layout = this.layout(dialogues);
    const { before, prior, posterior } = this.known(layout);
    const noise = random.normal(posterior.mean.shape);
    const latent = reparameterize(posterior, noise);
    const losses = cumulativeSum(this.crossEntropies(layout, concat([before, latent], { axis: -1 })), { axis: 0 });
    const upTo = gather(reshape(losses, [-1]), layout.endRows);
    const reconstruction = sub(upTo, concat([zeros([1, upTo.shape[1] as number]), slice(upTo, [[0, -1]])]));
    // The constants of both normal densities cancel.
    const logPrior = add(div(square(sub(latent, prior.mean)), exp(prior.logVariance)), prior.logVariance);
    const logPosterior = add(square(noise), posterior.logVariance);
    const logRatio = mul(sum(sub(logPosterior, logPrior), { axis: -1 }), 0.5);
    return where(layout.isTurn, sub(logRatio, reconstruction), 0);
  }

  private read(layout: DialogueLayout): { utterances: Tensor; contexts: Tensor } {
    return this.encoder.forward(this.vectorsOf(layout.words), layout);
  }

  private known(layout: DialogueLayout): Latents & { readonly before: Tensor } {
    const { utterances, contexts } = this.read(layout);
    const before = slice(contexts, [[0, -1]]);
    const posterior = this.posterior.forward(concat([before, utterances], { axis: -1 }));
    return { before, prior: this.prior.forward(before), posterior };
  }

  private bagOfWords({ words, turnRows }: DialogueLayout, conditions: Tensor): Tensor {
    const { end, size, padding = 0 } = this.settings;
    const told = reshape(this.bag.forward(conditions), [-1, size]);
    const losses = this.crossEntropyOf(reshape(gather(told, turnRows), [-1, size]), reshape(words, [-1]));
    return where(logicalOr(equal(words, padding), equal(words, end)), 0, reshape(losses, words.shape));
  }
}

import type { DecoderStep } from "../decode/decoder.js";
import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import { sub } from "../ops/arithmetic.js";
import { logSoftmax } from "../ops/normalize.js";
import { logSumExp } from "../ops/reduce.js";
import { stack } from "../ops/slicing.js";
import type { SequenceModel } from "./sequenceModel.js";

/** The state of each member. */
export interface EnsembleState {
  readonly members: readonly object[];
}

/**
 * Models that predict each token together, by the mean of their probabilities. Each was trained by itself from other initial weights, so they
 * make different errors (Hansen and Salamon 1990, Neural network ensembles; for sequences Sutskever et al. 2014, section 3.6).
 */
export class Ensemble extends Module implements SequenceModel<EnsembleState> {
  /** @throws KasaneError where there is no member */
  constructor(readonly members: readonly SequenceModel[]) {
    super();
    check(members.length > 0, () => "Ensemble: no members: expected one or more models");
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return together(this.members.map((member) => member.forward(source, target)));
  }

  encode(source: Tensor, capacity: number): EnsembleState {
    return { members: this.members.map((member) => member.encode(source, capacity)) };
  }

  decoderStep(tokens: Tensor, state: EnsembleState): ReturnType<DecoderStep<EnsembleState>> {
    const steps = this.members.map((member, i) => member.decoderStep(tokens, state.members[i] as object));
    return { logits: together(steps.map(({ logits }) => logits)), state: { members: steps.map((step) => step.state) } };
  }
}

/** The logarithm of the mean of the probabilities that logits `[..., classes]` give. */
export function together(logits: readonly Tensor[]): Tensor {
  const logarithms = stack(logits.map((each) => logSoftmax(each)));
  return sub(logSumExp(logarithms, { axis: 0 }), Math.log(logits.length));
}

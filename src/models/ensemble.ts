import type { DecoderStep } from "../decode/decoder.js";
import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { Module } from "../nn/module.js";
import type { InputSpecification } from "../onnx/model.js";
import { sub } from "../ops/arithmetic.js";
import { logSoftmax } from "../ops/normalize.js";
import { logSumExp } from "../ops/reduce.js";
import { stack } from "../ops/slicing.js";
import type { SequenceModel } from "./sequenceModel.js";

/**
 * Models that predict each token together, by the mean of their probabilities. They were trained each by itself, differ in what they started
 * from, and so err in different places (Hansen and Salamon 1990, Neural network ensembles; for sequences Sutskever et al. 2014, section 3.6).
 */
export class Ensemble extends Module implements SequenceModel {
  /** @throws KasaneError where there is no member */
  constructor(readonly members: readonly SequenceModel[]) {
    super();
    check(members.length > 0, () => "Ensemble: no members: expected one or more models");
  }

  forward(source: Tensor, target: Tensor): Tensor {
    return together(this.members.map((member) => member.forward(source, target)));
  }

  encode(source: Tensor, capacity: number): readonly Tensor[] {
    return this.members.flatMap((member) => member.encode(source, capacity));
  }

  decoderStep(tokens: Tensor, state: readonly Tensor[]): ReturnType<DecoderStep> {
    let taken = 0;
    const steps = this.members.map((member) => {
      const own = state.slice(taken, taken + Object.keys(member.stateInputs(1)).length);
      taken += own.length;
      return member.decoderStep(tokens, own);
    });
    return { logits: together(steps.map(({ logits }) => logits)), state: steps.flatMap((step) => step.state) };
  }

  stateInputs(capacity: number): Record<string, InputSpecification> {
    const named = this.members.map((member, i) =>
      Object.entries(member.stateInputs(capacity)).map(([name, input]) => [`${i}.${name}`, input]),
    );
    return Object.fromEntries(named.flat());
  }
}

/** The logarithm of the mean of the probabilities. */
function together(logits: readonly Tensor[]): Tensor {
  const logarithms = stack(logits.map((each) => logSoftmax(each)));
  return sub(logSumExp(logarithms, { axes: 0 }), Math.log(logits.length));
}

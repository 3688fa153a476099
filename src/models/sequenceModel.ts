import type { DecoderStep } from "../decode/decoder.js";
import type { Tensor } from "../graph/tensor.js";
import type { Module } from "../nn/module.js";

/**
 * A model that writes a target sequence having read a source sequence. Sequences are int32 ids, filled up at their ends with padding.
 * @typeParam State what it carries from token to token: a tree of tensors
 */
export interface SequenceModel<State extends object = object> extends Module {
  /**
   * The model in training: every target token is predicted from those before it.
   * @param source `[batch, sources]`
   * @param target `[batch, targets]`, from the mark of the beginning on
   * @returns logits `[batch, targets, targetVocabulary]` of the token after each
   */
  forward(source: Tensor, target: Tensor): Tensor;

  /**
   * Reads sources, once, for {@link decoderStep}.
   * @param capacity how many steps there will be at most
   * @returns the state before the first step; the first axis of each tensor is the batch, and no row depends on another, so that rows may be
   * left out, repeated and gathered
   */
  encode(source: Tensor, capacity: number): State;

  /**
   * One more token of each sequence, as `decode` takes it. Its cost does not depend on the number of tokens before.
   * @param tokens `[batch]`, at first the mark of the beginning
   */
  decoderStep(tokens: Tensor, state: State): ReturnType<DecoderStep<State>>;
}

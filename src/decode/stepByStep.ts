import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import type { Tree } from "../graph/tree.js";
import { div, sub, where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { less } from "../ops/compare.js";
import { takeAlongAxis } from "../ops/indexing.js";
import { softmax } from "../ops/normalize.js";
import { random } from "../ops/random.js";
import { argmax, cumulativeSum, logSumExp } from "../ops/reduce.js";
import { reshape } from "../ops/shapes.js";
import { topKOfNumbers } from "../ops/sorting.js";
import {
  CompiledStep,
  checkDecoding,
  type DecodeOptions,
  type Decoder,
  type DecoderStep,
  decodeOptions,
  decoder,
  type Hypothesis,
  remaining,
  rowsOf,
} from "./decoder.js";

/**
 * Takes the most probable token at every step.
 * @returns a decoder that gives one hypothesis for each row
 */
export function greedy<State extends Tree<State>>(step: DecoderStep<State>, options: DecodeOptions): Decoder<State, Hypothesis[]> {
  checkDecoding("greedy", options, decodeOptions);
  return stepByStep(step, (logits) => argmax(logits, { axis: -1 }), options);
}

/** How tokens are drawn. By default with the model's own probabilities. */
export interface SampleOptions extends DecodeOptions {
  /** What logits are divided by. Below 1 probable tokens are drawn more often, above 1 less often. */
  readonly temperature?: number;
  /** Draws only from this number of the most probable tokens (Fan et al. 2018, Hierarchical neural story generation). */
  readonly topK?: number;
  /** Draws only from the fewest most probable tokens whose probabilities sum to this (Holtzman et al. 2020, nucleus sampling). */
  readonly topP?: number;
}

/**
 * Draws every token at random; the temperature comes first, then `topK`, then `topP` of what is left. The draws follow from `seed`.
 * @returns a decoder that gives one hypothesis for each row, with its probability under the model as it is, at temperature 1
 */
export function sample<State extends Tree<State>>(step: DecoderStep<State>, options: SampleOptions): Decoder<State, Hypothesis[]> {
  checkDecoding("sample", options, { ...decodeOptions, temperature: "optional", topK: "optional", topP: "optional" });
  const { temperature = 1, topK: kept, topP = 1 } = options;
  check(temperature > 0, () => `sample: temperature ${temperature}: expected a number above 0; for the limit at 0 use greedy`);
  check(kept === undefined || (Number.isInteger(kept) && kept > 0), () => `sample: topK ${kept}: expected an integer from 1`);
  check(topP > 0 && topP <= 1, () => `sample: topP ${topP}: expected a probability above 0`);
  const draw = (logits: Tensor): Tensor => {
    const scaled = div(logits, temperature);
    if (kept === undefined && topP === 1) return random.categorical(scaled);
    const vocabulary = logits.shape[1] as number;
    const { values, indices } = topKOfNumbers(scaled, Math.min(kept ?? vocabulary, vocabulary));
    const probabilities = softmax(values);
    // The probability of all more probable tokens together.
    const before = sub(cumulativeSum(probabilities), probabilities);
    const place = random.categorical(topP === 1 ? values : where(less(before, topP), values, Number.NEGATIVE_INFINITY));
    return reshape(takeAlongAxis(indices, reshape(place, [-1, 1])), [-1]);
  };
  return stepByStep(step, draw, options);
}

/** @param choose one token of each row of logits `[rows, vocabulary]`: `[rows]` */
function stepByStep<State extends object>(
  step: DecoderStep<State>,
  choose: (logits: Tensor) => Tensor,
  options: DecodeOptions,
): Decoder<State, Hypothesis[]> {
  const { begin, end, maximumLength, device } = options;
  const compiled = new CompiledStep(
    step,
    (logits) => {
      const tokens = choose(logits);
      const chosen = reshape(takeAlongAxis(logits, reshape(tokens, [-1, 1])), [-1]);
      return { tokens, logProbabilities: cast(sub(chosen, logSumExp(logits, { axis: -1 })), "float32") };
    },
    device,
  );
  const search = async (first: State) => {
    const hypotheses = Array.from({ length: rowsOf(first) }, () => ({ tokens: [] as number[], logProbability: 0, ended: false }));
    await compiled.begin(first, Int32Array.from(hypotheses.keys()));
    /** What each row writes. */
    let writing = hypotheses;
    let last = new Int32Array(writing.length).fill(begin);
    for (let length = 0; length < maximumLength && writing.some(({ ended }) => !ended); length++) {
      const rows = remaining(writing.map(({ ended }) => ended));
      if (rows) {
        writing = rows.map((row) => writing[row] as (typeof writing)[number]);
        last = Int32Array.from(rows, (row) => last[row] as number);
        await compiled.keep(Int32Array.from(rows));
      }
      const choice = await compiled.advance(last, {});
      const [tokens, logProbabilities] = await Promise.all([choice.tokens.data(), choice.logProbabilities.data()]);
      writing.forEach((hypothesis, row) => {
        // A row that has ended is still computed: without it the graph would be another.
        if (hypothesis.ended) return;
        const token = Number(tokens[row]);
        hypothesis.logProbability += Number(logProbabilities[row]);
        if (token === end) hypothesis.ended = true;
        else hypothesis.tokens.push(token);
        last[row] = token;
      });
    }
    return hypotheses;
  };
  return decoder(compiled, search);
}

import { check } from "../graph/error.js";
import { type Node, nextNodeId, type Tensor } from "../graph/tensor.js";
import { nodesSince, replay } from "../graph/walk.js";
import { cast } from "../ops/cast.js";
import { apply, applyAll, declare, family } from "../ops/operator.js";
import { concat, reshape, slice } from "../ops/shapes.js";
import { checkGradient, pullBack } from "./grad.js";

type Backward = (gradients: readonly (Tensor | undefined)[], index: number) => Tensor | undefined;

/** Operators that compute nothing: they stand in the graph for what the reverse walk shall do. */
const markers = family({
  StopGradient: { infer: ([x]) => x, gradient: "nonDifferentiable", lower: ([x]) => x },
  // Inputs: first the values, which come out unchanged, then what they are differentiated by.
  CustomGradient: declare<{ values: number; backward: Backward }>({
    infer: (inputs, { values }) => inputs.slice(0, values),
    gradient: (_, __, ___, { values, backward }, { gradients, index }) =>
      index < values ? undefined : backward(gradients, index - values),
    lower: (inputs, { values }) => inputs.slice(0, values),
    distinct: true,
  }),
  // Output 0 is input 0, but not before input 1 is there: joined with none of its elements.
  After: {
    infer: ([x]) => x,
    gradient: [(g) => g, undefined],
    lower: ([x, other]) => reshape(concat([reshape(x, [x.size]), cast(slice(reshape(other, [other.size]), [[0, 0]]), x.dtype)]), x.shape),
  },
});

/** `x`, as a constant to every gradient. */
export const stopGradient = (x: Tensor): Tensor => apply(markers.StopGradient, [x]);

/**
 * A function with a gradient of your own.
 * @param forward what it computes
 * @param backward given the gradient of the result, the inputs and the result, returns the gradient of each input, each of its input's shape
 */
export function customGradient<Inputs extends readonly Tensor[]>(
  forward: (...inputs: Inputs) => Tensor,
  backward: (gradient: Tensor, inputs: Inputs, output: Tensor) => readonly (Tensor | undefined)[],
): (...inputs: Inputs) => Tensor {
  return (...inputs) => {
    const output = forward(...inputs);
    const rule: Backward = ([gradient], index) => {
      const result = gradient && backward(gradient, inputs, output)[index];
      return result && checkGradient("customGradient", result, inputs[index] as Tensor);
    };
    return apply(markers.CustomGradient, [output, ...inputs], { values: 1, backward: rule });
  };
}

/**
 * `forward(...inputs)`, whose inner values are not kept for the gradient but computed a second time when it is needed:
 * less memory for more work (Chen et al. 2016, Training Deep Nets with Sublinear Memory Cost).
 * @param forward plain tensor code; variables that it reads get their gradients too
 */
export function checkpoint<Inputs extends readonly Tensor[], Result extends Tensor | readonly Tensor[]>(
  forward: (...inputs: Inputs) => Result,
  ...inputs: Inputs
): Result {
  check(inputs.length > 0, () => "checkpoint: got no inputs: pass the activations that the function starts from");
  const start = nextNodeId();
  const result = forward(...inputs);
  const values = [result].flat() as Tensor[];
  const { nodes, borders } = nodesSince(start, values);
  // What the inner values are computed from: the inputs, and what the function took from around it.
  const outer = [...new Set<Tensor>([...inputs, ...borders])];
  let done: { gradients: readonly (Tensor | undefined)[]; results: readonly Tensor[] } | undefined;
  const backward: Backward = (gradients, index) => {
    const same = done?.gradients.every((gradient, i) => gradient === gradients[i]);
    if (!done || !same) {
      const trigger = gradients.find((gradient) => gradient !== undefined) as Tensor;
      const fresh = outer.map((x, i) => (i < inputs.length ? apply(markers.After, [x, trigger]) : x));
      done = {
        gradients,
        results: pullBack(replay(values, nodes, new Map(outer.map((x, i) => [x, fresh[i] as Tensor]))), gradients, fresh, true),
      };
    }
    return done.results[index];
  };
  const marked = applyAll(markers.CustomGradient, [...values, ...outer], { values: values.length, backward });
  return (Array.isArray(result) ? marked : marked[0]) as Result;
}

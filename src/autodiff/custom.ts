import { check } from "../graph/error.js";
import { nextNodeId, type Tensor } from "../graph/tensor.js";
import { nodesSince, replay } from "../graph/walk.js";
import { cast } from "../ops/cast.js";
import { apply, applyAll, declare, family } from "../ops/operator.js";
import { reshape } from "../ops/shapes.js";
import { concat, slice } from "../ops/slicing.js";
import { checkGradient, pullBack } from "./grad.js";

/**
 * The gradients of a marker's inputs, given those of its values. The inputs and the values are asked of the node: where its graph
 * was made again, on other leaves, they are not those that it was first made with.
 */
type Backward = (
  gradients: readonly (Tensor | undefined)[],
  inputs: readonly Tensor[],
  values: readonly Tensor[],
) => readonly (Tensor | undefined)[];

/** Operators that compute nothing: they stand in the graph for what the reverse walk shall do. */
const markers = family({
  StopGradient: declare({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    linearity: "together",
    decompose: ([x]) => x,
  }),
  // Inputs: first the values, which come out unchanged, then what they are differentiated by.
  CustomGradient: declare<{ values: number; backward: Backward }>({
    infer: (inputs, { values }) => inputs.slice(0, values),
    kind: { is: "opaque" },
    gradient: {
      all: ({ gradients, inputs, outputs, attributes: { values, backward } }) => [
        ...outputs.map(() => undefined),
        ...backward(gradients, inputs.slice(values), outputs),
      ],
    },
    decompose: (inputs, { values }) => inputs.slice(0, values),
  }),
  // Output 0 is input 0, but not before input 1 is there: joined with none of its elements.
  After: declare({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    gradient: [(g) => g, undefined],
    decompose: ([x, other]) =>
      reshape(concat([reshape(x, [x.size]), cast(slice(reshape(other, [other.size]), [[0, 0]]), x.dtype)]), x.shape),
  }),
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
  const rule: Backward = ([gradient], inputs, [output]) => {
    if (!gradient) return inputs.map(() => undefined);
    const results = backward(gradient, inputs as unknown as Inputs, output as Tensor);
    check(
      Array.isArray(results) && results.length === inputs.length,
      () =>
        `customGradient: backward gave ${Array.isArray(results) ? results.length : "no list of"} gradients, expected a list of ${inputs.length}`,
    );
    return inputs.map((x, i) => results[i] && checkGradient("customGradient", results[i], x));
  };
  return (...inputs) => apply(markers.CustomGradient, [forward(...inputs), ...inputs], { values: 1, backward: rule });
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
  const backward: Backward = (gradients, operands) => {
    const trigger = gradients.find((gradient) => gradient !== undefined) as Tensor;
    const fresh = operands.map((x, i) => (i < inputs.length ? apply(markers.After, [x, trigger]) : x));
    const again = replay(values, nodes, new Map(outer.map((x, i) => [x, fresh[i] as Tensor])));
    return pullBack(again, gradients, fresh, true);
  };
  const marked = applyAll(markers.CustomGradient, [...values, ...outer], { values: values.length, backward });
  return (Array.isArray(result) ? marked : marked[0]) as Result;
}

import type { Attributes, Tensor } from "../graph/tensor.js";
import { withFallback } from "./choice.js";
import { applyAll, declare, family } from "./operator.js";
import { reshape } from "./shapes.js";
import { concat, split } from "./slicing.js";

interface RecurrentAttributes {
  readonly hiddenSize: number;
  /** The parts of the state: 1, or an LSTM's 2. */
  readonly parts: number;
  /** Which of ONNX's inputs are given; the others are left out. */
  readonly given: readonly boolean[];
  /** What ONNX is told beside the hidden size. */
  readonly onnx: Attributes;
}

/**
 * One direction of a recurrent layer over all steps. Inputs: those that ONNX takes. Outputs: the hidden states `[time, batch, hiddenSize]`, and the parts of the last state `[batch, hiddenSize]`.
 */
const wholeLayer = declare<RecurrentAttributes>({
  infer: ([{ dtype, shape }], { hiddenSize, parts }) => {
    const [time, batch] = shape as [number, number];
    return [{ dtype, shape: [time, batch, hiddenSize] }, ...Array.from({ length: parts }, () => ({ dtype, shape: [batch, hiddenSize] }))];
  },
  kind: { is: "opaque" },
  // A gradient needs values within the steps, which these operators do not give out: it goes through the fallback (see wholeLayerOf).
  gradient: "nonDifferentiable",
  emit: (emitter, inputs, { given, hiddenSize, parts, onnx }, { operator }) => {
    const own = [...inputs];
    const operands = given.map((each) => (each ? (own.shift() as string) : ""));
    const [outputs, ...last] = emitter.node(operator.type, operands, { hidden_size: hiddenSize, ...onnx }, 1 + parts);
    const without = (axis: number, value: string) => emitter.node("Squeeze", [value, emitter.int64([axis])])[0] as string;
    // ONNX has an axis of directions: [time, 1, batch, hiddenSize], [1, batch, hiddenSize].
    return [without(1, outputs as string), ...last.map((part) => without(0, part))];
  },
});

/** ONNX's own recurrent operators. */
export const recurrent = family({ RNN: wholeLayer, LSTM: wholeLayer, GRU: wholeLayer });

/** What ONNX has for a kind of cell. */
export interface RecurrentForm {
  readonly type: keyof typeof recurrent;
  /** Which of our gates each of ONNX's is. */
  readonly gates: readonly number[];
  readonly attributes?: Attributes;
}

/** What a layer is computed from. */
export interface RecurrentOperands {
  /** `[time, batch, inputSize]` */
  readonly x: Tensor;
  readonly weightInput: Tensor;
  readonly weightHidden: Tensor;
  readonly biasInput?: Tensor | undefined;
  readonly biasHidden?: Tensor | undefined;
  /** `[batch]` */
  readonly lengths?: Tensor | undefined;
  /** Each `[batch, hiddenSize]`; undefined: zeros. */
  readonly state?: readonly Tensor[] | undefined;
  readonly reverse: boolean;
}

/**
 * `steps` (the hidden states, and the parts of the last state), which are computed by ONNX's operator for the whole layer unless a gradient
 * needs the values within the steps.
 */
export function wholeLayerOf(
  { type, gates, attributes }: RecurrentForm,
  operands: RecurrentOperands,
  steps: readonly Tensor[],
): readonly Tensor[] {
  const { x, weightInput, weightHidden, biasInput, biasHidden, lengths, state, reverse } = operands;
  const ordered = (stacked: Tensor) => {
    const parts = split(stacked, gates.length);
    return concat(gates.map((gate) => parts[gate] as Tensor));
  };
  const directed = (value: Tensor) => reshape(value, [1, ...value.shape]);
  const bias = biasInput && biasHidden && directed(concat([ordered(biasInput), ordered(biasHidden)]));
  const slots = [x, directed(ordered(weightInput)), directed(ordered(weightHidden)), bias, lengths, ...(state ?? []).map(directed)];
  const given = slots.filter((slot) => slot !== undefined);
  const whole = applyAll(recurrent[type], given, {
    hiddenSize: weightHidden.shape[1] as number,
    parts: steps.length - 1,
    given: slots.map((slot) => slot !== undefined),
    onnx: { direction: reverse ? "reverse" : "forward", ...attributes },
  });
  return withFallback(whole, steps);
}

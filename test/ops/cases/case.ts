import { type DType, type Tensor, tensor } from "kasane";
import { convert, isFloat } from "../../../src/graph/dtype.js";
import type { Shape } from "../../../src/graph/shape.js";

/** What an operand of a case holds; floats are float32, or float64 where gradients are checked by differences. */
export interface Input {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly values: readonly number[];
  /** Whether nothing is differentiated by it although it is a float. */
  readonly constant?: boolean;
}

/** Whether the gradient by an input is asked for. */
export const isDifferentiated = ({ dtype, constant }: Input): boolean => isFloat(dtype) && !constant;

/** One use of a function, whose values and gradients are compared with PyTorch's. */
export interface Case {
  readonly what: string;
  readonly inputs: readonly Input[];
  readonly call: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
  /** Whether an operand lies where the function bends or ties, so that no difference quotient tells its gradient. */
  readonly bent?: boolean;
}

/** The cases of each function of the library, under its name. */
export type CaseTable = Readonly<Record<string, readonly Case[]>>;

/** An input that knows which operand it is, so that two operands of one shape hold different numbers. */
type Operand = Input | ((place: number) => Input);

/** A case; see {@link Case}. */
export const of = (
  what: string,
  operands: readonly Operand[],
  call: (...inputs: Tensor[]) => Tensor | readonly Tensor[],
  more: { bent?: boolean } = {},
): Case => ({ what, inputs: operands.map((operand, i) => (typeof operand === "function" ? operand(i) : operand)), call, ...more });

/** Distinct numbers spread evenly over (low, high) in a scrambled order: none is 0, whole or half, and no two operands share one. */
export const spread =
  (shape: Shape, low = -2, high = 2): Operand =>
  (place) => {
    const size = shape.reduce((product, n) => product * n, 1);
    let stride = Math.max(1, Math.round(size * 0.618));
    while (greatestCommonDivisor(stride, size) > 1) stride++;
    const values = Array.from(
      { length: size },
      (_, i) => low + ((high - low) * (((i * stride + place) % size) + 0.3 + 0.17 * place)) / size,
    );
    return { dtype: "float32", shape, values: values.map(Math.fround) };
  };

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** The given numbers along one axis, or filling `shape`. */
export const list = (values: readonly number[], shape: Shape = [values.length], dtype: DType = "float32"): Input => ({
  dtype,
  shape,
  values: isFloat(dtype) ? values.map(Math.fround) : values,
});

/** {@link list} by which nothing is differentiated. */
export const constant = (values: readonly number[], shape?: Shape): Input => ({ ...list(values, shape), constant: true });

/** {@link list} of whole numbers. */
export const whole = (values: readonly number[], shape?: Shape): Input => list(values, shape, "int32");

/** {@link list} of truth values, 0 and 1. */
export const truth = (values: readonly number[], shape?: Shape): Input => list(values, shape, "bool");

/** The input as a tensor, floats of the given type. */
export const toTensor = ({ dtype, shape, values }: Input, float: DType = "float32"): Tensor => {
  const type = isFloat(dtype) ? float : dtype;
  return tensor(convert(values, type), { shape, dtype: type });
};

/** What the elements of an output of so many elements count in the loss whose gradient is compared. */
export const lossWeights = (size: number): number[] => Array.from({ length: size }, (_, i) => Math.fround(Math.sin(2.3 * i + 1)));

import { arrayOf, convert, type DType, elementAt, type TypedArray } from "../graph/dtype.js";
import type { Shape } from "../graph/shape.js";
import { hostData, type Node, type Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { expandView, rowMajor, type View } from "../graph/view.js";
import { numbers } from "./algebra.js";
import { asOperands, operatorOf } from "./operator.js";

/** Larger values are left to the engine. */
const mostElements = 2 ** 16;

type Values = readonly (TypedArray | undefined)[];

/** The values of nodes, without and with those that variables began with. */
const memory = { constants: new WeakMap<Node, Values>(), initial: new WeakMap<Node, Values>() };

/**
 * The elements of a tensor that follows from constants alone, computed here and now, as shapes must be while a graph is made; undefined where
 * they depend on an input, are many, or come from an operator that declares too little to compute it.
 * @param options.initial whether a variable counts as the constant that it began as
 */
export function hostValue(x: Tensor, { initial = false } = {}): TypedArray | undefined {
  if (x instanceof Variable) return initial ? hostValue(x.initial) : undefined;
  if (x.source.kind !== "node") return hostData(x);
  if (x.size > mostElements) return undefined;
  const known = initial ? memory.initial : memory.constants;
  const found = known.get(x.source);
  if (found) return found[x.index];
  const operands: TypedArray[] = [];
  for (const input of x.source.inputs) {
    const data = input.size > mostElements ? hostData(input) : hostValue(input, { initial });
    if (!data) return undefined;
    operands.push(data);
  }
  const values = compute(x.source, operands, initial);
  known.set(x.source, values);
  return values[x.index];
}

function compute(node: Node, operands: readonly TypedArray[], initial: boolean): Values {
  const { kind, decompose } = operatorOf(node);
  const [y] = node.outputs as [Tensor];
  const { inputs, attributes } = node;
  switch (kind.is) {
    case "source":
      return [convert(kind.elements(attributes), y.dtype)];
    case "elementwise": {
      const columns = inputs.map((input, i) =>
        elements(operands[i] as TypedArray, expandView(rowMajor(input.shape), y.shape), input.dtype),
      );
      if (columns.some((column) => column === undefined)) return [undefined];
      const values = Array.from({ length: y.size }, (_, i) => {
        const at = columns.map((column) => (column as number[])[i] as number) as [number, number, number];
        return kind.expression(numbers, at, attributes);
      });
      return [rounded(values, y.dtype)];
    }
    case "movement":
      return node.outputs.map((output) => {
        const [x] = inputs as [Tensor];
        const view = kind.movement(rowMajor(x.shape), attributes, output.index);
        return view && pick(operands[0] as TypedArray, places(view), x.dtype);
      });
    case "placement": {
      const { starts, around } = kind.placement(inputs, attributes);
      const result = convert(new Array<number>(y.size).fill(around), y.dtype);
      const { strides } = rowMajor(y.shape);
      inputs.forEach((input, k) => {
        const offset = strides.reduce((sum, stride, axis) => sum + stride * ((starts[k] as number[])[axis] as number), 0);
        places({ shape: input.shape, strides, offset }).forEach((place, i) => {
          result[place] = (operands[k] as TypedArray)[i] as never;
        });
      });
      return [result];
    }
    case "selection": {
      const { axis, whole, does } = kind.selection(attributes);
      const [x, indices] = inputs as [Tensor, Tensor];
      if (does !== "take") return [undefined];
      const list = selected(x.shape, operands[1] as TypedArray, indices.shape, axis, whole);
      return [list && pick(operands[0] as TypedArray, list, x.dtype)];
    }
    case "reduction": {
      const { axes, initial: start, combine, averages } = kind.reduction(attributes);
      const [x] = inputs as [Tensor];
      const order = [...x.shape.keys()].filter((axis) => !axes.includes(axis)).concat(axes);
      const { strides } = rowMajor(x.shape);
      const view = {
        shape: order.map((axis) => x.shape[axis] as number),
        strides: order.map((axis) => strides[axis] as number),
        offset: 0,
      };
      const column = elements(operands[0] as TypedArray, view, x.dtype);
      const count = axes.reduce((product, axis) => product * (x.shape[axis] as number), 1);
      if (!column) return [undefined];
      const totals = Array.from({ length: y.size }, (_, i) => {
        const total = column.slice(i * count, (i + 1) * count).reduce((sum, value) => combine(numbers, sum, value), start);
        return averages ? total / count : total;
      });
      return [rounded(totals, y.dtype)];
    }
    default: {
      const parts = decompose?.(asOperands(inputs), attributes);
      return parts ? [parts].flat().map((part) => hostValue(part, { initial })) : [];
    }
  }
}

/** The places of a view's elements, in row-major order. */
function places({ shape, strides, offset }: View): number[] {
  let result = [offset];
  shape.forEach((size, axis) => {
    const stride = strides[axis] as number;
    result = result.flatMap((place) => Array.from({ length: size }, (_, i) => place + i * stride));
  });
  return result;
}

/** The elements of a view as numbers; undefined where a number does not hold one. */
function elements(data: TypedArray, view: View, dtype: DType): number[] | undefined {
  const list = places(view).map((place) => Number(elementAt(data, place, dtype)));
  // The ends of int64 stand for "as far as it goes".
  const isHeld = (value: number) => Number.isSafeInteger(value) || Math.abs(value) >= 2 ** 63 - 1024;
  return dtype !== "int64" || list.every(isHeld) ? list : undefined;
}

/** Computed numbers as elements: integers are cut off; undefined where the dtype does not hold one. */
function rounded(values: readonly number[], dtype: DType): TypedArray | undefined {
  if (!dtype.includes("int")) return convert(values, dtype);
  const whole = values.map(Math.trunc);
  if (whole.some(Number.isNaN)) return undefined;
  if (dtype !== "int64") return convert(whole, dtype);
  const end = 2n ** 63n;
  return BigInt64Array.from(whole, (value) => (value >= 2 ** 63 ? end - 1n : value <= -(2 ** 63) ? -end : BigInt(value)));
}

/** The places of the slices, or of the elements, that indices name along an axis; undefined where one is out of range. */
function selected(shape: Shape, indices: TypedArray, indexShape: Shape, axis: number, whole: boolean): number[] | undefined {
  const size = shape[axis] as number;
  const { strides } = rowMajor(shape);
  const stride = strides[axis] as number;
  const at = Array.from<number | bigint, number>(indices, (index) => (Number(index) < 0 ? Number(index) + size : Number(index)));
  if (at.some((index) => index < 0 || index >= size)) return undefined;
  if (!whole) {
    const others = places({ shape: indexShape, strides: strides.map((each, i) => (i === axis ? 0 : each)), offset: 0 });
    return others.map((place, i) => place + (at[i] as number) * stride);
  }
  const before = places({ shape: shape.slice(0, axis), strides, offset: 0 });
  const after = places({ shape: shape.slice(axis + 1), strides: strides.slice(axis + 1), offset: 0 });
  return before.flatMap((start) => at.flatMap((index) => after.map((rest) => start + index * stride + rest)));
}

/** The elements at some places. */
function pick(data: TypedArray, list: readonly number[], dtype: DType): TypedArray {
  const result = new (arrayOf(dtype))(list.length);
  list.forEach((place, i) => {
    result[i] = data[place] as never;
  });
  return result;
}

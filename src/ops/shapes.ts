import { convert } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import {
  broadcast,
  broadcastOrThrow,
  checkIsShape,
  checkShape,
  normalizeAxis,
  type Shape,
  sameShape,
  showShape,
  sizeOf,
} from "../graph/shape.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { expandView, reshapeView, transposeView } from "../graph/view.js";
import { type AxesOptions, axesOf, checkAxisOptions } from "./axis.js";
import { cast } from "./cast.js";
import { checkTensors } from "./constants.js";
import { match } from "./match.js";
import { apply, asOperands, declare, family, operatorOf } from "./operator.js";

/** Operators that give the same elements another shape. */
export const shapes = family({
  Reshape: declare<{ shape: Shape }>({
    infer: ([x], { shape }) => ({ dtype: x.dtype, shape }),
    kind: { is: "movement", movement: (view, { shape }) => reshapeView(view, shape) },
    gradient: [(g, [x]) => reshape(g, x.shape)],
    simplify: ([x], { shape }) => simplerReshape(x, shape),
    linearity: "together",
    // Unless told otherwise, ONNX takes a size of 0 for that of the input.
    emit: (emitter, [x], { shape }) =>
      emitter.node("Reshape", [x as string, emitter.int64(shape)], { allowzero: shape.includes(0) ? 1 : undefined }),
    read: (node) => {
      const [x, given] = [node.input(0), node.integersOf("shape", 1) ?? []];
      const takesOver = node.integer("allowzero", 0) === 0;
      const shape = given.map((size, axis) => (size === 0 && takesOver ? (x.shape[axis] ?? 0) : size));
      return reshape(x, node.liftedShape(x, shape));
    },
  }),
  Transpose: declare<{ perm: readonly number[] }>({
    infer: ([x], { perm }) => ({ dtype: x.dtype, shape: perm.map((axis) => x.shape[axis] as number) }),
    kind: { is: "movement", movement: (view, { perm }) => transposeView(view, perm) },
    gradient: [
      (g, _, __, { perm }) =>
        transpose(
          g,
          perm.map((_, axis) => perm.indexOf(axis)),
        ),
    ],
    linearity: "together",
    simplify: ([x], { perm }) => (swapsLast(perm) ? transposedResult(x) : undefined),
    read: (node) => transpose(node.input(0), node.integers("perm") ?? [...node.input(0).shape.keys()].reverse()),
  }),
  Expand: declare<{ shape: Shape }>({
    infer: ([x], { shape }) => ({ dtype: x.dtype, shape }),
    kind: { is: "movement", movement: (view, { shape }) => expandView(view, shape) },
    // The reverse walk sums over the axes that were broadcast.
    gradient: [(g) => g],
    linearity: "together",
    decompose: ([x], { shape }) => (sizeOf(shape) === 0 ? fromData(convert([], x.dtype), shape, x.dtype) : undefined),
    emit: (emitter, [x], { shape }) => emitter.node("Expand", [x as string, emitter.int64(shape)]),
    // The shape may have 1 where the tensor has more.
    read: (node) => expand(node.input(0), broadcastOrThrow("Expand", node.input(0).shape, node.known(1) ?? [])),
  }),
});

/** The same elements in row-major order under another shape; one size may be -1, which is worked out. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  checkTensors("reshape", x);
  checkIsShape("reshape", shape);
  const known = shape.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const target = shape.map((size) => (size === -1 ? x.size / known : size));
  check(
    shape.filter((size) => size === -1).length <= 1 &&
      target.every((size) => Number.isInteger(size) && size >= 0) &&
      sizeOf(target) === x.size,
    () => `reshape: ${showShape(x.shape)} has ${x.size} elements, which do not fill ${showShape(shape)}`,
  );
  return sameShape(target, x.shape) ? x : apply(shapes.Reshape, [x], { shape: target });
}

/** A reshape of a reshape is one, and one value everywhere is so in any shape. Not before a graph is prepared: a gradient may be asked by `x`. */
function simplerReshape(x: Tensor, shape: Shape): Tensor | undefined {
  const reshaped = match(x, shapes.Reshape);
  if (reshaped) return reshape(reshaped.inputs[0], shape);
  const [origin] = match(x, shapes.Expand)?.inputs ?? [];
  return origin?.size === 1 ? expand(reshape(origin, []), shape) : undefined;
}

/** Whether the last two axes change places, and the others stay. */
export const swapsLast = (perm: readonly number[]): boolean => {
  const last = perm.length - 1;
  return last > 0 && perm.every((axis, i) => axis === (i < last - 1 ? i : 2 * last - 1 - i));
};

/** The transpose of matrix products, where its declaration says what that is. */
function transposedResult({ source }: Tensor): Tensor | undefined {
  if (source.kind !== "node") return undefined;
  const { kind } = operatorOf(source);
  return kind.is === "product" ? kind.transposed?.(asOperands(source.inputs), source.attributes) : undefined;
}

/** The axes in another order; by default the last two change places. */
export function transpose(x: Tensor, order?: readonly number[]): Tensor {
  checkTensors("transpose", x);
  check(
    order === undefined || Array.isArray(order),
    () => `transpose: got ${JSON.stringify(order)}, expected the axes in their new order, such as [1, 0]`,
  );
  check(order !== undefined || x.rank >= 2, () => `transpose: ${showShape(x.shape)} has no two last axes to swap`);
  const given = order ?? [...Array(x.rank - 2).keys(), x.rank - 1, x.rank - 2];
  const perm = given.map((axis) => normalizeAxis("transpose", axis, x.rank));
  check(
    new Set(perm).size === x.rank && perm.length === x.rank,
    () => `transpose: axes [${given}] are not an order of the ${x.rank} axes of ${showShape(x.shape)}`,
  );
  // A transpose of a transpose is one, or none.
  const inner = match(x, shapes.Transpose);
  const before = inner?.attributes.perm;
  const whole = before ? perm.map((axis) => before[axis] as number) : perm;
  const origin = inner?.inputs[0] ?? x;
  return whole.every((axis, i) => axis === i) ? origin : apply(shapes.Transpose, [origin], { perm: whole });
}

/** {@link transpose} under the name that PyTorch gives it: the axes in a given order. */
export const permute = (x: Tensor, order: readonly number[]): Tensor => transpose(x, order ?? []);

/** `x` repeated along axes of size 1 (or new ones in front) to fill `shape`; an axis of size -1 stays as it is. */
export function expand(x: Tensor, shape: Shape): Tensor {
  checkTensors("expand", x);
  checkIsShape("expand", shape);
  const added = shape.length - x.rank;
  const target = shape.map((size, axis) => (size === -1 ? (x.shape[axis - added] ?? size) : size));
  checkShape("expand", target);
  if (sameShape(x.shape, target)) return x;
  const result = broadcast(x.shape, target);
  check(result !== undefined && sameShape(result, target), () => `expand: ${showShape(x.shape)} does not broadcast to ${showShape(shape)}`);
  return apply(shapes.Expand, [x], { shape: target });
}

/** Without the axes of size 1, or only without those that `axis` names. */
export function squeeze(x: Tensor, options: AxesOptions = {}): Tensor {
  checkTensors("squeeze", x);
  const named = axesOf("squeeze", options, x.rank);
  const list = options.axis === undefined ? named.filter((axis) => x.shape[axis] === 1) : named;
  for (const axis of list)
    check(x.shape[axis] === 1, () => `squeeze: axis ${axis} of ${showShape(x.shape)} has size ${x.shape[axis]}, not 1`);
  return reshape(
    x,
    x.shape.filter((_, axis) => !list.includes(axis)),
  );
}

/** With new axes of size 1: `axis` names one or several, counted in the result. */
export function unsqueeze(x: Tensor, options: Required<AxesOptions>): Tensor {
  checkTensors("unsqueeze", x);
  checkAxisOptions<Required<AxesOptions>>("unsqueeze", options, { axis: "required" });
  const shape = [...x.shape];
  const count = Array.isArray(options.axis) ? options.axis.length : 1;
  for (const axis of axesOf("unsqueeze", options, x.rank + count)) shape.splice(axis, 0, 1);
  return reshape(x, shape);
}

/** `x` repeated so many times along each axis; counts for fewer axes are for the last ones. */
export function tile(x: Tensor, repeats: readonly number[]): Tensor {
  checkTensors("tile", x);
  checkShape("tile", repeats);
  const rank = Math.max(x.rank, repeats.length);
  const shape = [...new Array<number>(rank - x.rank).fill(1), ...x.shape];
  const counts = [...new Array<number>(rank - repeats.length).fill(1), ...repeats];
  const spread = expand(
    reshape(
      x,
      shape.flatMap((size) => [1, size]),
    ),
    shape.flatMap((size, i) => [counts[i] as number, size]),
  );
  return reshape(
    spread,
    shape.map((size, i) => size * (counts[i] as number)),
  );
}

/** The faces that tensors have as methods too. */
export const shapeMethods = {
  reshape,
  transpose,
  permute,
  expand,
  squeeze,
  unsqueeze,
  tile,
  cast,
};

import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { normalizeAxis, type Shape, sameShape, showShape } from "../graph/shape.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { sliceView } from "../graph/view.js";
import { type AxesOptions, type AxisOptions, axesOf, axisOf } from "./axis.js";
import { checkTensors, holds } from "./constants.js";
import { arange, zeros } from "./create.js";
import { gather } from "./indexing.js";
import { apply, applyAll, declare, family, type OnnxNode } from "./operator.js";
import { expand, reshape, unsqueeze } from "./shapes.js";

/** Operators that join tensors and take them apart. */
export const pieces = family({
  Concat: declare<{ axis: number }>({
    infer: (inputs, { axis }) => {
      const total = inputs.reduce((length, input) => length + (input.shape[axis] as number), 0);
      return { dtype: inputs[0].dtype, shape: inputs[0].shape.map((size, i) => (i === axis ? total : size)) };
    },
    kind: {
      is: "placement",
      placement: (inputs, { axis }) => {
        let start = 0;
        const starts = inputs.map(({ shape }) => {
          const index = shape.map((_, i) => (i === axis ? start : 0));
          start += shape[axis] as number;
          return index;
        });
        return { starts, around: 0 };
      },
    },
    gradient: (g, inputs, _, { axis }, { index }) =>
      split(
        g,
        inputs.map((input) => input.shape[axis] as number),
        { axis },
      )[index],
    read: (node) => {
      const [list, axis] = [node.rest(), node.integer("axis", 1)];
      // What the file has once stands beside each of a batch.
      const batch = Math.max(...list.map(({ shape }) => shape[0] ?? 1));
      const isOnce = ({ shape }: Tensor) => node.isLifted && shape[0] === 1 && batch > 1 && axis !== 0 && axis !== -shape.length;
      return concat(
        list.map((x) => (isOnce(x) ? expand(x, [batch, ...x.shape.slice(1)]) : x)),
        { axis },
      );
    },
  }),
  Split: declare<{ axis: number; sizes: readonly number[] }>({
    infer: ([x], { axis, sizes }) => sizes.map((part) => ({ dtype: x.dtype, shape: x.shape.map((size, i) => (i === axis ? part : size)) })),
    kind: {
      is: "movement",
      movement: (view, { axis, sizes }, index) =>
        sliceView(
          view,
          view.shape.map((_, i) => (i === axis ? sizes.slice(0, index).reduce((sum, size) => sum + size, 0) : 0)),
          view.shape.map((size, i) => (i === axis ? (sizes[index] as number) : size)),
        ),
    },
    gradient: [
      (_, __, outputs, { axis }, { gradients }) =>
        concat(
          outputs.map((part, i) => gradients[i] ?? zeros(part.shape, part.dtype)),
          { axis },
        ),
    ],
    decompose: ([x], { axis, sizes }) => {
      let start = 0;
      return sizes.map((size) => {
        start += size;
        return slice(
          x,
          x.shape.map((_, i) => (i === axis ? [start - size, start] : [])),
        );
      });
    },
    emit: (emitter, [x], { axis, sizes }) => emitter.node("Split", [x as string, emitter.int64(sizes)], { axis }, sizes.length),
    read: (node) => {
      const [x, axis] = [node.input(0), node.integer("axis", 0)];
      const sizes = node.integersOf("split", 1);
      if (sizes) return split(x, sizes, { axis });
      // So many parts of one size, of which the last may be smaller.
      const [size, count] = [x.shape[normalizeAxis("Split", axis, x.rank)] as number, node.integer("num_outputs", node.outputs)];
      const part = Math.ceil(size / count);
      return split(
        x,
        Array.from({ length: count }, (_, i) => Math.max(0, Math.min(part, size - i * part))),
        { axis },
      );
    },
  }),
  // The gradient of a slice is laid back into zeros: a pad where the step is 1, else a reversal or a scatter first.
  Slice: declare<{ starts: readonly number[]; ends: readonly number[]; axes: readonly number[]; steps: readonly number[] }>({
    infer: ([x], { starts, ends, axes, steps }) => ({ dtype: x.dtype, shape: slicedShape(x.shape, starts, ends, axes, steps) }),
    kind: {
      is: "movement",
      movement: (view, { starts, ends, axes, steps }) => {
        const at = (list: readonly number[], axis: number, other: number) => list[axes.indexOf(axis)] ?? other;
        return sliceView(
          view,
          view.shape.map((_, axis) => at(starts, axis, 0)),
          slicedShape(view.shape, starts, ends, axes, steps),
          view.shape.map((_, axis) => at(steps, axis, 1)),
        );
      },
    },
    gradient: [
      (g, [x], _, { starts, axes, steps }) =>
        axes.reduce((spread, axis, i) => unslice(spread, axis, x.shape[axis] as number, starts[i] as number, steps[i] as number), g),
    ],
    decompose: ([x], { starts, ends, axes, steps }) =>
      axes.reduce((part, axis, i) => gather(part, arange(starts[i] as number, ends[i] as number, steps[i] as number), { axis }), x),
    emit: (emitter, [x], { starts, ends, axes, steps }) =>
      // Backwards through the first element the end is "before it", which ONNX writes as any number below -size.
      emitter.node("Slice", [
        x as string,
        emitter.int64(starts),
        emitter.int64(ends.map((end) => (end < 0 ? -(2 ** 31) : end))),
        emitter.int64(axes),
        emitter.int64(steps),
      ]),
    read: (node) => {
      const [x, starts, ends] = [node.input(0), node.integersOf("starts", 1) ?? [], node.integersOf("ends", 2) ?? []];
      const axes = node.integersOf("axes", 3) ?? starts.map((_, i) => i);
      const steps = node.known(4);
      const ranges: Range[] = x.shape.map(() => []);
      axes.forEach((axis, i) => {
        const [step, end] = [steps?.[i] ?? 1, ends[i] as number];
        const place = normalizeAxis("Slice", axis, x.rank);
        // Backwards, an end before the first element is any number below -size.
        ranges[place] = [starts[i], step < 0 && end < -(x.shape[place] as number) ? null : end, step];
      });
      return slice(x, ranges);
    },
  }),
  Pad: declare<{ pads: readonly (readonly [number, number])[]; value: number }>({
    infer: ([x], { pads }) => ({
      dtype: x.dtype,
      shape: x.shape.map((size, axis) => size + (pads[axis]?.[0] as number) + (pads[axis]?.[1] as number)),
    }),
    kind: {
      is: "placement",
      placement: (_, { pads, value }) => ({ starts: [pads.map(([before]) => before)], around: value }),
    },
    gradient: [
      (g, [x], _, { pads }) =>
        slice(
          g,
          pads.map(([before], axis) => [before, before + (x.shape[axis] as number)]),
        ),
    ],
    emit: (emitter, [x], { pads, value }, { outputs: [type] }) =>
      emitter.node("Pad", [
        x as string,
        emitter.int64([...pads.map(([before]) => before), ...pads.map(([, after]) => after)]),
        emitter.scalar(value, type?.dtype ?? "float32"),
      ]),
    roles: { 2: "setting" },
    read: padNode,
  }),
});

/** What a node of ONNX pads: with a constant, with the elements mirrored at the border, with those at the border, or with those of the other end. */
function padNode(node: OnnxNode): Tensor {
  const x = node.input(0);
  const given = node.integersOf("pads", 1) ?? [];
  const axes = normalizeEach(x.rank, node.known(3) ?? [...x.shape.keys()]);
  node.check(given.length === 2 * axes.length, () => `${given.length} pads for ${axes.length} axes: expected two an axis`);
  const pads = x.shape.map((_, axis): [number, number] => {
    const i = axes.indexOf(axis);
    return i < 0 ? [0, 0] : [given[i] as number, given[axes.length + i] as number];
  });
  // Negative pads take elements away.
  const kept = slice(
    x,
    pads.map(([before, after], axis) => [Math.max(0, -before), (x.shape[axis] as number) + Math.min(0, after)]),
  );
  const added = pads.map(([before, after]): [number, number] => [Math.max(0, before), Math.max(0, after)]);
  const mode = node.text("mode", "constant");
  if (mode === "constant") return padWith(kept, added, node.known(2)?.[0] ?? node.number("value", 0));
  const place = placesOfMode[mode];
  node.check(place !== undefined, () => `the mode ${mode} of padding: expected constant, ${Object.keys(placesOfMode).join(", ")}`);
  return added.reduce((padded, [before, after], axis) => {
    const size = padded.shape[axis] as number;
    if (before + after === 0) return padded;
    node.check(size > 0, () => `the mode ${mode} pads an axis of no elements`);
    const places = Array.from({ length: before + size + after }, (_, i) => place(i - before, size));
    return gather(padded, fromData(Int32Array.from(places), [places.length], "int32"), { axis });
  }, kept);
}

const normalizeEach = (rank: number, axes: readonly number[]): number[] => axes.map((axis) => normalizeAxis("Pad", axis, rank));

/** Which element stands at the place \`i\`, below 0 or from \`size\` on too. */
const placesOfMode: Readonly<Record<string, (i: number, size: number) => number>> = {
  edge: (i, size) => Math.min(Math.max(i, 0), size - 1),
  wrap: (i, size) => ((i % size) + size) % size,
  reflect: (i, size) => {
    const period = Math.max(1, 2 * (size - 1));
    const within = ((i % period) + period) % period;
    return within < size ? within : period - within;
  },
};

const slicedShape = (
  shape: Shape,
  starts: readonly number[],
  ends: readonly number[],
  axes: readonly number[],
  steps: readonly number[],
): Shape =>
  shape.map((size, axis) => {
    const i = axes.indexOf(axis);
    return i < 0 ? size : Math.max(0, Math.ceil(((ends[i] as number) - (starts[i] as number)) / (steps[i] as number)));
  });

/** Lays `part`, taken from `start` on with `step` along `axis` of `size` elements, back into zeros. */
function unslice(part: Tensor, axis: number, size: number, start: number, step: number): Tensor {
  const count = part.shape[axis] as number;
  if (count === 0)
    return zeros(
      part.shape.map((length, i) => (i === axis ? size : length)),
      part.dtype,
    );
  const ascending = step < 0 ? flip(part, { axis }) : part;
  const gap = Math.abs(step);
  const first = step < 0 ? start + (count - 1) * step : start;
  const spread = dilate(ascending, axis, gap);
  const length = spread.shape[axis] as number;
  // The dilation ends in zeros that may reach past the end.
  const kept =
    first + length > size
      ? slice(
          spread,
          [...spread.shape.keys()].map((i) => (i === axis ? [0, size - first] : [])),
        )
      : spread;
  return padWith(
    kept,
    kept.shape.map((held, i) => (i === axis ? [first, size - first - held] : [0, 0])),
  );
}

/** Follows every element along `axis` by `gap - 1` zeros. */
export function dilate(x: Tensor, axis: number, gap: number): Tensor {
  if (gap === 1) return x;
  const inner = [...x.shape.slice(0, axis + 1), 1, ...x.shape.slice(axis + 1)];
  const padded = padWith(
    reshape(x, inner),
    inner.map((_, i) => (i === axis + 1 ? [0, gap - 1] : [0, 0])),
  );
  return reshape(
    padded,
    x.shape.map((size, i) => (i === axis ? size * gap : size)),
  );
}

/** Tensors joined along `axis`, by default the first; the other sizes agree. */
export function concat(tensors: readonly Tensor[], options: AxisOptions = {}): Tensor {
  check(Boolean(Array.isArray(tensors)), () => "concat: expected an array of tensors first");
  checkTensors("concat", ...tensors);
  const [first] = tensors;
  check(first !== undefined, () => "concat: got no tensors");
  const place = axisOf("concat", options, first.rank, 0);
  for (const other of tensors) {
    check(
      other.rank === first.rank && other.dtype === first.dtype && other.shape.every((size, i) => i === place || size === first.shape[i]),
      () => `concat: ${other.dtype}${showShape(other.shape)} does not join ${first.dtype}${showShape(first.shape)} along axis ${place}`,
    );
  }
  return tensors.length === 1 ? first : apply(pieces.Concat, tensors, { axis: place });
}

/** Tensors of one shape joined along a new axis, by default the first: `axis` counts in the result. */
export function stack(tensors: readonly Tensor[], options: AxisOptions = {}): Tensor {
  check(Boolean(Array.isArray(tensors)), () => "stack: expected an array of tensors first");
  checkTensors("stack", ...tensors);
  const [first] = tensors;
  check(first !== undefined, () => "stack: got no tensors");
  for (const { dtype, shape } of tensors) {
    check(
      dtype === first.dtype && sameShape(shape, first.shape),
      () => `stack: got ${first.dtype}${showShape(first.shape)} and ${dtype}${showShape(shape)}: expected tensors of one dtype and shape`,
    );
  }
  const axis = axisOf("stack", options, first.rank + 1, 0);
  // Along a new first axis rows are joined as they are: one reshape, not one a tensor.
  if (axis === 0 && first.rank > 0) return reshape(concat(tensors), [tensors.length, ...first.shape]);
  return concat(
    tensors.map((x) => unsqueeze(x, { axis })),
    { axis },
  );
}

/** The slices along the first axis, without it: what {@link stack} joined. */
export function unstack(x: Tensor): readonly Tensor[] {
  checkTensors("unstack", x);
  const [count, ...rest] = x.shape;
  check(count !== undefined, () => "unstack: a scalar has no first axis");
  if (count === 0) return [];
  const [rows, ...inner] = rest;
  if (rows === undefined) return split(x, count).map((part) => reshape(part, []));
  return split(reshape(x, [count * rows, ...inner]), count);
}

/** Cuts along `axis`, by default the first, into so many equal parts, or into parts of the given sizes. */
export function split(x: Tensor, parts: number | readonly number[], options: AxisOptions = {}): readonly Tensor[] {
  checkTensors("split", x);
  const place = axisOf("split", options, x.rank, 0);
  const size = x.shape[place] as number;
  check(
    Array.isArray(parts) || (Number.isInteger(parts) && (parts as number) > 0),
    () => `split: got ${parts} parts: expected an integer from 1, or the sizes of the parts`,
  );
  const sizes = typeof parts === "number" ? new Array<number>(parts).fill(size / parts) : parts;
  check(
    sizes.every((part) => Number.isInteger(part) && part >= 0) && sizes.reduce((total, part) => total + part, 0) === size,
    () =>
      `split: axis ${place} of ${showShape(x.shape)} does not part into ${typeof parts === "number" ? `${parts} equal parts` : `[${sizes}]`}: ` +
      `expected integers from 0 whose sum is ${size}`,
  );
  return sizes.length === 1 ? [x] : applyAll(pieces.Split, [x], { axis: place, sizes });
}

/** One axis of a slice, as in Python: from `start` up to `stop` by `step`, each counted from the end where negative. */
export type Range = readonly [start?: number | null, stop?: number | null, step?: number];

/** A part of every axis, `[start, stop, step]` each as in Python; missing ranges keep the whole axis. */
export function slice(x: Tensor, ranges: readonly Range[]): Tensor {
  checkTensors("slice", x);
  check(
    Array.isArray(ranges) && ranges.every((range) => Array.isArray(range)),
    () => `slice: got ${JSON.stringify(ranges)}: expected a range for each axis, such as [[0, 2]] for the first two along axis 0`,
  );
  check(ranges.length <= x.rank, () => `slice: ${ranges.length} ranges for ${showShape(x.shape)}`);
  const starts: number[] = [];
  const ends: number[] = [];
  const axes: number[] = [];
  const steps: number[] = [];
  ranges.forEach(([from, to, step = 1], axis) => {
    check(Number.isInteger(step) && step !== 0, () => `slice: step ${step} along axis ${axis}: expected an integer other than 0`);
    for (const value of [from, to])
      check(
        value === null || value === undefined || Number.isInteger(value),
        () => `slice: got the bound ${value} along axis ${axis}: expected an integer, or null for the end of the axis`,
      );
    const size = x.shape[axis] as number;
    const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
    const bound = (value: number | null | undefined, fallback: number) =>
      value === null || value === undefined ? fallback : Math.min(Math.max(value < 0 ? value + size : value, lowest), highest);
    const start = bound(from, step > 0 ? 0 : size - 1);
    const end = bound(to, step > 0 ? size : -1);
    if (start === 0 && end === size && step === 1) return;
    // ONNX counts a start before the first element from the end: a part without elements begins at 0.
    const isEmpty = (end - start) / step <= 0;
    starts.push(isEmpty ? 0 : start);
    ends.push(isEmpty ? 0 : end);
    axes.push(axis);
    steps.push(isEmpty ? 1 : step);
  });
  return axes.length === 0 ? x : apply(pieces.Slice, [x], { starts, ends, axes, steps });
}

/** How many elements are added before and after an axis. */
export type Ends = readonly [before: number, after: number];

const areEnds = (ends: unknown): boolean =>
  Array.isArray(ends) && ends.length === 2 && ends.every((count) => Number.isInteger(count) && count >= 0);

/** Throws unless `pads` are the ends of every axis of `x`. */
export function checkEnds(x: Tensor, pads: readonly Ends[]): void {
  checkTensors("pad", x);
  check(
    Array.isArray(pads) && pads.length === x.rank && pads.every(areEnds),
    () => `pad: got ${JSON.stringify(pads)} for ${showShape(x.shape)}: expected [before, after], integers from 0, for each axis`,
  );
}

/** `x` with `[before, after]` elements of `value` added around each axis. */
export function padWith(x: Tensor, pads: readonly Ends[], value = 0): Tensor {
  checkEnds(x, pads);
  check(
    isFloat(x.dtype) || x.dtype === "bool" || (Number.isInteger(value) && holds(x.dtype, value)),
    () => `pad: the number ${value} beside ${x.dtype}: expected one that it holds, or cast the tensor to a wider type`,
  );
  return pads.flat().every((count) => count === 0) ? x : apply(pieces.Pad, [x], { pads, value });
}

/** The elements along the axes `axis`, by default all, in reverse order. */
export function flip(x: Tensor, options: AxesOptions = {}): Tensor {
  checkTensors("flip", x);
  const list = axesOf("flip", options, x.rank);
  return slice(
    x,
    x.shape.map((size, axis) => (list.includes(axis) && size > 1 ? [null, null, -1] : [])),
  );
}

/** The elements moved `shift` places along `axis`, by default the first, those past the end coming in at the front. */
export function roll(x: Tensor, shift: number, options: AxisOptions = {}): Tensor {
  checkTensors("roll", x);
  const place = axisOf("roll", options, x.rank, 0);
  const size = x.shape[place] as number;
  const offset = ((shift % size) + size) % size;
  if (offset === 0 || size === 0) return x;
  const [front, back] = split(x, [size - offset, offset], { axis: place }) as readonly [Tensor, Tensor];
  return concat([back, front], { axis: place });
}

/** The faces that tensors have as methods too. */
export const pieceMethods = { unstack, split, slice, flip, roll };

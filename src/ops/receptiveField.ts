import type { Node, Tensor } from "../graph/tensor.js";
import { rowMajor, type View } from "../graph/view.js";
import { reach } from "./convolutionGeometry.js";
import { type Operands, operatorOf, type Sight } from "./operator.js";

/**
 * The places along one axis of an input that a tensor follows from: an element sees those from `low` to `high`, moved on by each of `steps` times
 * its index along that axis of the tensor. Places before the first and behind the last are counted, as if the input went on. All places are those
 * from -Infinity to Infinity; NaN: not known.
 */
export interface Field {
  readonly low: number;
  readonly high: number;
  /** Infinity: the places of neighbours lie at no equal distance. */
  readonly steps: ReadonlyMap<number, number>;
}

const everything = { low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
const unknown = { low: Number.NaN, high: Number.NaN };

/** The field, along an axis, of the input itself. */
export const fieldOfInput = (axis: number): Field => ({ low: 0, high: 0, steps: new Map([[axis, 1]]) });

/** The field of an operand that broadcasts to `output`: what is repeated sees the same at each place. */
const spread = (field: Field, { shape, rank }: Tensor, output: Tensor): Field => {
  const added = output.rank - rank;
  const kept = [...field.steps].filter(([axis]) => shape[axis] === output.shape[axis + added]);
  return { ...field, steps: new Map(kept.map(([axis, step]) => [axis + added, step])) };
};

/** A field seen by what begins `count` elements later on an axis. */
function moved(field: Field, axis: number, count: number): Field {
  const step = field.steps.get(axis) ?? 0;
  const by = Number.isFinite(step) ? step * count : 0;
  return { ...field, low: field.low + by, high: field.high + by };
}

const withAxes = (field: Field, axisOf: (axis: number) => number): Field => ({
  ...field,
  steps: new Map([...field.steps].map(([axis, step]) => [axisOf(axis), step])),
});

/** What an element sees that follows from `count` neighbours along an axis, the others of which begin `step` elements further on. */
function widened(field: Field, axis: number, sight: Sight, size: number): Field {
  const before = field.steps.get(axis);
  if (before === undefined) return field;
  const steps = new Map(field.steps);
  steps.delete(axis);
  if (sight === "all") {
    if (steps.size === 0) return { ...everything, steps };
    // The input's axis was cut: these are the places of a block.
    const far = (size - 1) * before;
    return Number.isFinite(before)
      ? { low: field.low + Math.min(0, far), high: field.high + Math.max(0, far), steps }
      : { ...unknown, steps };
  }
  steps.set(axis, before * sight.step);
  if (!Number.isFinite(before)) return sight.count === 1 ? { ...field, steps } : { ...unknown, steps };
  const [near, far] = [before * sight.start, before * (sight.start + sight.count - 1)];
  return { low: field.low + Math.min(near, far), high: field.high + Math.max(near, far), steps };
}

/** What is seen by a result of several operands, whose axes are the result's. */
function merged(fields: readonly Field[]): Field {
  const steps = new Map(fields.flatMap((field) => [...field.steps]));
  const agree = fields.every(
    (field) => field.steps.size === steps.size && [...steps].every(([axis, step]) => field.steps.get(axis) === step),
  );
  const [low, high] = [Math.min(...fields.map((field) => field.low)), Math.max(...fields.map((field) => field.high))];
  // What sees everything does so from any place.
  return agree || !Number.isFinite(high - low) ? { low, high, steps } : { ...unknown, steps };
}

/** Where the elements of a view lie tells which axes of the operand its axes go along. */
function viewed(field: Field, x: Tensor, view: View): Field {
  const { strides } = rowMajor(x.shape);
  const axes = [...field.steps.keys()];
  const begun = axes.reduce((each, axis) => {
    const [stride, size] = [strides[axis] as number, x.shape[axis] as number];
    return moved(each, axis, Math.floor(view.offset / stride) % size);
  }, field);
  const steps = new Map<number, number>();
  for (const [axis, step] of field.steps) {
    const [stride, size] = [strides[axis] as number, x.shape[axis] as number];
    view.shape.forEach((count, i) => {
      const pace = view.strides[i] as number;
      const extent = Math.abs(pace) * (count - 1);
      if (Math.max(Math.abs(pace), stride) > Math.min(extent, stride * (size - 1))) return;
      // Otherwise the axis goes on over others of the operand.
      const isWithin = pace % stride === 0 && extent < stride * size;
      steps.set(i, isWithin && !steps.has(i) ? (step * pace) / stride : Number.POSITIVE_INFINITY);
    });
  }
  return { ...begun, steps };
}

/**
 * What each output of a node sees along one axis of an input, given what its operands see; an operand of undefined does not depend on the input
 * (Araujo et al. 2019, Computing receptive fields of convolutional neural networks, section 2).
 */
export function fieldsOfOutputs(node: Node, fields: readonly (Field | undefined)[]): readonly (Field | undefined)[] {
  const depends = fields.some((field) => field !== undefined);
  return node.outputs.map((output) => (depends ? fieldOfOutput(node, output, fields) : undefined));
}

function fieldOfOutput(node: Node, output: Tensor, fields: readonly (Field | undefined)[]): Field {
  const { kind, sees } = operatorOf(node);
  const { attributes } = node;
  const inputs = node.inputs as unknown as Operands;
  /** Of the operands that depend on the input. */
  const merge = (each: (field: Field, x: Tensor, index: number) => Field) =>
    merged(inputs.flatMap((x, i) => (fields[i] ? [each(fields[i], x, i)] : [])));
  const [x] = inputs;
  const [first, ...others] = fields;
  const none: Field = { ...unknown, steps: new Map() };
  const through = (sights: readonly Sight[]): Field =>
    first && others.every((field) => field === undefined)
      ? sights.reduce((field, sight, axis) => widened(field, axis, sight, x.shape[axis] as number), first)
      : none;
  if (sees) return through(sees(inputs, attributes));
  switch (kind.is) {
    case "elementwise":
      return merge((field, x) => spread(field, x, output));
    case "placement": {
      const { starts } = kind.placement(inputs, attributes);
      return merge((field, { rank }, index) =>
        Array.from({ length: rank }, (_, axis) => axis).reduce(
          (each, axis) => moved(each, axis, -(starts[index]?.[axis] as number)),
          field,
        ),
      );
    }
    case "movement": {
      const view = kind.movement(rowMajor(x.shape), attributes, output.index);
      return first && view ? viewed(first, x, view) : none;
    }
    case "reduction": {
      const { axes } = kind.reduction(attributes);
      const field = through(x.shape.map((_, axis) => (axes.includes(axis) ? "all" : itself)));
      const isKept = output.rank === x.rank;
      return isKept ? field : withAxes(field, (axis) => axis - axes.filter((other) => other < axis).length);
    }
    case "convolution": {
      const { strides, pads, dilations } = kind.convolution(attributes);
      const windows = strides.map((step, i) => {
        const kernel = reach(inputs[1].shape[i + 2] as number, dilations[i] as number);
        return { count: kernel, step, start: -(pads[i] as number) };
      });
      return fields[2] ? none : through([itself, "all", ...windows]);
    }
    case "product": {
      const { transA, transB } = kind.product(attributes);
      return merge((field, x, index) => {
        const { rank, shape } = x;
        if (index > 1) return spread(field, x, output);
        const isTransposed = index === 0 ? transA : transB;
        const inner = rank - ((index === 0) === isTransposed ? 2 : 1);
        const outer = 2 * rank - 3 - inner;
        const rest = widened(field, inner, "all", shape[inner] as number);
        return withAxes(rest, (axis) => (axis === outer ? output.rank - (index === 0 ? 2 : 1) : axis + output.rank - rank));
      });
    }
    case "selection": {
      const { axis, whole } = kind.selection(attributes);
      const isApart = whole && first?.steps.has(axis) === false && output.rank === x.rank && others.every((field) => field === undefined);
      return isApart ? first : none;
    }
    case "source":
    case "loop":
    case "opaque":
      return none;
    default:
      return kind satisfies never;
  }
}

const itself: Sight = { count: 1, step: 1, start: 0 };

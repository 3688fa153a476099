import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions } from "../graph/options.js";
import { sameShape, showShape } from "../graph/shape.js";
import { float, type Tensor } from "../graph/tensor.js";
import { add, mul, sub, where } from "./arithmetic.js";
import { lessEqual } from "./compare.js";
import { checkTensors, tensor } from "./constants.js";
import { zeros } from "./create.js";
import { gather } from "./indexing.js";
import { matmul } from "./matmul.js";
import { apply, declare, family } from "./operator.js";
import { averagePool } from "./pool.js";
import { reshape, transpose } from "./shapes.js";

/** How a value between the places of an image follows from those around it: the one before, a line through two, a cubic through four. */
export type Interpolation = "nearest" | "linear" | "cubic";

interface ResizeAttributes {
  /** The sizes of the result's axes of places. */
  readonly sizes: readonly number[];
  readonly mode: Interpolation;
  /** Whether the first and the last places of both images coincide, or their outer borders do. */
  readonly alignCorners: boolean;
  /** How many places of the result lie on one of the image, where that is not the ratio of the sizes. */
  readonly scales?: readonly number[];
  /** Whether ONNX's Resize does the same: it knows sizes alone, and rounds the ratio by which it finds the nearest place. */
  readonly isStandard: boolean;
}

/** What each place of the result takes from an axis: term k adds `weights[k]` times the element at `indices[k]`. */
interface Terms {
  readonly indices: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

/** Resampling of images `[batch, channels, ...places]`. */
export const resampling = family({
  // Linear in x, axis after axis: the gradient is the product with the transpose of each axis' matrix, or the sum over the copies of a place.
  Resize: declare<ResizeAttributes>({
    infer: ([x], { sizes }) => ({ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...sizes] }),
    kind: { is: "opaque" },
    linearity: "together",
    gradient: [
      (g, [x], _, attributes) => {
        const factors = repeats(x.shape, attributes);
        if (factors)
          return mul(
            averagePool(g, factors),
            factors.reduce((product, factor) => product * factor, 1),
          );
        return resizedAxes(x.shape, attributes).reduce((y, axis) => spreadAlong(y, axis, termsOf(x.shape, attributes, axis), x.shape), g);
      },
    ],
    decompose: ([x], attributes) =>
      resizedAxes(x.shape, attributes).reduce((y, axis) => takeAlong(y, axis, termsOf(x.shape, attributes, axis)), x),
    sees: ([x], { sizes, mode }) =>
      x.shape.map((size, axis) => {
        const step = axis < 2 ? 1 : size / (sizes[axis - 2] as number);
        const count = step === 1 ? 1 : termCounts[mode];
        return { count, step, start: (step - count) / 2 };
      }),
    emit: (emitter, [x], { sizes, mode, alignCorners }) => {
      const border = mode === "nearest" ? "asymmetric" : "half_pixel";
      return emitter.node("Resize", [x as string, "", "", emitter.int64(sizes)], {
        axes: sizes.map((_, i) => i + 2),
        mode,
        coordinate_transformation_mode: alignCorners ? "align_corners" : border,
        nearest_mode: mode === "nearest" ? "floor" : undefined,
        cubic_coeff_a: mode === "cubic" ? float(cubicSlope) : undefined,
      });
    },
  }),
});

/** The parameter of the cubic, as PyTorch and ONNX have it (Keys 1981, equation 4, where it is -1/2). */
const cubicSlope = -0.75;

/** How many places a value follows from. */
const termCounts: Readonly<Record<Interpolation, number>> = { nearest: 1, linear: 2, cubic: 4 };

/** The axes that change. */
const resizedAxes = (shape: readonly number[], { sizes, scales }: ResizeAttributes): number[] =>
  sizes.flatMap((size, i) => (size === shape[i + 2] && (scales?.[i] ?? 1) === 1 ? [] : [i + 2]));

/** How often each place is repeated along each axis of places, where resizing does nothing else. */
function repeats(shape: readonly number[], { sizes, mode, scales }: Omit<ResizeAttributes, "isStandard">): number[] | undefined {
  const factors = sizes.map((size, i) => size / (shape[i + 2] as number));
  return mode === "nearest" && !scales && factors.every(Number.isInteger) ? factors : undefined;
}

function termsOf(shape: readonly number[], { sizes, mode, alignCorners, scales }: ResizeAttributes, axis: number): Terms {
  const [before, after] = [shape[axis] as number, sizes[axis - 2] as number];
  const scale = scales?.[axis - 2];
  const ratio = alignCorners ? (after > 1 ? (before - 1) / (after - 1) : 0) : scale === undefined ? before / after : 1 / scale;
  const within = (index: number) => Math.min(Math.max(index, 0), before - 1);
  const places = Array.from({ length: after }, (_, i) => (alignCorners ? i * ratio : (i + 0.5) * ratio - 0.5));
  if (mode === "nearest") {
    const exact = (i: number) => (scale === undefined ? Math.floor((i * before) / after) : Math.floor(i * ratio));
    return { indices: [places.map((_, i) => within(exact(i)))], weights: [places.map(() => 1)] };
  }
  const at = mode === "linear" ? places.map((place) => Math.max(place, 0)) : places;
  const rests = at.map((place) => place - Math.floor(place));
  const offsets = mode === "linear" ? [0, 1] : [-1, 0, 1, 2];
  return {
    indices: offsets.map((offset) => at.map((place) => within(Math.floor(place) + offset))),
    weights: offsets.map((offset) =>
      rests.map((rest) => (mode === "linear" ? 1 - Math.abs(rest - offset) : cubic(Math.abs(rest - offset)))),
    ),
  };
}

/** The weight of a place at a distance of at most 2 (Keys 1981, equation 4). */
function cubic(distance: number): number {
  const a = cubicSlope;
  if (distance <= 1) return ((a + 2) * distance - (a + 3)) * distance * distance + 1;
  return ((distance - 5) * distance + 8) * distance * a - 4 * a;
}

/** {@link cubic} of distances that are computed. */
export function cubicWeight(distance: Tensor): Tensor {
  const a = cubicSlope;
  const near = add(mul(mul(sub(mul(distance, a + 2), a + 3), distance), distance), 1);
  const far = sub(mul(mul(add(mul(sub(distance, 5), distance), 8), distance), a), 4 * a);
  return where(lessEqual(distance, 1), near, far);
}

/** The terms of an axis added up. */
function takeAlong(x: Tensor, axis: number, { indices, weights }: Terms): Tensor {
  const column = [indices[0]?.length ?? 0, ...new Array<number>(x.rank - 1 - axis).fill(1)];
  const terms = indices.map((places, k) => {
    const taken = gather(x, tensor([...places], { dtype: "int32" }), { axis });
    const weight = weights[k] as readonly number[];
    return weight.every((each) => each === 1)
      ? taken
      : mul(taken, tensor([...weight], { dtype: x.dtype, shape: [weight.length] }).reshape(column));
  });
  return terms.reduce((sum, term) => add(sum, term));
}

/** How many factors of a matrix product cost what picking, weighing and adding one element does (1.6 ns to 1/35 ns on an AMD EPYC Zen 4). */
const factorsInTheTimeOfATerm = 56;

/** What each of `count` places of the image takes from the gradient: as many terms as the one that takes most, others of no weight. */
function transposed({ indices, weights }: Terms, count: number): Terms {
  const found = Array.from({ length: count }, (): { index: number; weight: number }[] => []);
  indices.forEach((places, k) => {
    places.forEach((from, to) => void found[from]?.push({ index: to, weight: (weights[k] as readonly number[])[to] as number }));
  });
  const most = found.reduce((most, { length }) => Math.max(most, length), 1);
  const terms = Array.from({ length: most }, (_, k) => found.map((each) => each[k] ?? { index: each[0]?.index ?? 0, weight: 0 }));
  return { indices: terms.map((each) => each.map(({ index }) => index)), weights: terms.map((each) => each.map(({ weight }) => weight)) };
}

/** The transpose of {@link takeAlong}: each element goes to the places of `shape` that it was taken from. A matrix product, unless most of that is zeros. */
function spreadAlong(g: Tensor, axis: number, { indices, weights }: Terms, shape: readonly number[]): Tensor {
  const [before, after] = [shape[axis] as number, g.shape[axis] as number];
  const from = transposed({ indices, weights }, before);
  if (after > from.indices.length * factorsInTheTimeOfATerm) return takeAlong(g, axis, from);
  const matrix = new Float64Array(before * after);
  indices.forEach((places, k) => {
    places.forEach((from, to) => {
      (matrix[from * after + to] as number) += (weights[k] as readonly number[])[to] as number;
    });
  });
  const left = tensor(matrix, { dtype: g.dtype, shape: [before, after] });
  const result = g.shape.map((size, i) => (i === axis ? before : size));
  if (axis === g.rank - 1) return matmul(g, transpose(left));
  const rows = g.shape.slice(0, axis).reduce((product, size) => product * size, 1);
  return reshape(matmul(left, reshape(g, [rows, after, g.size / (rows * after)])), result);
}

/** Settings of {@link upsample}. */
export interface UpsampleOptions {
  /** The sizes of the result's axes of places: one number for all, or one an axis. Either these or `scale` is given. */
  readonly size?: number | readonly number[];
  /** What the sizes are multiplied by, and then rounded down: one number for all axes, or one an axis. */
  readonly scale?: number | readonly number[];
  /** By default `"nearest"`; `"cubic"` is for images `[batch, channels, height, width]` alone. */
  readonly mode?: Interpolation;
  /** Whether the centres of the outermost places stay where they are, or, by default, their outer borders; not for `"nearest"`. */
  readonly alignCorners?: boolean;
}

/**
 * `x` resampled to other sizes, larger or smaller ones, as PyTorch's `interpolate` does it: `"linear"` is its `linear`, `bilinear` or `trilinear`. What
 * is made smaller is not smoothed before.
 * @param x `[batch, channels, ...places]` with one to three axes of places
 */
export function upsample(x: Tensor, options: UpsampleOptions): Tensor {
  checkTensors("upsample", x);
  checkOptions("upsample", options, { size: "optional", scale: "optional", mode: "optional", alignCorners: "optional" });
  const { size, scale, mode = "nearest", alignCorners = false } = options;
  const axes = x.rank - 2;
  check(
    isFloat(x.dtype) && axes >= 1 && axes <= 3,
    () =>
      `upsample: got ${x.dtype}${showShape(x.shape)}, expected floating-point numbers [batch, channels, ...places] with one to three axes of places`,
  );
  check((size === undefined) !== (scale === undefined), () => "upsample: expected either size or scale");
  checkChoice("upsample", "mode", mode, ["nearest", "linear", "cubic"]);
  check(
    mode !== "cubic" || axes === 2,
    () => `upsample: cubic interpolation is of images, with two axes of places: got ${showShape(x.shape)}`,
  );
  check(mode !== "nearest" || !alignCorners, () => `upsample: alignCorners has no meaning for mode "nearest"`);
  const perAxis = (given: number | readonly number[], name: string) => {
    const list = Array.isArray(given) ? given : new Array<number>(axes).fill(given as number);
    check(
      list.length === axes && list.every((each) => typeof each === "number"),
      () => `upsample: ${name} [${list.join(", ")}]: expected a number, or one for each of ${axes} axes of places`,
    );
    return list;
  };
  const places = x.shape.slice(2);
  const scales = scale === undefined ? undefined : perAxis(scale, "scale");
  const sizes = scales ? scales.map((factor, i) => Math.floor((places[i] as number) * factor)) : perAxis(size as number, "size");
  check(
    [...places, ...sizes].every((each) => Number.isInteger(each) && each > 0),
    () => `upsample: from ${showShape(places)} to [${sizes.join(", ")}] places: expected sizes from 1`,
  );
  const shape = [...x.shape.slice(0, 2), ...sizes];
  if (x.size === 0) return zeros(shape, x.dtype);
  const isRatio = scales?.every((factor, i) => factor * (places[i] as number) === sizes[i]) ?? true;
  if (sameShape(shape, x.shape) && isRatio) return x;
  const attributes = { sizes, mode, alignCorners, scales: isRatio || alignCorners ? undefined : scales };
  const isStandard = !attributes.scales && (mode !== "nearest" || repeats(x.shape, attributes) !== undefined);
  return apply(resampling.Resize, [x], { ...attributes, isStandard });
}

/** Checks that an image fits a factor, and gives its sizes. */
function checkShuffle(operation: string, x: Tensor, factor: number): readonly [number, number, number, number] {
  checkTensors(operation, x);
  check(x.rank === 4, () => `${operation}: got ${showShape(x.shape)}, expected [batch, channels, height, width]`);
  check(Number.isInteger(factor) && factor > 0, () => `${operation}: factor ${factor}: expected an integer from 1`);
  return x.shape as readonly number[] as readonly [number, number, number, number];
}

/**
 * `[batch, channels factor², height, width]` to `[batch, channels, height factor, width factor]`: the channels of each place become a square of places
 * (Shi et al. 2016, equation 4).
 */
export function pixelShuffle(x: Tensor, factor: number): Tensor {
  const [batch, all, height, width] = checkShuffle("pixelShuffle", x, factor);
  const channels = all / factor ** 2;
  check(Number.isInteger(channels), () => `pixelShuffle: ${all} channels: expected a multiple of ${factor ** 2}`);
  const parts = transpose(reshape(x, [batch, channels, factor, factor, height, width]), [0, 1, 4, 2, 5, 3]);
  return reshape(parts, [batch, channels, height * factor, width * factor]);
}

/** What undoes {@link pixelShuffle}: each square of places becomes the channels of one. */
export function pixelUnshuffle(x: Tensor, factor: number): Tensor {
  const [batch, channels, height, width] = checkShuffle("pixelUnshuffle", x, factor);
  check(
    height % factor === 0 && width % factor === 0,
    () => `pixelUnshuffle: ${height} x ${width} places: expected multiples of ${factor}`,
  );
  const parts = reshape(x, [batch, channels, height / factor, factor, width / factor, factor]);
  return reshape(transpose(parts, [0, 1, 3, 5, 2, 4]), [batch, channels * factor ** 2, height / factor, width / factor]);
}

/** The faces that tensors have as methods too. */
export const resampleMethods = { upsample, pixelShuffle, pixelUnshuffle };

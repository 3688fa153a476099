import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions } from "../graph/options.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { abs, add, clip, div, floor, floorDiv, mod, mul, round, sub, where } from "./arithmetic.js";
import { cast } from "./cast.js";
import { withFallback } from "./choice.js";
import { equal, greaterEqual, lessEqual } from "./compare.js";
import { checkTensors, tensor } from "./constants.js";
import { arange, zeros } from "./create.js";
import { gather } from "./indexing.js";
import { logicalAnd } from "./logic.js";
import { matmul } from "./matmul.js";
import { apply, declare, family } from "./operator.js";
import { sum } from "./reduce.js";
import { cubicWeight, type Interpolation } from "./resample.js";
import { reshape, transpose } from "./shapes.js";
import { stack, unstack } from "./slicing.js";

/** What an image holds beyond its border: zeros, the places at the border, or its mirror image. */
export type BorderPadding = "zeros" | "border" | "reflection";

/** Settings of {@link gridSample}. */
export interface GridSampleOptions {
  /** By default `"linear"`; `"cubic"` is for images `[batch, channels, height, width]` alone. */
  readonly mode?: Interpolation;
  /** By default `"zeros"`. */
  readonly padding?: BorderPadding;
  /** Whether -1 and 1 are the centres of the outermost places, or, by default, their outer borders. */
  readonly alignCorners?: boolean;
}

type GridSampleAttributes = Required<GridSampleOptions>;

/** Images sampled at places that are themselves computed. */
export const sampling = family({
  // x, grid; the gradient goes through what it is made of
  GridSample: declare<GridSampleAttributes>({
    infer: ([x, grid]) => ({ dtype: x.dtype, shape: [...x.shape.slice(0, 2), ...grid.shape.slice(1, -1)] }),
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    emit: (emitter, inputs, { mode, padding, alignCorners }) =>
      emitter.node("GridSample", inputs, { mode, padding_mode: padding, align_corners: Number(alignCorners) }),
    read: (node): Tensor => {
      // Until version 19 the modes are called bilinear and bicubic.
      const mode = node.text("mode", "linear").replace(/^bi/, "") as Interpolation;
      const padding = node.text("padding_mode", "zeros") as BorderPadding;
      return gridSample(node.input(0), node.input(1), { mode, padding, alignCorners: node.integer("align_corners", 0) === 1 });
    },
  }),
});

/**
 * `x` at the places of a grid, whose coordinates go from -1 to 1 across the image (Jaderberg et al. 2015, Spatial transformer networks, equation 3).
 * @param x `[batch, channels, height, width]` or `[batch, channels, depth, height, width]`
 * @param grid `[batch, ...places, 2]` of pairs (x, y), or `[batch, ...places, 3]` of triples (x, y, z); NaN counts as -1
 * @returns `[batch, channels, ...places]`
 */
export function gridSample(x: Tensor, grid: Tensor, options: GridSampleOptions = {}): Tensor {
  checkTensors("gridSample", x, grid);
  checkOptions("gridSample", options, { mode: "optional", padding: "optional", alignCorners: "optional" });
  const { mode = "linear", padding = "zeros", alignCorners = false } = options;
  const axes = x.rank - 2;
  check(
    isFloat(x.dtype) && (axes === 2 || axes === 3) && sizeOf(x.shape.slice(2)) > 0,
    () =>
      `gridSample: got ${x.dtype}${showShape(x.shape)}, expected floating-point numbers [batch, channels, ...places] with two or three axes of places`,
  );
  check(
    grid.dtype === x.dtype && grid.rank === x.rank && grid.shape[0] === x.shape[0] && grid.shape.at(-1) === axes,
    () =>
      `gridSample: grid ${grid.dtype}${showShape(grid.shape)}: expected ${x.dtype}[${x.shape[0]}, ...places, ${axes}] for ${showShape(x.shape)}`,
  );
  checkChoice("gridSample", "mode", mode, ["nearest", "linear", "cubic"]);
  checkChoice("gridSample", "padding", padding, ["zeros", "border", "reflection"]);
  check(
    mode !== "cubic" || axes === 2,
    () => `gridSample: cubic interpolation is of images, with two axes of places: got ${showShape(x.shape)}`,
  );
  const attributes = { mode, padding, alignCorners };
  const near = nearby(grid, padding);
  const shape = [...x.shape.slice(0, 2), ...grid.shape.slice(1, -1)];
  if (sizeOf(shape) === 0) return zeros(shape, x.dtype);
  return withFallback([apply(sampling.GridSample, [x, near], attributes)], [sampled(x, near, attributes)])[0] as Tensor;
}

/**
 * Coordinates that mean the same and are near enough to count places in any integer. From 8 on all taps lie beyond the border, of one place too;
 * reflections repeat after 4. What is no number is -1, as in PyTorch.
 */
function nearby(grid: Tensor, padding: BorderPadding): Tensor {
  const near = padding === "reflection" ? where(lessEqual(abs(grid), 8), grid, mod(grid, 4)) : clip(grid, -8, 8);
  return where(equal(near, near), near, -1);
}

/** What one place of a grid takes along an axis of the image. */
interface Tap {
  /** An index within the axis. */
  readonly index: Tensor;
  readonly weight: Tensor;
}

/** The sum over the taps of all axes, as rows of channels that are picked and added up. */
function sampled(x: Tensor, grid: Tensor, { mode, padding, alignCorners }: GridSampleAttributes): Tensor {
  const [batch, channels, ...sizes] = x.shape as readonly number[] as [number, number, ...number[]];
  const axes = sizes.length;
  const places = grid.shape.slice(1, -1);
  const coordinates = unstack(transpose(reshape(grid, [batch * sizeOf(places), axes])));
  const taps = sizes.map((size, axis) => {
    const unit = add(coordinates[axes - 1 - axis] as Tensor, 1);
    return tapsOf(alignCorners ? mul(unit, (size - 1) / 2) : sub(mul(unit, size / 2), 0.5), size, mode, padding, alignCorners);
  });
  const first: Tap = { index: floorDiv(arange(batch * sizeOf(places)), sizeOf(places)), weight: tensor([1], { dtype: x.dtype }) };
  const all = taps.reduce<readonly Tap[]>(
    (before, along, axis) =>
      before.flatMap(({ index, weight }) =>
        along.map((tap) => ({ index: add(mul(index, sizes[axis] as number), tap.index), weight: mul(weight, tap.weight) })),
      ),
    [first],
  );
  const rows = reshape(transpose(x, [0, ...sizes.map((_, i) => i + 2), 1]), [batch * sizeOf(sizes), channels]);
  const weights = reshape(stack(all.map(({ weight }) => weight)), [all.length, batch * sizeOf(places), 1]);
  const values = sum(mul(gather(rows, stack(all.map(({ index }) => index))), weights), { axis: 0 });
  return transpose(reshape(values, [batch, ...places, channels]), [0, axes + 1, ...places.map((_, i) => i + 1)]);
}

/** What is taken along an axis of so many places, at a coordinate counted in places. */
function tapsOf(coordinate: Tensor, size: number, mode: Interpolation, padding: BorderPadding, alignCorners: boolean): Tap[] {
  const padded = (at: Tensor) => withinBorder(at, size, padding, alignCorners);
  const tap = (at: Tensor, weight: Tensor): Tap => {
    const isInside = logicalAnd(greaterEqual(at, 0), lessEqual(at, size - 1));
    return { index: cast(where(isInside, at, 0), "int32"), weight: where(isInside, weight, 0) };
  };
  if (mode === "cubic") {
    const low = floor(coordinate);
    const rest = sub(coordinate, low);
    return [-1, 0, 1, 2].map((offset) => tap(padded(add(low, offset)), cubicWeight(abs(sub(rest, offset)))));
  }
  const at = padded(coordinate);
  if (mode === "nearest") return [tap(round(at), add(mul(at, 0), 1))];
  const low = floor(at);
  const rest = sub(at, low);
  return [tap(low, sub(1, rest)), tap(add(low, 1), rest)];
}

/** A coordinate brought into the image, but where zeros lie around it. */
function withinBorder(at: Tensor, size: number, padding: BorderPadding, alignCorners: boolean): Tensor {
  if (padding === "zeros") return at;
  if (padding === "border") return clip(at, 0, size - 1);
  // Mirrors at the centres of the outermost places, or at their outer borders.
  const [low, span] = alignCorners ? [0, size - 1] : [-0.5, size];
  if (span === 0) return mul(at, 0);
  const distance = abs(sub(at, low));
  const rest = mod(distance, span);
  const isBack = equal(mod(floor(div(distance, span)), 2), 1);
  return clip(add(where(isBack, sub(span, rest), rest), low), 0, size - 1);
}

/**
 * The grid that {@link gridSample} takes to map an image by an affine transformation: at each place of the result, the matrix times its coordinates and 1.
 * @param matrix `[batch, 2, 3]`, or `[batch, 3, 4]` for volumes
 * @param places the sizes of the result's axes of places: `[height, width]` or `[depth, height, width]`
 * @returns `[batch, ...places, 2]` or `[batch, ...places, 3]`
 */
export function affineGrid(matrix: Tensor, places: Shape, options: { readonly alignCorners?: boolean } = {}): Tensor {
  checkTensors("affineGrid", matrix);
  checkOptions("affineGrid", options, { alignCorners: "optional" });
  const axes = places.length;
  check(
    (axes === 2 || axes === 3) && places.every((size) => Number.isInteger(size) && size > 0),
    () => `affineGrid: places ${showShape(places)}: expected two or three sizes from 1`,
  );
  check(
    isFloat(matrix.dtype) && matrix.rank === 3 && matrix.shape[1] === axes && matrix.shape[2] === axes + 1,
    () => `affineGrid: matrix ${matrix.dtype}${showShape(matrix.shape)}: expected floating-point numbers [batch, ${axes}, ${axes + 1}]`,
  );
  const { alignCorners = false } = options;
  const at = (index: number, size: number) => (alignCorners ? (size > 1 ? (2 * index) / (size - 1) - 1 : 0) : (2 * index + 1) / size - 1);
  const count = sizeOf(places);
  const rows = Array.from({ length: count }, (_, place) => {
    let rest = place;
    const along = places.toReversed().map((size) => {
      const index = rest % size;
      rest = (rest - index) / size;
      return at(index, size);
    });
    return [...along, 1];
  });
  const grid = matmul(tensor(rows.flat(), { dtype: matrix.dtype, shape: [count, axes + 1] }), transpose(matrix));
  return reshape(grid, [matrix.shape[0] as number, ...places, axes]);
}

/** The faces that tensors have as methods too. */
export const sampleMethods = { gridSample, affineGrid };

import { isFloat } from "../../graph/dtype.js";
import type { Tensor } from "../../graph/tensor.js";
import { abs, add, mul, sign } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { tensor } from "../../ops/constants.js";
import { pow } from "../../ops/elementary.js";
import { gather } from "../../ops/indexing.js";
import { fold } from "../../ops/patches.js";
import { averagePool } from "../../ops/pool.js";
import { expand, reshape } from "../../ops/shapes.js";
import { padWith, slice } from "../../ops/slicing.js";
import { windowsOfNode } from "../../ops/windowNode.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

/** `(Σ |x|ᵖ)^(1/p)` of each window. */
function lpPool(node: ReadNode): Tensor {
  const { kernel, dilation, ...options } = windowsOfNode(node, node.input(0));
  node.check(
    dilation.every((each) => each === 1),
    () => `windows with the dilation [${dilation}]: expected 1`,
  );
  const order = node.integer("p", 2);
  const sums = averagePool(pow(abs(node.input(0)), order), kernel, { ...options, ceilMode: node.integer("ceil_mode", 0) === 1 });
  const count = kernel.reduce((product, size) => product * size, 1);
  return pow(mul(sums, count), 1 / order);
}

function centerCropPad(node: ReadNode): Tensor {
  const x = node.input(0);
  const sizes = node.known(1) ?? [];
  const axes = (node.integers("axes") ?? [...x.shape.keys()]).map((axis) => (axis < 0 ? axis + x.rank : axis));
  const wanted = x.shape.map((size, axis) => (axes.includes(axis) ? (sizes[axes.indexOf(axis)] as number) : size));
  const cut = slice(
    x,
    x.shape.map((size, axis) => {
      const start = Math.floor(Math.max(0, size - (wanted[axis] as number)) / 2);
      return [start, start + Math.min(size, wanted[axis] as number)];
    }),
  );
  return padWith(
    cut,
    cut.shape.map((size, axis) => {
      const total = (wanted[axis] as number) - size;
      const before = Math.floor(total / 2);
      return [before, total - before];
    }),
  );
}

function columnsToImage(node: ReadNode): Tensor {
  const [sizes, kernel] = [node.known(1) ?? [], node.known(2) ?? []];
  const pads = node.integers("pads") ?? [];
  const padding = kernel.map((_, i): readonly [number, number] => [pads[i] ?? 0, pads[i + kernel.length] ?? 0]);
  const listed = (name: string) => node.integers(name) ?? kernel.map(() => 1);
  return fold(node.input(0), sizes, kernel, { stride: listed("strides"), dilation: listed("dilations"), padding });
}

/** For one axis of a result the places that each of its elements is made from, and by which weights. */
interface Taps {
  readonly places: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
}

/** Each element along `axis` as a weighted sum of a few of `x`. */
function resampled(x: Tensor, axis: number, { places, weights }: Taps): Tensor {
  const [count, taps] = [places.length, places[0]?.length ?? 0];
  const size = x.shape[axis] as number;
  const isPlain = taps === 1 && weights.every(([weight]) => weight === 1);
  const factor = count / size;
  // Each element repeated so often is no selection: its gradient is a sum.
  if (isPlain && Number.isInteger(factor) && places.every(([place], i) => place === Math.floor(i / factor))) {
    const [before, after] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
    return reshape(expand(reshape(x, [...before, size, 1, ...after]), [...before, size, factor, ...after]), [...before, count, ...after]);
  }
  const along = (values: readonly number[]) =>
    reshape(tensor([...values], { dtype: x.dtype }), [count, ...x.shape.slice(axis + 1).map(() => 1)]);
  const parts = Array.from({ length: taps }, (_, k) => {
    const indices = places.map((list) => list[k] as number);
    const part = gather(x, tensor(indices, { dtype: "int32", shape: [count] }), { axis });
    return isPlain ? part : mul(part, along(weights.map((list) => list[k] as number)));
  });
  return parts.reduce((sum, part) => add(sum, part));
}

/** Where an element of a resized axis lies on the axis that was given, by ONNX's names of the rules. */
const coordinates: Readonly<
  Record<string, (i: number, scale: number, size: number, resized: number, range: readonly [number, number]) => number>
> = {
  half_pixel: (i, scale) => (i + 0.5) / scale - 0.5,
  half_pixel_symmetric: (i, scale, size, resized) => {
    const adjustment = resized / (scale * size);
    return (size / 2) * (1 - adjustment) + (i + 0.5) / scale - 0.5;
  },
  pytorch_half_pixel: (i, scale, _, resized) => (resized > 1 ? (i + 0.5) / scale - 0.5 : 0),
  align_corners: (i, _, size, resized) => (resized === 1 ? 0 : (i * (size - 1)) / (resized - 1)),
  asymmetric: (i, scale) => i / scale,
  tf_crop_and_resize: (i, _, size, resized, [start, end]) =>
    resized > 1 ? start * (size - 1) + (i * (end - start) * (size - 1)) / (resized - 1) : 0.5 * (start + end) * (size - 1),
};

const roundings: Readonly<Record<string, (x: number) => number>> = {
  round_prefer_floor: (x) => Math.ceil(x - 0.5),
  round_prefer_ceil: (x) => Math.floor(x + 0.5),
  floor: Math.floor,
  ceil: Math.ceil,
};

/** The weight of an element so far away (Keys 1981, equation 4, with its parameter a). */
const cubic = (a: number, distance: number): number => {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  return d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a : 0;
};

/** The places and weights of one resized axis. */
function tapsOf(
  node: ReadNode,
  size: number,
  resized: number,
  scale: number,
  range: readonly [number, number],
): Taps & { readonly beyond: readonly boolean[] } {
  const rule = node.text("coordinate_transformation_mode", node.version < 11 ? "asymmetric" : "half_pixel");
  const locate = coordinates[rule];
  node.check(locate !== undefined, () => `the coordinates ${rule}: expected ${Object.keys(coordinates).join(", ")}`);
  const mode = node.text("mode", "nearest");
  const at = Array.from({ length: resized }, (_, i) => locate(i, scale, size, resized, range));
  const beyond = at.map((x) => rule === "tf_crop_and_resize" && (x < 0 || x > size - 1));
  const within = (place: number) => Math.min(Math.max(place, 0), size - 1);
  if (mode === "nearest") {
    // Until version 10 ONNX Runtime takes the element before where it makes an axis larger, and the one behind where it makes it smaller.
    const name = node.text("nearest_mode", node.version >= 11 ? "round_prefer_floor" : scale < 1 ? "ceil" : "floor");
    const round = roundings[name];
    node.check(round !== undefined, () => `the rounding ${name}: expected ${Object.keys(roundings).join(", ")}`);
    return { places: at.map((x) => [within(round(x))]), weights: at.map(() => [1]), beyond };
  }
  node.check(mode === "linear" || mode === "cubic", () => `the mode ${mode}: expected nearest, linear or cubic`);
  // Made smaller, an antialiased image has each element from as many more.
  const stretch = node.integer("antialias", 0) === 1 ? Math.max(1, 1 / scale) : 1;
  const reach = mode === "linear" ? 1 : 2;
  const a = node.number("cubic_coeff_a", -0.75);
  const weigh = (distance: number) => (mode === "linear" ? Math.max(0, 1 - Math.abs(distance)) : cubic(a, distance));
  const count = Math.ceil(reach * stretch) * 2;
  const excludes = node.integer("exclude_outside", 0) === 1;
  const lists = at.map((x) => {
    const first = Math.floor(x) - count / 2 + 1;
    const list = Array.from({ length: count }, (_, k) => first + k);
    const raw = list.map((place) => (excludes && (place < 0 || place >= size) ? 0 : weigh((place - x) / stretch)));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { places: list.map(within), weights: raw.map((weight) => weight / total) };
  });
  return { places: lists.map((each) => each.places), weights: lists.map((each) => each.weights), beyond };
}

/** Images, or any axes, made larger or smaller. */
function resize(node: ReadNode): Tensor {
  const image = node.input(0);
  // Integers are weighed as floats.
  const x = isFloat(image.dtype) || node.text("mode", "nearest") === "nearest" ? image : cast(image, node.float);
  const isOld = node.version < 11;
  const axes = (node.integers("axes") ?? [...x.shape.keys()]).map((axis) => (axis < 0 ? axis + x.rank : axis));
  const [given, sizes] = [node.known(isOld ? 1 : 2) ?? node.numbers("scales") ?? [], isOld ? [] : (node.known(3) ?? [])];
  const region = isOld ? [] : (node.known(1) ?? []);
  let scales = axes.map((axis, i) => (sizes.length > 0 ? (sizes[i] as number) / (x.shape[axis] as number) : (given[i] ?? 1)));
  const policy = node.text("keep_aspect_ratio_policy", "stretch");
  const keeps = sizes.length > 0 && policy !== "stretch";
  if (keeps) scales = axes.map(() => (policy === "not_larger" ? Math.min(...scales) : Math.max(...scales)));
  const fill = node.number("extrapolation_value", 0);
  const resizedImage = axes.reduce((image, axis, i) => {
    const [size, scale] = [image.shape[axis] as number, scales[i] as number];
    const resized = keeps ? Math.round(size * scale) : (sizes[i] ?? Math.floor(Math.fround(size * scale)));
    const range = [region[i] ?? 0, region[i + axes.length] ?? 1] as const;
    node.check(
      resized > 0 && resized <= 2 ** 24 && size > 0,
      () => `the size ${resized} of axis ${axis}, which has ${size}: expected one from 1`,
    );
    const isCropped = node.text("coordinate_transformation_mode", "") === "tf_crop_and_resize";
    if (scale === 1 && resized === size && !isCropped) return image;
    const { beyond, ...taps } = tapsOf(node, size, resized, scale, range);
    const result = resampled(image, axis, taps);
    if (!beyond.some(Boolean)) return result;
    const along = (values: readonly number[]) =>
      reshape(tensor([...values], { dtype: x.dtype }), [resized, ...x.shape.slice(axis + 1).map(() => 1)]);
    return add(mul(result, along(beyond.map((is) => (is ? 0 : 1)))), along(beyond.map((is) => (is ? fill : 0))));
  }, x);
  // Weights that are thirds add up to almost 1: what is that near to an integer is not cut off to the one below.
  return x === image ? resizedImage : cast(add(resizedImage, mul(sign(resizedImage), 1e-4)), image.dtype);
}

export const imageReaders: Readonly<Record<string, NodeReader>> = {
  ":LpPool": { read: lpPool },
  ":Col2Im": { read: columnsToImage },
  ":CenterCropPad": { read: centerCropPad },
  ":Resize": { read: resize, roles: { 1: "setting", 2: "setting" } },
  ":Upsample": { read: resize, roles: { 1: "setting" } },
};

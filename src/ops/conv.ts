import { isFloat, promote } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type Shape, sameShape, showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import { cast } from "./cast.js";
import { checkTensors } from "./constants.js";
import {
  type ConvolutionGeometry,
  checkFits,
  type Padding,
  type PerAxis,
  paddingOf,
  perAxis,
  placesOf,
  reach,
} from "./convolutionGeometry.js";
import { matmul } from "./matmul.js";
import { apply, declare, family, type OnnxNode } from "./operator.js";
import { sum } from "./reduce.js";
import { reshape, transpose } from "./shapes.js";
import { concat, dilate, flip, pad, slice } from "./slicing.js";
import { windowsOfNode } from "./windowNode.js";

/** The spatial sizes of an image `[batch, channels, ...places]`, and those of a kernel `[outputs, inputs, ...kernel]`. */
const spatial = ({ shape }: { readonly shape: Shape }): Shape => shape.slice(2);

/**
 * Convolutions as three operators, which are each other's gradients, of every order. With images x `[batch, channels, ...places]`, a kernel w
 * `[outputs, channels / group, ...kernel]` and y `[batch, outputs, ...places]` let B(x, w) be Conv. It is linear in both, and
 * Σ B(x, w) y = Σ x T(y, w) = Σ w V(x, y), where T is ConvTranspose and V ConvWeightGradient.
 */
export const convolutions = family({
  // x, w and, where there is one, a bias [outputs]
  Conv: declare<ConvolutionGeometry>({
    infer: ([x, w], geometry) => ({
      dtype: x.dtype,
      shape: [x.shape[0] as number, w.shape[0] as number, ...placesOf(spatial(x), spatial(w), geometry)],
    }),
    kind: { is: "opaque" },
    gradient: [
      (g, [x, w], _, geometry) => toImage(g, w, spatial(x), geometry),
      (g, [x, w], _, geometry) => toKernel(x, g, spatial(w), geometry),
      (g) => sum(g, { axis: [...g.shape.keys()].filter((axis) => axis !== 1) }),
    ],
    emit: (emitter, inputs, { strides, pads, dilations, group }, { inputs: [, w] }) =>
      emitter.node("Conv", inputs, { kernel_shape: spatial(w as Tensor), strides, pads, dilations, group }),
    decompose: ([x, w, bias], geometry) => convByProduct(x, w, bias, geometry),
    read: (node) => {
      const [x, w] = [node.input(0), node.input(1)];
      const { kernel, ...options } = windowsOfNode(node, x, spatial(w));
      return conv(x, w, { ...options, bias: node.optional(2), groups: node.integer("group", 1) });
    },
  }),
  // y, w; `sizes` are the spatial sizes of the result
  ConvTranspose: declare<ConvolutionGeometry & { readonly sizes: Shape }>({
    infer: ([y, w], { group, sizes }) => ({
      dtype: y.dtype,
      shape: [y.shape[0] as number, (w.shape[1] as number) * group, ...sizes],
    }),
    kind: { is: "opaque" },
    gradient: [
      (g, [, w], _, { sizes, ...geometry }) => toPlaces([g, w], geometry),
      (g, [y, w], _, { sizes, ...geometry }) => toKernel(g, y, spatial(w), geometry),
    ],
    emit: (emitter, inputs, { sizes, strides, pads, dilations, group }, { inputs: [y, w] }) => {
      const kernel = spatial(w as Tensor);
      const least = reachedSizes(spatial(y as Tensor), kernel, { strides, pads, dilations, group });
      const output_padding = sizes.map((size, i) => size - (least[i] as number));
      return emitter.node("ConvTranspose", inputs, { kernel_shape: kernel, strides, pads, dilations, group, output_padding });
    },
    decompose: ([y, w], { sizes, ...geometry }) => transposedByConv(y, w, sizes, geometry),
    read: transposedNode,
  }),
  // x, y; `kernel` are the spatial sizes of the result
  ConvWeightGradient: declare<ConvolutionGeometry & { readonly kernel: Shape }>({
    infer: ([x, y], { group, kernel }) => ({
      dtype: x.dtype,
      shape: [y.shape[1] as number, (x.shape[1] as number) / group, ...kernel],
    }),
    kind: { is: "opaque" },
    gradient: [
      (g, [x, y], _, { kernel, ...geometry }) => toImage(y, g, spatial(x), geometry),
      (g, [x], _, { kernel, ...geometry }) => toPlaces([x, g], geometry),
    ],
    decompose: ([x, y], { kernel, ...geometry }) => weightGradientByProducts(x, y, kernel, geometry),
  }),
});

/** B(x, w), plus a bias where there is one. */
const toPlaces = (operands: readonly Tensor[], geometry: ConvolutionGeometry): Tensor => apply(convolutions.Conv, operands, geometry);

/** T(y, w) for images of the spatial sizes `sizes`. */
const toImage = (y: Tensor, w: Tensor, sizes: Shape, geometry: ConvolutionGeometry): Tensor =>
  apply(convolutions.ConvTranspose, [y, w], { ...geometry, sizes });

/** V(x, y) for a kernel of the spatial sizes `kernel`. */
const toKernel = (x: Tensor, y: Tensor, kernel: Shape, geometry: ConvolutionGeometry): Tensor =>
  apply(convolutions.ConvWeightGradient, [x, y], { ...geometry, kernel });

/** The sizes of the smallest image that a kernel has the places `places` in. */
const reachedSizes = (places: Shape, kernel: Shape, { strides, pads, dilations }: ConvolutionGeometry): Shape =>
  places.map(
    (count, i) =>
      (count - 1) * (strides[i] as number) +
      reach(kernel[i] as number, dilations[i] as number) -
      (pads[i] as number) -
      (pads[i + places.length] as number),
  );

/** For each element of a kernel, in row-major order, the part of an image `[batch, channels, ...]` that it meets: `[batch, channels, ...places]`. */
function partsUnder(x: Tensor, kernel: Shape, geometry: ConvolutionGeometry): readonly Tensor[] {
  const { strides, pads, dilations } = geometry;
  const places = placesOf(spatial(x), kernel, geometry);
  const padded = pad(x, [[0, 0], [0, 0], ...kernel.map((_, i) => [pads[i] as number, pads[i + kernel.length] as number] as const)]);
  return indicesOf(kernel).map((index) =>
    slice(padded, [
      [],
      [],
      ...index.map((k, i) => {
        const start = k * (dilations[i] as number);
        return [start, start + ((places[i] as number) - 1) * (strides[i] as number) + 1, strides[i] as number] as const;
      }),
    ]),
  );
}

/** Every index into a shape, in row-major order. */
const indicesOf = (shape: Shape): readonly (readonly number[])[] =>
  shape.reduce<readonly (readonly number[])[]>(
    (indices, size) => indices.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i])),
    [[]],
  );

/** Conv as one product of the kernel with the parts of the image that its elements meet. */
function convByProduct(x: Tensor, w: Tensor, bias: Tensor | undefined, geometry: ConvolutionGeometry): Tensor {
  const { group } = geometry;
  const [batch, channels] = x.shape as readonly [number, number];
  const [outputs, inputs] = w.shape as readonly [number, number];
  const kernel = spatial(w);
  const places = placesOf(spatial(x), kernel, geometry);
  const count = sizeOf(places);
  const columns = concat(
    partsUnder(x, kernel, geometry).map((part) => reshape(part, [batch, group, channels / group, count])),
    { axis: 2 },
  );
  // [outputs, inputs, elements] to [group, outputs / group, elements * inputs]
  const rows = reshape(transpose(reshape(w, [outputs, inputs, sizeOf(kernel)])), [group, outputs / group, sizeOf(kernel) * inputs]);
  const y = reshape(matmul(rows, columns), [batch, outputs, ...places]);
  return bias ? add(y, reshape(bias, [outputs, ...places.map(() => 1)])) : y;
}

/** ConvTranspose as the Conv of y, with zeros between its elements where there are strides, by the kernel turned round. */
function transposedByConv(y: Tensor, w: Tensor, sizes: Shape, { strides, pads, dilations, group }: ConvolutionGeometry): Tensor {
  const [outputs, inputs] = w.shape as readonly [number, number];
  const kernel = spatial(w);
  const axes = kernel.map((_, i) => i + 2);
  const apart = axes.reduce((x, axis, i) => dilate(x, axis, strides[i] as number), y);
  // The zeros around it; where the image was padded further than the kernel reaches, elements are cut off instead.
  const around = sizes.map((size, i) => {
    const span = reach(kernel[i] as number, dilations[i] as number) - 1;
    const before = span - (pads[i] as number);
    return [before, size + span - before - (apart.shape[axes[i] as number] as number)] as const;
  });
  const cut = slice(apart, [
    [],
    [],
    ...around.map(([before, after], i) => [Math.max(0, -before), (apart.shape[i + 2] as number) + Math.min(0, after)] as const),
  ]);
  const grouped = reshape(flip(w, { axis: axes }), [group, outputs / group, inputs, ...kernel]);
  const turned = reshape(transpose(grouped, [0, 2, 1, ...axes.map((axis) => axis + 1)]), [group * inputs, outputs / group, ...kernel]);
  return toPlaces([cut, turned], {
    strides: kernel.map(() => 1),
    pads: [...around.map(([before]) => Math.max(0, before)), ...around.map(([, after]) => Math.max(0, after))],
    dilations,
    group,
  });
}

/** ConvWeightGradient as one product of y with the parts of the image that the kernel's elements meet, summed over batch and places. */
function weightGradientByProducts(x: Tensor, y: Tensor, kernel: Shape, geometry: ConvolutionGeometry): Tensor {
  const { group } = geometry;
  const [batch, channels] = x.shape as readonly [number, number];
  const outputs = y.shape[1] as number;
  const terms = batch * sizeOf(spatial(y));
  // [batch, channels, ...places] to [group, channels / group, batch * places]
  const byChannel = (part: Tensor, count: number) =>
    reshape(transpose(part, [1, 0, ...spatial(part).map((_, i) => i + 2)]), [group, count / group, terms]);
  const columns = concat(
    partsUnder(x, kernel, geometry).map((part) => byChannel(part, channels)),
    { axis: 1 },
  );
  const product = matmul(byChannel(y, outputs), transpose(columns));
  const elements = reshape(product, [outputs, sizeOf(kernel), channels / group]);
  return reshape(transpose(elements), [outputs, channels / group, ...kernel]);
}

/** Settings of {@link conv}. */
export interface ConvOptions {
  /** `[outputs]`, added to each place. */
  readonly bias?: Tensor | undefined;
  /** How many elements the kernel moves from place to place, along every spatial axis or along each; by default 1. */
  readonly stride?: PerAxis;
  /** By default 0. */
  readonly padding?: Padding;
  /** How many elements of the image lie between those that neighbours in the kernel meet, plus 1; by default 1. */
  readonly dilation?: PerAxis;
  /** Into how many groups the channels are divided, each convolved by itself; by default 1. */
  readonly groups?: number;
}

/**
 * The convolution (without turning the kernel, as networks call it) of images by a kernel.
 * @param x `[batch, channels, ...places]` of 1 to 3 spatial axes
 * @param weight `[outputs, channels / groups, ...kernel]`
 * @returns `[batch, outputs, ...places]`, with `floor((size + padding - dilation (kernel - 1) - 1) / stride) + 1` places along each axis
 * @throws KasaneError where the shapes do not fit, the kernel is larger than the padded image, or the numbers are integers
 */
export function conv(x: Tensor, weight: Tensor, options: ConvOptions = {}): Tensor {
  checkOptions("conv", options, { bias: "optional", stride: "optional", padding: "optional", dilation: "optional", groups: "optional" });
  const { bias, stride = 1, padding = 0, dilation = 1, groups = 1 } = options;
  const [image, kernel, ...added] = operandsOf("conv", x, weight, bias);
  const sizes = spatial(kernel);
  checkGroups("conv", kernel, groups);
  check(
    image.shape[1] === (kernel.shape[1] as number) * groups,
    () =>
      `conv: ${image.shape[1]} channels of ${showShape(x.shape)} in ${groups} groups beside a kernel ${showShape(weight.shape)}: ` +
      "expected [outputs, channels / groups, ...kernel]",
  );
  checkBias("conv", bias, kernel.shape[0] as number);
  const strides = perAxis("conv", "stride", stride, sizes.length, 1);
  const dilations = perAxis("conv", "dilation", dilation, sizes.length, 1);
  const around = paddingOf("conv", padding, sizes, strides, dilations);
  const geometry = { strides, pads: [...around.map(([before]) => before), ...around.map(([, after]) => after)], dilations, group: groups };
  checkFits("conv", spatial(image), sizes, geometry);
  return toPlaces([image, kernel, ...added], geometry);
}

/** Settings of {@link convTranspose}. */
export interface ConvTransposeOptions extends Omit<ConvOptions, "padding"> {
  /** How many elements are left out at every end of the result, or at those of each axis, as {@link conv} by this padding would not make them. */
  readonly padding?: PerAxis;
  /** How many elements are added after each axis, which a stride leaves undetermined; less than the stride or the dilation, by default 0. */
  readonly outputPadding?: PerAxis;
}

/**
 * The transposed convolution: the gradient of {@link conv} by its images, so it takes places back to images.
 * @param x `[batch, channels, ...places]` of 1 to 3 spatial axes
 * @param weight `[channels, outputs / groups, ...kernel]`
 * @returns `[batch, outputs, ...sizes]`, of `(places - 1) stride - 2 padding + dilation (kernel - 1) + outputPadding + 1` elements along each axis
 * @throws KasaneError where the shapes do not fit, nothing would be left, or the numbers are integers
 */
export function convTranspose(x: Tensor, weight: Tensor, options: ConvTransposeOptions = {}): Tensor {
  checkOptions("convTranspose", options, {
    bias: "optional",
    stride: "optional",
    padding: "optional",
    outputPadding: "optional",
    dilation: "optional",
    groups: "optional",
  });
  const { bias, stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
  const [places, kernel, ...added] = operandsOf("convTranspose", x, weight, bias);
  const sizes = spatial(kernel);
  checkGroups("convTranspose", kernel, groups);
  check(
    places.shape[1] === kernel.shape[0],
    () =>
      `convTranspose: ${places.shape[1]} channels of ${showShape(x.shape)} beside a kernel ${showShape(weight.shape)}: ` +
      "expected [channels, outputs / groups, ...kernel]",
  );
  const outputs = (kernel.shape[1] as number) * groups;
  checkBias("convTranspose", bias, outputs);
  const strides = perAxis("convTranspose", "stride", stride, sizes.length, 1);
  const dilations = perAxis("convTranspose", "dilation", dilation, sizes.length, 1);
  const around = perAxis("convTranspose", "padding", padding, sizes.length, 0);
  const after = perAxis("convTranspose", "outputPadding", outputPadding, sizes.length, 0);
  after.forEach((count, i) => {
    const [step, width] = [strides[i] as number, dilations[i] as number];
    check(
      count < Math.max(step, width),
      () => `convTranspose: outputPadding ${count} with stride ${step} and dilation ${width}: expected less than one of both`,
    );
  });
  const geometry = { strides, pads: [...around, ...around], dilations, group: groups };
  const least = reachedSizes(spatial(places), sizes, geometry);
  check(
    least.every((size, i) => size + (after[i] as number) > 0),
    () => `convTranspose: padding [${around}] leaves nothing of ${showShape(least.map((size, i) => size + 2 * (around[i] as number)))}`,
  );
  // What no place of a convolution would reach holds zeros.
  const beyond = after.map((count, i) => (count < (strides[i] as number) ? 0 : count));
  const reached = least.map((size, i) => size + (after[i] as number) - (beyond[i] as number));
  const image = pad(toImage(places, kernel, reached, geometry), [[0, 0], [0, 0], ...beyond.map((count) => [0, count] as const)]);
  const [shift] = added;
  return shift ? add(image, reshape(shift, [outputs, ...sizes.map(() => 1)])) : image;
}

/** What an ONNX node transposes: all that the kernel reaches, of which elements are left out at the ends, or to whose ends zeros are added. */
function transposedNode(node: OnnxNode): Tensor {
  const [x, w] = [node.input(0), node.input(1)];
  const { kernel, padding, stride, dilation } = windowsOfNode(node, x, spatial(w));
  const bias = node.optional(2);
  const whole = convTranspose(x, w, { stride, dilation, groups: node.integer("group", 1) });
  const [more, target, rule] = [
    node.integers("output_padding"),
    node.integers("output_shape")?.slice(-kernel.length),
    node.text("auto_pad", "NOTSET"),
  ];
  const ends = spatial(whole).map((size, i): readonly [number, number] => {
    const added = more?.[i] ?? 0;
    const wanted = target?.[i] ?? (rule.startsWith("SAME") ? (spatial(x)[i] as number) * (stride[i] as number) : undefined);
    if (wanted === undefined) return [padding[i]?.[0] ?? 0, (padding[i]?.[1] ?? 0) - added];
    const total = size + added - wanted;
    const before = rule === "SAME_UPPER" ? Math.floor(total / 2) : total - Math.floor(total / 2);
    return [before, total - before - added];
  });
  const kept = slice(whole, [
    [],
    [],
    ...ends.map(([before, after], i) => [Math.max(0, before), (spatial(whole)[i] as number) - Math.max(0, after)] as const),
  ]);
  const image = pad(kept, [[0, 0], [0, 0], ...ends.map(([before, after]) => [Math.max(0, -before), Math.max(0, -after)] as const)]);
  return bias ? add(image, reshape(bias, [bias.size, ...kernel.map(() => 1)])) : image;
}

/** The operands of a convolution as floating-point numbers of one dtype. */
function operandsOf(operation: string, x: Tensor, weight: Tensor, bias: Tensor | undefined): readonly [Tensor, Tensor, ...Tensor[]] {
  const given = bias ? [x, weight, bias] : [x, weight];
  checkTensors(operation, ...given);
  for (const { dtype, shape } of given)
    check(isFloat(dtype), () => `${operation}: got ${dtype}${showShape(shape)}: expected floating-point numbers: cast it to float32`);
  check(
    x.rank >= 3 && x.rank <= 5 && weight.rank === x.rank,
    () =>
      `${operation}: ${showShape(x.shape)} and a kernel ${showShape(weight.shape)}: expected [batch, channels, ...places] of 1 to 3 spatial axes, and a kernel of the same rank`,
  );
  check(
    spatial(weight).every((size) => size > 0),
    () => `${operation}: a kernel ${showShape(weight.shape)}: expected at least one element along each spatial axis`,
  );
  const dtype = given.map((each) => each.dtype).reduce(promote);
  return given.map((each) => cast(each, dtype)) as unknown as readonly [Tensor, Tensor, ...Tensor[]];
}

const checkGroups = (operation: string, weight: Tensor, groups: number): void =>
  check(
    Number.isInteger(groups) && groups >= 1 && (weight.shape[0] as number) % groups === 0,
    () => `${operation}: ${groups} groups of a kernel ${showShape(weight.shape)}: expected an integer from 1 that divides its first axis`,
  );

const checkBias = (operation: string, bias: Tensor | undefined, outputs: number): void =>
  check(
    bias === undefined || sameShape(bias.shape, [outputs]),
    () => `${operation}: a bias ${showShape(bias?.shape ?? [])}: expected ${showShape([outputs])}`,
  );

/** The faces that tensors have as methods too. */
export const convMethods = { conv, convTranspose };

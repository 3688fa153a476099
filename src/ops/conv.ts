import { isFloat, promote } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkChoice, checkOptions } from "../graph/options.js";
import { type Shape, sameShape, showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import { cast } from "./cast.js";
import { checkTensors } from "./constants.js";
import { type ConvolutionGeometry, type Padding, type PerAxis, perAxis, reach } from "./convolutionGeometry.js";
import { imageByProduct, kernelByProduct, placesByProduct } from "./convolutionProducts.js";
import { zeros } from "./create.js";
import { apply, declare, family, type OnnxNode } from "./operator.js";
import { type PaddingMode, pad } from "./pad.js";
import { sum } from "./reduce.js";
import { reshape } from "./shapes.js";
import { slice } from "./slicing.js";
import { windowsOfNode } from "./windowNode.js";
import { alongAxes, placeAxes, type Windows, windowShape, windowsOn } from "./windows.js";

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
      shape: [x.shape[0] as number, w.shape[0] as number, ...spatial({ shape: windowShape(x.shape, { ...geometry, kernel: spatial(w) }) })],
    }),
    kind: { is: "convolution", convolution: (geometry) => geometry },
    gradient: [
      (g, [x, w], _, geometry) => toImage(g, w, spatial(x), geometry),
      (g, [x, w], _, geometry) => toKernel(x, g, spatial(w), geometry),
      (g) => sum(g, { axis: [...g.shape.keys()].filter((axis) => axis !== 1) }),
    ],
    emit: (emitter, inputs, { strides, pads, dilations, group }, { inputs: [, w] }) =>
      emitter.node("Conv", inputs, { kernel_shape: spatial(w as Tensor), strides, pads, dilations, group }),
    decompose: ([x, w, bias], geometry) => placesByProduct(x, w, bias, { ...geometry, kernel: spatial(w) }),
    read: (node) => {
      const [x, w] = [node.input(0), node.input(1)];
      const { kernel, ...options } = windowsOfNode(node, x, spatial(w));
      return conv(x, w, { ...options, bias: node.optional(2), groups: node.integer("group", 1) });
    },
    roles: { 1: "factor" },
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
      const least = reachedSizes(spatial(y as Tensor), { kernel, strides, pads, dilations });
      const output_padding = sizes.map((size, i) => size - (least[i] as number));
      return emitter.node("ConvTranspose", inputs, { kernel_shape: kernel, strides, pads, dilations, group, output_padding });
    },
    multiplications: ([y, w]) => productsOf(y.shape, w.size),
    // Place i adds to the places i stride - padding + k dilation, so ⌈extent / stride⌉ places at most add to one.
    sees: ([, w], { strides, pads, dilations }) => [
      { count: 1, step: 1, start: 0 },
      "all",
      ...strides.map((stride, i) => {
        const extent = reach(w.shape[i + 2] as number, dilations[i] as number);
        const count = Math.ceil(extent / stride);
        return { count, step: 1 / stride, start: ((pads[i] as number) - (extent - 1) / 2) / stride - (count - 1) / 2 };
      }),
    ],
    decompose: ([y, w], { sizes, ...geometry }) => imageByProduct(y, w, sizes, { ...geometry, kernel: spatial(w) }),
    read: transposedNode,
    roles: { 1: "factor" },
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
    multiplications: ([x, y], { group, kernel }) =>
      productsOf(y.shape, (((y.shape[1] as number) * (x.shape[1] as number)) / group) * sizeOf(kernel)),
    decompose: ([x, y], windows) => kernelByProduct(x, y, windows),
  }),
});

/** How many products a convolution makes at the places of `[batch, outputs, ...places]` by a kernel of so many elements. */
const productsOf = ([batch, , ...places]: Shape, elements: number): number => (batch as number) * sizeOf(places) * elements;

/** B(x, w), plus a bias where there is one. */
const toPlaces = (operands: readonly Tensor[], geometry: ConvolutionGeometry): Tensor => apply(convolutions.Conv, operands, geometry);

/** T(y, w) for images of the spatial sizes `sizes`; of no places, or to none, there is nothing to compute, and no kernel that does. */
const toImage = (y: Tensor, w: Tensor, sizes: Shape, geometry: ConvolutionGeometry): Tensor =>
  sizeOf(sizes) === 0 || sizeOf(spatial(y)) === 0
    ? zeros([y.shape[0] as number, (w.shape[1] as number) * geometry.group, ...sizes], y.dtype)
    : apply(convolutions.ConvTranspose, [y, w], { ...geometry, sizes });

/** V(x, y) for a kernel of the spatial sizes `kernel`. */
const toKernel = (x: Tensor, y: Tensor, kernel: Shape, geometry: ConvolutionGeometry): Tensor =>
  apply(convolutions.ConvWeightGradient, [x, y], { ...geometry, kernel });

/** The sizes of the smallest image that windows have the places `places` in. */
const reachedSizes = (places: Shape, windows: Windows): Shape =>
  alongAxes(windows).map(
    (along, i) => ((places[i] as number) - 1) * along.stride + reach(along.kernel, along.dilation) - along.before - along.after,
  );

/** Settings of {@link conv}. */
export interface ConvOptions {
  /** `[outputs]`, added to each place. */
  readonly bias?: Tensor | undefined;
  /** How many elements the kernel moves from place to place, along every spatial axis or along each; by default 1. */
  readonly stride?: PerAxis;
  /** By default 0. */
  readonly padding?: Padding;
  /** What is around the image: by default zeros, or what {@link pad} makes of its own elements. */
  readonly paddingMode?: "zeros" | PaddingMode;
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
  checkOptions<ConvOptions>("conv", options, {
    bias: "optional",
    stride: "optional",
    padding: "optional",
    paddingMode: "optional",
    dilation: "optional",
    groups: "optional",
  });
  const { bias, stride = 1, padding = 0, paddingMode = "zeros", dilation = 1, groups = 1 } = options;
  checkChoice("conv", "paddingMode", paddingMode, ["zeros", "reflect", "replicate", "circular"]);
  const [image, w, ...added] = operandsOf("conv", x, weight, bias);
  checkGroups("conv", w, groups);
  check(
    image.shape[1] === (w.shape[1] as number) * groups,
    () =>
      `conv: ${image.shape[1]} channels of ${showShape(x.shape)} in ${groups} groups beside a kernel ${showShape(weight.shape)}: ` +
      "expected [outputs, channels / groups, ...kernel]",
  );
  checkBias("conv", bias, w.shape[0] as number);
  const { kernel, ...windows } = windowsOn("conv", image.shape, spatial(w), { stride, padding, dilation });
  const geometry = { ...windows, group: groups };
  if (paddingMode === "zeros") return toPlaces([image, w, ...added], geometry);
  const around = alongAxes({ kernel, ...windows }).map(({ before, after }) => [before, after] as const);
  const padded = pad(image, [[0, 0], [0, 0], ...around], paddingMode);
  return toPlaces([padded, w, ...added], { ...geometry, pads: windows.pads.map(() => 0) });
}

/** Settings of {@link convTranspose}. */
export interface ConvTransposeOptions extends Omit<ConvOptions, "padding" | "paddingMode"> {
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
  checkOptions<ConvTransposeOptions>("convTranspose", options, {
    bias: "optional",
    stride: "optional",
    padding: "optional",
    outputPadding: "optional",
    dilation: "optional",
    groups: "optional",
  });
  const { bias, stride = 1, padding = 0, outputPadding = 0, dilation = 1, groups = 1 } = options;
  const [y, w, ...added] = operandsOf("convTranspose", x, weight, bias);
  const kernel = spatial(w);
  const axes = kernel.length;
  checkGroups("convTranspose", w, groups);
  check(
    y.shape[1] === w.shape[0],
    () =>
      `convTranspose: ${y.shape[1]} channels of ${showShape(x.shape)} beside a kernel ${showShape(weight.shape)}: ` +
      "expected [channels, outputs / groups, ...kernel]",
  );
  const outputs = (w.shape[1] as number) * groups;
  checkBias("convTranspose", bias, outputs);
  const strides = perAxis("convTranspose", "stride", stride, axes, 1);
  const dilations = perAxis("convTranspose", "dilation", dilation, axes, 1);
  const cut = perAxis("convTranspose", "padding", padding, axes, 0);
  const outer = perAxis("convTranspose", "outputPadding", outputPadding, axes, 0);
  const ends = cut.map((before, i) => {
    const [more, step, width] = [outer[i] as number, strides[i] as number, dilations[i] as number];
    check(
      more < Math.max(step, width),
      () => `convTranspose: outputPadding ${more} with stride ${step} and dilation ${width}: expected less than one of both`,
    );
    // A convolution leaves less than its stride out at the end. More is less that is cut off there, or zeros that nothing reaches.
    return more < step
      ? { before, after: before, left: more, zeros: 0 }
      : { before, after: Math.max(0, before - more), left: 0, zeros: Math.max(0, more - before) };
  });
  const geometry = { strides, pads: [...cut, ...ends.map(({ after }) => after)], dilations, group: groups };
  const sizes = reachedSizes(spatial(y), { ...geometry, kernel }).map((size, i) => size + (ends[i]?.left as number));
  check(
    sizes.every((size) => size > 0),
    () => `convTranspose: padding [${cut}] leaves nothing of ${showShape(x.shape)} by a kernel ${showShape(weight.shape)}: expected less`,
  );
  const image = pad(toImage(y, w, sizes, geometry), [[0, 0], [0, 0], ...ends.map(({ zeros }) => [0, zeros] as const)]);
  const [shift] = added;
  return shift ? add(image, reshape(shift, [outputs, ...kernel.map(() => 1)])) : image;
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
  placeAxes(operation, x.shape);
  check(
    weight.rank === x.rank,
    () => `${operation}: ${showShape(x.shape)} and a kernel ${showShape(weight.shape)}: expected a kernel of the same rank`,
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

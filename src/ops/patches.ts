import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { checkTensors } from "./constants.js";
import { type Padding, type PerAxis, perAxis } from "./convolutionGeometry.js";
import { apply, declare, family } from "./operator.js";
import { reshape, unsqueeze } from "./shapes.js";
import { concat, split } from "./slicing.js";
import { alongAxes, placesOfWindows, sumOfWindows, type Windows, windowShape, windowsOn } from "./windows.js";

/** Operators that take images apart into windows and add them up again, which are each other's gradients. */
export const patches = family({
  // [batch, channels, ...places] to [batch, channels * kernel, windows]
  Unfold: declare<Windows>({
    infer: ([x], windows) => {
      const [batch, channels, ...counts] = windowShape(x.shape, windows) as readonly [number, number, ...number[]];
      return { dtype: x.dtype, shape: [batch, channels * sizeOf(windows.kernel), sizeOf(counts)] };
    },
    kind: { is: "opaque" },
    linearity: "together",
    gradient: [(g, [x], _, windows) => summed(g, { ...windows, sizes: x.shape.slice(2) })],
    decompose: ([x], windows) => unfolded(x, windows),
  }),
  // [batch, channels * kernel, windows] to [batch, channels, ...sizes]
  Fold: declare<Windows & { readonly sizes: Shape }>({
    infer: ([y], { kernel, sizes }) => ({ dtype: y.dtype, shape: imageShape(y, kernel, sizes) }),
    kind: { is: "opaque" },
    linearity: "together",
    gradient: [(g, _, __, { sizes, ...windows }) => apart(g, windows)],
    decompose: ([y], { sizes, ...windows }) => folded(y, windows, sizes),
  }),
});

const apart = (x: Tensor, windows: Windows): Tensor => apply(patches.Unfold, [x], windows);
const summed = (y: Tensor, windows: Windows & { readonly sizes: Shape }): Tensor => apply(patches.Fold, [y], windows);

const imageShape = ({ shape: [batch, rows] }: Tensor, kernel: Shape, sizes: Shape): Shape => [
  batch as number,
  (rows as number) / sizeOf(kernel),
  ...sizes,
];

function unfolded(x: Tensor, windows: Windows): Tensor {
  // Step i: [batch, channels, ...kernel up to i, ...windows up to i, ...places from i]
  const places = alongAxes(windows).reduce((parts, along, i) => {
    const each = placesOfWindows(parts, { ...along, axis: along.axis + i }, 0);
    return concat(
      each.map((place) => unsqueeze(place, { axis: 2 + i })),
      { axis: 2 + i },
    );
  }, x);
  const [batch, channels, ...counts] = windowShape(x.shape, windows) as readonly [number, number, ...number[]];
  return reshape(places, [batch, channels * sizeOf(windows.kernel), sizeOf(counts)]);
}

function folded(y: Tensor, windows: Windows, sizes: Shape): Tensor {
  const [batch, channels] = imageShape(y, windows.kernel, sizes) as readonly [number, number];
  const counts = windowShape([batch, channels, ...sizes], windows).slice(2);
  return alongAxes(windows).reduceRight(
    (parts, along, i) => {
      const axis = 2 + i;
      const each = split(parts, along.kernel, { axis }).map((part) =>
        reshape(
          part,
          part.shape.filter((_, other) => other !== axis),
        ),
      );
      return sumOfWindows(each, { ...along, axis: along.axis + i }, sizes[i] as number);
    },
    reshape(y, [batch, channels, ...windows.kernel, ...counts]),
  );
}

/** Settings of {@link unfold} and {@link fold}. */
export interface PatchOptions {
  /** How far apart windows begin, by default 1. */
  readonly stride?: PerAxis;
  /** How many zeros are around the image, by default none. */
  readonly padding?: Padding;
  /** How far apart the places of a window are, by default 1. */
  readonly dilation?: PerAxis;
}

/** Which options {@link unfold} and {@link fold} have. */
export const patchOptionNames: OptionNames<PatchOptions> = { stride: "optional", padding: "optional", dilation: "optional" };

/**
 * The windows of an image, each a column: `[batch, channels, ...places]` to `[batch, channels * kernel, windows]`, places of the window and windows in
 * row-major order.
 * @param kernel the places of a window along each of 1 to 3 axes, or along all
 * @throws KasaneError where a window does not fit
 */
export function unfold(x: Tensor, kernel: PerAxis, options: PatchOptions = {}): Tensor {
  checkTensors("unfold", x);
  checkOptions("unfold", options, patchOptionNames);
  return apart(x, windowsOn("unfold", x.shape, kernel, { ...options, stride: options.stride ?? 1 }));
}

/**
 * The transpose of {@link unfold}: columns `[batch, channels * kernel, windows]` added up at their places of an image
 * `[batch, channels, ...size]`.
 * @param size of the image along each of 1 to 3 axes
 * @param kernel the places of a window along each axis, or along all
 * @throws KasaneError where the columns are not those of such an image
 */
export function fold(x: Tensor, size: readonly number[], kernel: PerAxis, options: PatchOptions = {}): Tensor {
  checkTensors("fold", x);
  checkOptions("fold", options, patchOptionNames);
  check(x.rank === 3, () => `fold: got ${showShape(x.shape)}: expected [batch, channels * kernel, windows]`);
  const sizes = perAxis("fold", "size", size, size.length, 0);
  const [batch, rows, columns] = x.shape as readonly [number, number, number];
  const windows = windowsOn("fold", [batch, 1, ...sizes], kernel, { ...options, stride: options.stride ?? 1 });
  const each = sizeOf(windows.kernel);
  const count = sizeOf(windowShape([batch, 1, ...sizes], windows).slice(2));
  check(
    rows % each === 0 && columns === count,
    () =>
      `fold: ${showShape(x.shape)} for windows [${windows.kernel}] on images ${showShape(sizes)}: expected [batch, channels * ${each}, ${count}]`,
  );
  return summed(x, { ...windows, sizes });
}

/** The faces that tensors have as methods too. */
export const patchMethods = { unfold, fold };

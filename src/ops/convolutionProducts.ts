import { type Shape, sizeOf } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { add } from "./arithmetic.js";
import type { ConvolutionGeometry } from "./convolutionGeometry.js";
import { zeros } from "./create.js";
import { matmul } from "./matmul.js";
import { sum } from "./reduce.js";
import { reshape, transpose } from "./shapes.js";
import { concat, padWith, slice, split } from "./slicing.js";
import { alongAxes, sumOfWindows, type Windows, windowShape } from "./windows.js";

// Convolutions as matrix products over the places of their windows, for targets that have no kernels of them. A kernel has `elements` of these
// for each pair of channels; in columns and rows of a product the channels of one element follow each other, as slices give them.

/** Windows that are moved over groups of channels. */
type GroupedWindows = Windows & ConvolutionGeometry;

/** For each element of a kernel, in row-major order, what it meets of x `[batch, channels, ...]`: `[batch, channels, ...places]`. */
function metBy(x: Tensor, windows: GroupedWindows): readonly Tensor[] {
  const axes = alongAxes(windows);
  const places = windowShape(x.shape, windows);
  const padded = padWith(x, [[0, 0], [0, 0], ...axes.map(({ before, after }) => [before, after] as const)]);
  const indices = axes.reduce<readonly (readonly number[])[]>(
    (list, { kernel }) => list.flatMap((index) => Array.from({ length: kernel }, (_, k) => [...index, k])),
    [[]],
  );
  return indices.map((index) => {
    const ranges = axes.map(({ axis, stride, dilation }, i) => {
      const start = (index[i] as number) * dilation;
      return [start, start + ((places[axis] as number) - 1) * stride + 1, stride] as const;
    });
    return slice(padded, [[], [], ...ranges]);
  });
}

/** Conv: the kernel times the columns of the image, `[group, outputs, elements channels] x [batch, group, elements channels, places]`. */
export function placesByProduct(x: Tensor, w: Tensor, bias: Tensor | undefined, windows: GroupedWindows): Tensor {
  const [batch, , ...places] = windowShape(x.shape, windows);
  const [outputs, channels] = w.shape as readonly [number, number];
  const columns = concat(
    metBy(x, windows).map((part) => reshape(part, [batch as number, windows.group, channels, sizeOf(places)])),
    { axis: 2 },
  );
  const y = reshape(productOf(rowsOf(w, windows), columns), [batch as number, outputs, ...places]);
  return bias ? add(y, reshape(bias, [outputs, ...places.map(() => 1)])) : y;
}

/** ConvTranspose: what the transposed kernel makes of each place, summed where windows meet. */
export function imageByProduct(y: Tensor, w: Tensor, sizes: Shape, windows: GroupedWindows): Tensor {
  const { group, kernel } = windows;
  const [batch, outputs, ...places] = y.shape as readonly [number, number, ...number[]];
  const channels = w.shape[1] as number;
  const columns = productOf(transpose(rowsOf(w, windows)), reshape(y, [batch, group, outputs / group, sizeOf(places)]));
  const parts = split(columns, sizeOf(kernel), { axis: 2 }).map((part) => reshape(part, [batch, group * channels, ...places]));
  // The elements along the last axis follow each other.
  const [image] = alongAxes(windows).reduceRight<readonly Tensor[]>(
    (rest, along, i) =>
      Array.from({ length: rest.length / along.kernel }, (_, k) =>
        sumOfWindows(rest.slice(k * along.kernel, (k + 1) * along.kernel), along, sizes[i] as number),
      ),
    parts,
  );
  return image as Tensor;
}

/** A product with a factor `[batch, group, rows, columns]`. ONNX Runtime's kernel does not broadcast a batch of none. */
const productOf = (a: Tensor, b: Tensor): Tensor =>
  b.shape[0] === 0 ? zeros([...b.shape.slice(0, 2), a.shape.at(-2) as number, b.shape.at(-1) as number], b.dtype) : matmul(a, b);

/** So few channels share their products: one by one these would not fill a kernel of a product. */
const few = 4;

/**
 * ConvWeightGradient: what each element meets times y, `[batch, group, channels, places] x [batch, group, places, outputs]`, summed over the batch. No
 * more of the image is copied at once than one element meets.
 */
export function kernelByProduct(x: Tensor, y: Tensor, windows: GroupedWindows): Tensor {
  const { group, kernel } = windows;
  const [batch, outputs, ...places] = y.shape as readonly [number, number, ...number[]];
  const channels = (x.shape[1] as number) / group;
  const met = metBy(x, windows).map((part) => reshape(part, [batch, group, channels, sizeOf(places)]));
  const factor = transpose(reshape(y, [batch, group, outputs / group, sizeOf(places)]));
  const products = (channels < few ? [concat(met, { axis: 2 })] : met).map((part) => sum(productOf(part, factor), { axis: 0 }));
  const elements = reshape(concat(products, { axis: 1 }), [group, sizeOf(kernel), channels, outputs / group]);
  return reshape(transpose(elements, [0, 3, 2, 1]), [outputs, channels, ...kernel]);
}

/** A kernel `[outputs, channels, ...kernel]` as `[group, outputs / group, elements channels]`. */
function rowsOf(w: Tensor, { group, kernel }: GroupedWindows): Tensor {
  const [outputs, channels] = w.shape as readonly [number, number];
  const elements = sizeOf(kernel);
  return reshape(transpose(reshape(w, [outputs, channels, elements])), [group, outputs / group, elements * channels]);
}

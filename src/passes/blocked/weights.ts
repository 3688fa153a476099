import type { Tensor } from "../../graph/tensor.js";
import { reshape, transpose } from "../../ops/shapes.js";
import { filled, filledTo, picked, toBlocked } from "./images.js";

// Weights in the blocks that the convolution of blocked images takes, made in the graph. Of several ways, those that ONNX Runtime does fast: its
// reordering of images makes a block of outputs the innermost axis, and whole blocks are moved after that.

/** The weights of a convolution, and which of their elements it uses in which order. */
export interface Kernel {
  /** `[outputs, inputs of a group, ...kernel]`. */
  readonly weight: Tensor;
  /** How many rows and columns the elements are taken for. */
  readonly size: readonly [rows: number, columns: number];
  /** The elements in the order wanted, counted row by row. */
  readonly elements: readonly number[];
}

/** All elements of a weight in their order. */
export function wholeKernel(weight: Tensor): Kernel {
  const [rows, columns] = weight.rank === 3 ? [1, weight.shape[2] as number] : (weight.shape.slice(2) as [number, number]);
  return { weight, size: [rows, columns], elements: [...Array(rows * columns).keys()] };
}

/** The weights of a convolution of blocked images. */
export function blockWeights({ weight, size, elements }: Kernel, block: number): Tensor {
  const [outputs, _inputs] = weight.shape as [number, number];
  const whole = filledTo(flat(weight), 1, block);
  const wide = whole.shape[1] as number;
  const chosen = picked(whole, 2, elements);
  const count = elements.length;
  const rows = count > 1 ? transpose(chosen, [0, 2, 1]) : chosen; // [outputs, elements, inputs]
  const columns = toBlocked(reshape(rows, [1, outputs, count * wide, 1]), block);
  const blocks = reshape(columns, [filled(outputs, block) / block, count, wide / block, block * block]);
  return reshape(count > 1 ? transpose(blocks, [0, 2, 1, 3]) : blocks, [
    filled(outputs, block) / block,
    wide / block,
    ...size,
    block,
    block,
  ]);
}

/** The weights of a convolution of images that are not blocked. */
export function blockWeightsOfFew({ weight, size, elements }: Kernel, block: number): Tensor {
  const [outputs, inputs] = weight.shape as [number, number];
  const chosen = picked(flat(weight), 2, elements);
  const columns = toBlocked(reshape(chosen, [1, outputs, inputs * elements.length, 1]), block);
  return reshape(columns, [filled(outputs, block) / block, inputs, ...size, block]);
}

/** The weights of a convolution of each channel by itself. */
export function blockDepthwise({ weight, size, elements }: Kernel, block: number): Tensor {
  const whole = filledTo(flat(weight), 0, block);
  const blocks = (whole.shape[0] as number) / block;
  const chosen = picked(reshape(whole, [blocks, block, whole.size / blocks / block]), 2, elements);
  return reshape(transpose(chosen, [0, 2, 1]), [blocks, ...size, block]);
}

/** The weights of the convolution that takes gradients back to images: inputs and outputs have changed places, group by group. */
export function turnWeights({ weight, size, elements }: Kernel, group: number, block: number): Tensor {
  const [_outputs, inputs] = weight.shape as [number, number];
  const count = elements.length;
  const whole = filledTo(picked(flat(weight), 2, elements), 0, block);
  const [rows, columns] = [whole.shape[0] as number, filled(inputs, block)];
  const blocks = toBlocked(reshape(whole, [rows, inputs, count, 1]), block); // [outputs, inputs / block, elements, 1, block]
  const ofGroup = rows / group / block;
  const parts = reshape(blocks, [group, ofGroup, block, columns / block, count, block]);
  return reshape(transpose(parts, [0, 3, 1, 4, 2, 5]), [(group * columns) / block, ofGroup, ...size, block, block]);
}

/** {@link turnWeights} where the gradients are not blocked. */
export function turnWeightsOfFew({ weight, size, elements }: Kernel, block: number): Tensor {
  const [outputs, inputs] = weight.shape as [number, number];
  const chosen = picked(flat(weight), 2, elements);
  const blocks = toBlocked(reshape(chosen, [outputs, inputs, elements.length, 1]), block);
  return reshape(transpose(blocks, [1, 0, 2, 3, 4]), [filled(inputs, block) / block, outputs, ...size, block]);
}

/** `[outputs, inputs, elements]`. */
const flat = (weight: Tensor): Tensor => {
  const [outputs, inputs] = weight.shape as [number, number];
  return reshape(weight, [outputs, inputs, weight.size / outputs / inputs]);
};

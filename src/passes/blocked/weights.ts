import type { Tensor } from "../../graph/tensor.js";
import { reshape, transpose } from "../../ops/shapes.js";
import { filled, filledTo, picked, toBlocked } from "./images.js";

// Weights in the blocks that the convolution of blocked images takes, made in the graph. Of several ways, those that ONNX Runtime does fast: its
// reordering of images makes a block the innermost axis, and whole blocks are moved after that. A stack of transposes is not: ONNX Runtime's kernel
// calls its threads for each matrix of the stack, so with two threads 512 of 9 x 512 take five times as long as with one.

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

/** The weights of a convolution of blocked images, all in their order. */
export function blockWeights({ weight, size }: Kernel, block: number): Tensor {
  const [outputs, inputs, count] = flat(weight).shape as [number, number, number];
  const ofInputs = filled(inputs, block) / block;
  const rows = toBlocked(reshape(weight, [outputs, inputs, count, 1]), block); // [outputs, inputs / block, elements, 1, block]
  const columns = toBlocked(reshape(rows, [1, outputs, rows.size / outputs, 1]), block);
  return reshape(columns, [filled(outputs, block) / block, ofInputs, ...size, block, block]);
}

/** The weights of a convolution of images that are not blocked, all in their order. */
export function blockWeightsOfFew({ weight, size }: Kernel, block: number): Tensor {
  const [outputs, inputs, count] = flat(weight).shape as [number, number, number];
  const columns = toBlocked(reshape(weight, [1, outputs, inputs * count, 1]), block);
  return reshape(columns, [filled(outputs, block) / block, inputs, ...size, block]);
}

/** The weights of a convolution of each channel by itself. */
export function blockDepthwise({ weight, size, elements }: Kernel, block: number): Tensor {
  const whole = filledTo(flat(weight), 0, block);
  const blocks = (whole.shape[0] as number) / block;
  const rows = transpose(reshape(whole, [blocks, block, whole.size / blocks / block]), [0, 2, 1]);
  return reshape(picked(rows, 1, elements), [blocks, ...size, block]);
}

/**
 * The weights of the convolution that takes gradients back to images: inputs and outputs have changed places, group by group, and within each block.
 * Its elements are picked when they are whole blocks.
 */
export function turnWeights({ weight, size, elements }: Kernel, group: number, block: number): Tensor {
  const blocks = blockWeights(wholeKernel(weight), block);
  const [ofOutputs, ofInputs, ...square] = blocks.shape as [number, number, number, number, number, number];
  const count = (square[0] as number) * (square[1] as number);
  const turned = toBlocked(reshape(blocks, [ofOutputs * ofInputs * count, block, block, 1]), block);
  const ofGroup = ofOutputs / group;
  const places = Array.from({ length: group * ofInputs * ofGroup }, (_, i) => {
    const output = Math.floor(i / ofGroup / ofInputs) * ofGroup + (i % ofGroup);
    return output * ofInputs + (Math.floor(i / ofGroup) % ofInputs);
  });
  const kept = picked(
    reshape(turned, [ofOutputs * ofInputs * count, block * block]),
    0,
    places.flatMap((place) => elements.map((element) => place * count + element)),
  );
  return reshape(kept, [group * ofInputs, ofGroup, ...size, block, block]);
}

/** {@link turnWeights} where the gradients are not blocked. */
export function turnWeightsOfFew({ weight, size, elements }: Kernel, block: number): Tensor {
  const [outputs, inputs, count] = flat(weight).shape as [number, number, number];
  const blocks = toBlocked(reshape(weight, [outputs, inputs, count, 1]), block);
  return reshape(picked(transpose(blocks, [1, 0, 2, 3, 4]), 2, elements), [filled(inputs, block) / block, outputs, ...size, block]);
}

/** `[outputs, inputs, elements]`. */
const flat = (weight: Tensor): Tensor => {
  const [outputs, inputs] = weight.shape as [number, number];
  return reshape(weight, [outputs, inputs, weight.size / outputs / inputs]);
};

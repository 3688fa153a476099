import { type DType, isFloat } from "../graph/dtype.js";
import { sizeOf } from "../graph/shape.js";
import { type Application, always, either, type Gap, type Gaps, ofDoubles, ofFloats, ofIntegers } from "./target.js";

const never: Gap = () => false;

/** The operators on images whose channels lie in blocks. */
const onBlocks = (gap: Gap): Gaps => ({ ToBlocked: gap, FromBlocked: gap, BlockedConv: gap, BlockedPool: gap, BlockedMean: gap });
const notStandard: Gap = ({ attributes: { isStandard } }) => isStandard === false;

/** What ONNX has no operator of, or none of these types. */
export const ofStandard: Gaps = {
  Square: always,
  Log1p: always,
  Expm1: always,
  LogSumExp: always,
  CrossEntropy: always,
  Mod: ofFloats,
  ConvWeightGradient: always,
  ChannelProduct: always,
  ...onBlocks(always),
  Range: ({ attributes: { dtype } }) => !["float32", "float64", "int32", "int64"].includes(dtype as string),
  Resize: notStandard,
  // Marks for the time of tracing.
  AllReduce: always,
  Assigned: always,
  StopGradient: always,
  CustomGradient: always,
  After: always,
  // Gradients of pooling.
  MaxPoolGradient: always,
  MaxPoolGather: always,
  AveragePoolGradient: always,
  Unfold: always,
  Fold: always,
};

/** Whether a padding is as wide as a window: ONNX Runtime's kernels of pooling take none. */
export const hasWidePadding = ({ kernel, pads }: { readonly kernel: readonly number[]; readonly pads: readonly number[] }): boolean =>
  pads.some((count, i) => count >= (kernel[i % kernel.length] as number));

const widePadding: Gap = ({ attributes }) => hasWidePadding(attributes as Parameters<typeof hasWidePadding>[0]);

const notSingle: Gap = ({ inputs: [x] }) => x?.dtype !== "float32";

/** What no provider of ONNX Runtime 1.30 has: double precision is for checking gradients, and few kernels are for it. */
export const ofOnnxRuntime: Gaps = {
  ...ofStandard,
  Erf: ofDoubles,
  Sigmoid: ofDoubles,
  LeakyRelu: ofDoubles,
  Elu: ofDoubles,
  Gelu: ofDoubles,
  Softplus: ofDoubles,
  HardSwish: ofDoubles,
  Cos: ofDoubles,
  Conv: ofDoubles,
  ConvTranspose: ofDoubles,
  LayerNormalization: ofDoubles,
  Resize: either(notStandard, notSingle),
  GridSample: notSingle,
  RNN: notSingle,
  LSTM: notSingle,
  GRU: notSingle,
  // Only its CPU has operations on bits.
  FromZero: always,
  MaxPool: either(ofIntegers, widePadding),
  AveragePool: either(ofDoubles, widePadding),
  GlobalAveragePool: ofDoubles,
  GlobalMaxPool: ofDoubles,
  // It does not expand an axis to none.
  Expand: ({ inputs: [x], attributes: { shape } }) => sizeOf(shape as number[]) === 0 && x !== undefined && sizeOf(x.shape) > 0,
};

/**
 * How many elements ScatterND adds by one thread: ONNX Runtime's CPU kernel (1.30) shares rows out among threads from 210,000 on, and these
 * then lose each other's sums where an index stands twice.
 */
export const addedByOneThread = 200_000;

/** Its extrema pass NaN over, and its order has no place for it. */
const notNaN: Gap = (application, threads) => ofFloats(application, threads) && application.attributes.ignoresNaN !== true;

export const ofCpu: Gaps = {
  ...ofOnnxRuntime,
  ...onBlocks(never),
  FromZero: never,
  ReduceMax: notNaN,
  ReduceMin: notNaN,
  MaxPool: either(notNaN, ofIntegers, widePadding),
  GlobalMaxPool: always,
  ArgMax: ofFloats,
  ArgMin: ofFloats,
  TopK: notNaN,
  // What a float beyond the range of an integer becomes, the processor says.
  Cast: (application, threads) => {
    const dtype = application.attributes.dtype as DType;
    return ofFloats(application, threads) && !isFloat(dtype) && dtype !== "bool";
  },
  // Integers are summed up and multiplied as floating-point numbers.
  ReduceSum: ofIntegers,
  ReduceProd: ofIntegers,
  ScatterND: ({ inputs: [, indices, updates] }, threads) =>
    threads !== 1 &&
    indices !== undefined &&
    sizeOf(indices.shape) > 1 &&
    updates !== undefined &&
    sizeOf(updates.shape) > addedByOneThread,
};

/** Loops run on the CPU and on CUDA alone. */
export const withoutLoops: Gaps = { ...ofOnnxRuntime, Scan: always };

/** A larger axis is sorted on the CPU: comparing each element with each would take more memory than WebGPU has. */
const mostComparisons = 2 ** 24;

/** WebGPU promises a shader eight buffers (W3C 2026, WebGPU, 3.6.2): Split reads one and writes one for each part. */
const mostBuffers = 8;

/** Whether a slice goes backwards otherwise than over a whole axis. */
const isPartlyBackwards = ({ inputs: [x], attributes }: Application): boolean => {
  const { starts, ends, axes, steps } = attributes as Readonly<Record<string, readonly number[]>>;
  const sizeAt = (i: number) => x?.shape[axes?.[i] as number] as number;
  return steps?.some((step, i) => step < 0 && !(step === -1 && starts?.[i] === sizeAt(i) - 1 && ends?.[i] === -1)) ?? false;
};

const ofBytes: Gap = ({ inputs: [x] }) => x?.dtype === "bool" || x?.dtype === "uint8";

export const ofWebGpu: Gaps = {
  ...withoutLoops,
  Transpose: ofBytes,
  Concat: ofBytes,
  // Of images with at most two spatial axes alone.
  ConvTranspose: (application, threads) => ofDoubles(application, threads) || (application.inputs[0]?.shape.length ?? 0) > 4,
  Split: ({ attributes: { sizes } }) => (sizes as number[]).length >= mostBuffers,
  MatMul: ofIntegers,
  And: always,
  Or: always,
  Xor: always,
  Mod: always,
  Remainder: always,
  Max: always,
  Min: always,
  Neg: ofIntegers,
  Abs: ofIntegers,
  Sign: always,
  Round: always,
  // WGSL promises a sine to 2^-11.
  Sin: always,
  Cos: always,
  Softplus: always,
  LogSoftmax: always,
  GlobalMaxPool: always,
  RNN: always,
  LSTM: always,
  GRU: always,
  ReverseSequence: always,
  ScatterElements: always,
  GatherElements: ofIntegers,
  ArgMax: always,
  ArgMin: always,
  // Backwards its kernel goes by steps of -1 from the last element alone.
  Slice: (application, threads) => ofIntegers(application, threads) || isPartlyBackwards(application),
  TopK: ({ inputs: [x], attributes: { axis } }) =>
    x !== undefined && sizeOf(x.shape) * (x.shape[axis as number] as number) <= mostComparisons,
};

/**
 * A module's convolution has vectors of output channels, and brings the kernel into their order at every run: few channels, or few places, are faster
 * as a product of matrices.
 */
const smallConvolution: Gap = ({ inputs: [x, w], attributes: { group } }) =>
  x === undefined ||
  w === undefined ||
  (w.shape[0] as number) < 4 * (group as number) ||
  sizeOf([x.shape[0] as number, ...x.shape.slice(2)]) < 8;

/** What a module of the room `wasm` has no code for. */
export const ofWasm: Gaps = {
  ...ofOnnxRuntime,
  FromZero: never,
  Softmax: always,
  LogSoftmax: always,
  LayerNormalization: always,
  Conv: either(notSingle, smallConvolution),
  ConvTranspose: always,
  BatchNormalization: always,
  Resize: always,
  GridSample: always,
  NonMaxSuppression: always,
  ArgMax: always,
  ArgMin: always,
  RNN: always,
  LSTM: always,
  GRU: always,
  ReverseSequence: always,
  MaxPool: always,
  AveragePool: always,
};

import "./ops/methods.js";
import "./runtime/eager.js";

export { checkpoint, customGradient, stopGradient } from "./autodiff/custom.js";
export { grad, valueAndGrad } from "./autodiff/grad.js";
export { type ScanOptions, type Step, scan } from "./autodiff/scan.js";
export * as data from "./data/index.js";
export * as decode from "./decode/index.js";
export { closestName } from "./graph/closestName.js";
export type { DType, TypedArray } from "./graph/dtype.js";
export { check, KasaneError, printable } from "./graph/error.js";
export { printGraph } from "./graph/print.js";
export type { Shape } from "./graph/shape.js";
export { type StoredTensor, Tensor } from "./graph/tensor.js";
export { isTraining } from "./graph/trace.js";
export { mapTree } from "./graph/tree.js";
export { Variable } from "./graph/variable.js";
export * as metrics from "./metrics/index.js";
export * as models from "./models/index.js";
export * as nn from "./nn/index.js";
export { type Exportable, type ExportOptions, type InputSpecification, onnxModel } from "./onnx/model.js";
export { OnnxModule, type OnnxOptions, type OnnxValue, readOnnx } from "./onnx/onnxModule.js";
export type { ReadNode } from "./onnx/readNode.js";
export { type NodeReader, type OnnxOperatorOptions, registerOnnxOperator, type Value } from "./onnx/registry.js";
export { ReplacedOutput, type ReplaceOutputOptions, replaceOutput } from "./onnx/replaceOutput.js";
export { elu, erf, gelu, hardSwish, leakyRelu, relu, sigmoid, silu, softplus } from "./ops/activation.js";
export { adaptiveAveragePool, adaptiveMaxPool, globalAveragePool, globalMaxPool } from "./ops/adaptivePool.js";
export {
  abs,
  add,
  ceil,
  clip,
  div,
  floor,
  floorDiv,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  reciprocal,
  round,
  rsqrt,
  sign,
  sqrt,
  square,
  sub,
  where,
} from "./ops/arithmetic.js";
export type { AxesOptions, AxisOptions } from "./ops/axis.js";
export { cast } from "./ops/cast.js";
export {
  type BatchNormOptions,
  batchNorm,
  type ChannelNormOptions,
  groupNorm,
  instanceNorm,
  type LocalResponseNormOptions,
  localResponseNorm,
} from "./ops/channelNorm.js";
export { equal, greater, greaterEqual, less, lessEqual, logicalNot, notEqual } from "./ops/compare.js";
export { type NestedArray, type TensorLike, tensor } from "./ops/constants.js";
export { type ConvOptions, type ConvTransposeOptions, conv, convTranspose } from "./ops/conv.js";
export type { Padding, PerAxis } from "./ops/convolutionGeometry.js";
export { arange, eye, full, ones, onesLike, zeros, zerosLike } from "./ops/create.js";
export { einsum } from "./ops/einsum.js";
export { cos, exp, expm1, log, log1p, pow, sin, tanh } from "./ops/elementary.js";
export { type AllReduceOptions, allReduce, type WorkerReduction } from "./ops/exchange.js";
export { affineGrid, type BorderPadding, type GridSampleOptions, gridSample } from "./ops/gridSample.js";
export { gather, oneHot, scatterAdd, takeAlongAxis } from "./ops/indexing.js";
export { logicalAnd, logicalOr, logicalXor } from "./ops/logic.js";
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  cosineSimilarity,
  crossEntropy,
  focalLoss,
  huber,
  klDivergence,
  type LossOptions,
  meanAbsoluteError,
  meanSquaredError,
  type Reduction,
  smoothL1,
  tripletLoss,
} from "./ops/loss.js";
export { matmul } from "./ops/matmul.js";
export { layerNorm, logSoftmax, softmax } from "./ops/normalize.js";
export { type DiceLossOptions, diceLoss, lovaszSoftmax, type OverlapLossOptions } from "./ops/overlapLoss.js";
export { type PaddingMode, pad } from "./ops/pad.js";
export { fold, type PatchOptions, unfold } from "./ops/patches.js";
export { type AveragePoolOptions, averagePool, type MaxPoolOptions, maxPool } from "./ops/pool.js";
export { random } from "./ops/random.js";
export {
  all,
  any,
  argmax,
  argmin,
  cumulativeSum,
  type IndexOptions,
  logSumExp,
  max,
  mean,
  min,
  norm,
  prod,
  type ReduceOptions,
  sum,
  variance,
} from "./ops/reduce.js";
export { type Interpolation, pixelShuffle, pixelUnshuffle, type UpsampleOptions, upsample } from "./ops/resample.js";
export { expand, permute, reshape, squeeze, tile, transpose, unsqueeze } from "./ops/shapes.js";
export { concat, flip, type Range, roll, slice, split, stack, unstack } from "./ops/slicing.js";
export { sort, topK } from "./ops/sorting.js";
export { tril, triu } from "./ops/triangle.js";
export * as optim from "./optim/index.js";
export { RandomGenerator } from "./random/generator.js";
export { randomState, seed, setRandomState } from "./random/state.js";
export * as rl from "./rl/index.js";
export { type Compiled, type CompileOptions, compile } from "./runtime/compile.js";
export type { PartExplanation, RunExplanation } from "./runtime/executor.js";
export { type Explanation, explain } from "./runtime/explain.js";
export type { OffDevice } from "./runtime/offDevice.js";
export { type Device, devices } from "./runtime/ort/devices.js";
export type { Elements, ModuleArray, Synchronous } from "./runtime/synchronous.js";
export { setThreads } from "./runtime/threads.js";
export * as vision from "./vision/index.js";

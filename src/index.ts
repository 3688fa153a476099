import "./ops/methods.js";
import "./runtime/eager.js";

export { checkpoint, customGradient, stopGradient } from "./autodiff/custom.js";
export { grad, valueAndGrad } from "./autodiff/grad.js";
export { type ScanOptions, type Step, scan } from "./autodiff/scan.js";
export * as data from "./data/index.js";
export type { DType, TypedArray } from "./graph/dtype.js";
export { check, KasaneError } from "./graph/error.js";
export { printGraph } from "./graph/print.js";
export type { Shape } from "./graph/shape.js";
export { type StoredTensor, Tensor } from "./graph/tensor.js";
export { isTraining } from "./graph/trace.js";
export { Variable } from "./graph/variable.js";
export * as nn from "./nn/index.js";
export { type Exportable, type InputSpecification, onnxModel } from "./onnx/model.js";
export { elu, erf, gelu, hardSwish, leakyRelu, relu, sigmoid, silu, softplus } from "./ops/activation.js";
export { cast } from "./ops/cast.js";
export { equal, greater, greaterEqual, less, lessEqual, logicalAnd, logicalNot, logicalOr, logicalXor, notEqual } from "./ops/compare.js";
export { arange, eye, full, type NestedArray, ones, onesLike, type TensorLike, tensor, zeros, zerosLike } from "./ops/create.js";
export { einsum } from "./ops/einsum.js";
export {
  abs,
  add,
  ceil,
  clip,
  cos,
  div,
  exp,
  expm1,
  floor,
  floorDiv,
  log,
  log1p,
  maximum,
  minimum,
  mod,
  mul,
  neg,
  pow,
  reciprocal,
  round,
  rsqrt,
  sign,
  sin,
  sqrt,
  square,
  sub,
  tanh,
  where,
} from "./ops/elementwise.js";
export { gather, oneHot, scatterAdd, sort, takeAlongAxis, topK } from "./ops/indexing.js";
export {
  binaryCrossEntropy,
  type CrossEntropyOptions,
  cosineSimilarity,
  crossEntropy,
  huber,
  klDivergence,
  meanSquaredError,
  type Reduction,
} from "./ops/loss.js";
export { matmul } from "./ops/matmul.js";
export { layerNorm, logSoftmax, softmax } from "./ops/normalize.js";
export { concat, flip, pad, type Range, roll, slice, split, stack, unstack } from "./ops/pieces.js";
export { random, randomState, seed, setRandomState } from "./ops/random.js";
export {
  all,
  any,
  argmax,
  argmin,
  cumulativeSum,
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
export { expand, permute, reshape, squeeze, tile, transpose, tril, triu, unsqueeze } from "./ops/shapes.js";
export * as optim from "./optim/index.js";
export { compile } from "./runtime/compile.js";
export { type Device, devices } from "./runtime/devices.js";
export { exportOnnx } from "./train/export.js";
export * as train from "./train/index.js";

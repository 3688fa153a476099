import type { Tensor } from "../../graph/tensor.js";
import { isTraining } from "../../graph/trace.js";
import { elu, leakyRelu, relu, sigmoid, softplus } from "../../ops/activation.js";
import { abs, add, clip, div, minimum, mul, neg, sqrt, square, sub, where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { equal, greater, less, logicalNot } from "../../ops/compare.js";
import { full } from "../../ops/create.js";
import { cos, exp, expm1, log, log1p, sin, tanh } from "../../ops/elementary.js";
import { logicalOr } from "../../ops/logic.js";
import { random } from "../../ops/random.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

/** A reader of a function of the first input. */
export const of = (compute: (x: Tensor, node: ReadNode) => Tensor): NodeReader => ({ read: (node) => compute(node.input(0), node) });

/** Half of `e^x`, which is finite where `e^x` just no longer is. */
function halfExponential(x: Tensor): Tensor {
  const root = exp(mul(0.5, x));
  return mul(mul(0.5, root), root);
}

/** `clip(alpha x + beta, 0, 1)`. */
export const hardSigmoid = (x: Tensor, alpha = 0.2, beta = 0.5): Tensor => clip(add(mul(x, alpha), beta), 0, 1);

const total = (tensors: readonly Tensor[]): Tensor => tensors.reduce((sum, x) => add(sum, x));

/** What a dropout of `ratio` lets through while a function trains, and all else as it is. */
function dropout(node: ReadNode): readonly Tensor[] {
  const x = node.input(0);
  // Until version 11 the ratio was an attribute.
  const ratio = node.known(1)?.[0] ?? node.number("ratio", 0.5);
  if (!isTraining() || ratio === 0) return [x, full(x.shape, true)].slice(0, node.outputs);
  const kept = random.bernoulli(x.shape, 1 - ratio, x.dtype, 1 / (1 - ratio));
  return [mul(x, kept), greater(kept, 0)].slice(0, node.outputs);
}

export const elementwiseReaders: Readonly<Record<string, NodeReader>> = {
  ":Identity": { read: (node) => [node.any()[0] as Tensor] },
  ":Dropout": { read: dropout, roles: { 1: "setting" } },
  ":Sum": { read: (node) => total(node.rest()) },
  ":Mean": { read: (node) => div(total(node.rest()), node.inputs) },
  ":Selu": of((x, node) => mul(elu(x, node.number("alpha", 1.6732632)), node.number("gamma", 1.050701))),
  // max(0, x) + min(0, α (e^(x/α) - 1)) (Barron 2017)
  ":Celu": of((x, node) => mul(elu(div(x, node.number("alpha", 1))), node.number("alpha", 1))),
  ":HardSigmoid": of((x, node) => hardSigmoid(x, node.number("alpha", 0.2), node.number("beta", 0.5))),
  ":ThresholdedRelu": of((x, node) => where(greater(x, node.number("alpha", 1)), x, 0)),
  ":PRelu": { read: (node) => add(relu(node.input(0)), mul(node.input(1), minimum(node.input(0), 0))) },
  ":Softsign": of((x) => div(x, add(1, abs(x)))),
  ":Mish": of((x) => mul(x, tanh(softplus(x)))),
  ":Swish": of((x, node) => mul(x, sigmoid(mul(x, node.number("alpha", 1))))),
  ":Shrink": of((x, node) => {
    const [bias, lambda] = [node.number("bias", 0), node.number("lambd", 0.5)];
    return where(greater(x, lambda), sub(x, bias), where(less(x, -lambda), add(x, bias), 0));
  }),
  ":Tan": of((x) => div(sin(x), cos(x))),
  ":Sinh": of((x) => {
    const magnitude = abs(x);
    // Of small ones (h + h / (h + 1)) / 2 with h = e^|x| - 1, which keeps their digits.
    const h = expm1(minimum(magnitude, 1));
    const small = mul(0.5, add(h, div(h, add(h, 1))));
    const value = where(less(magnitude, 1), small, sub(halfExponential(magnitude), halfExponential(neg(magnitude))));
    return where(less(x, 0), neg(value), value);
  }),
  ":Cosh": of((x) => add(halfExponential(x), halfExponential(neg(x)))),
  // sign(x) ln(|x| + √(x² + 1))
  ":Asinh": of((x) => {
    const magnitude = abs(x);
    // |x| + √(x² + 1) - 1 = |x| + x² / (1 + √(x² + 1))
    const value = log1p(add(magnitude, div(square(x), add(1, sqrt(add(square(x), 1))))));
    return where(less(x, 0), neg(value), value);
  }),
  ":Acosh": of((x) => log(add(x, mul(sqrt(sub(x, 1)), sqrt(add(x, 1)))))),
  ":Atanh": of((x) => mul(0.5, sub(log1p(x), log1p(neg(x))))),
  ":IsNaN": of((x) => logicalNot(equal(x, x))),
  ":IsInf": of((x, node) => {
    const is = (name: string, infinity: number) => (node.integer(name, 1) === 1 ? equal(x, infinity) : full(x.shape, false));
    return logicalOr(is("detect_positive", Number.POSITIVE_INFINITY), is("detect_negative", Number.NEGATIVE_INFINITY));
  }),
  ":CastLike": { read: (node) => cast(node.input(0), node.input(1).dtype) },
};

/** An activation function that recurrent layers name: how many settings it takes, and what it computes by them. */
export interface NamedActivation {
  readonly settings: number;
  compute(x: Tensor, alpha: number | undefined, beta: number | undefined): Tensor;
}

/** The activation functions of recurrent layers, in small letters. */
export const activationsByName: Readonly<Record<string, NamedActivation>> = {
  relu: { settings: 0, compute: relu },
  tanh: { settings: 0, compute: tanh },
  sigmoid: { settings: 0, compute: sigmoid },
  softsign: { settings: 0, compute: (x) => div(x, add(1, abs(x))) },
  softplus: { settings: 0, compute: softplus },
  affine: { settings: 2, compute: (x, alpha = 1, beta = 0) => add(mul(x, alpha), beta) },
  scaledtanh: { settings: 2, compute: (x, alpha = 1, beta = 1) => mul(tanh(mul(x, beta)), alpha) },
  hardsigmoid: { settings: 2, compute: hardSigmoid },
  leakyrelu: { settings: 1, compute: (x, alpha = 0.01) => leakyRelu(x, alpha) },
  thresholdedrelu: { settings: 1, compute: (x, alpha = 1) => where(greater(x, alpha), x, 0) },
  elu: { settings: 1, compute: (x, alpha) => elu(x, alpha) },
};

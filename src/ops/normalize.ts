import { isFloat, promote } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { normalizeAxis, type Shape, sameShape, showShape, sizeOf } from "../graph/shape.js";
import { type FloatAttribute, float, type Tensor } from "../graph/tensor.js";
import { add, div, mul, rsqrt, square, sub } from "./arithmetic.js";
import { type AxisOptions, axisOf } from "./axis.js";
import { cast } from "./cast.js";
import { checkTensors } from "./constants.js";
import { zeros } from "./create.js";
import { exp, log } from "./elementary.js";
import { apply, applyAll, declare, family, type OnnxNode, type Operator } from "./operator.js";
import { max, mean, sum } from "./reduce.js";
import { expand, reshape } from "./shapes.js";
import { sumTo } from "./sumTo.js";

/** Operators that set elements in relation to the others along some axes. */
export const normalize = family({
  // y (g - Σ g y)
  Softmax: declare<{ axis: number }>({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    logarithm: ([x], { axis }) => logSoftmax(x, { axis }),
    range: { low: 0, high: 1 },
    gradient: [(g, _, [y], { axis }) => mul(y, sub(g, sum(mul(g, y), { axis, keepDims: true })))],
    read: (node) => alongNode(node, softmax),
    decompose: ([x], { axis }) => {
      const powers = exp(sub(x, max(x, { axis, keepDims: true })));
      return div(powers, sum(powers, { axis, keepDims: true }));
    },
  }),
  // g - eʸ Σ g
  LogSoftmax: declare<{ axis: number }>({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    range: { low: Number.NEGATIVE_INFINITY, high: 0 },
    gradient: [(g, _, [y], { axis }) => sub(g, mul(exp(y), sum(g, { axis, keepDims: true })))],
    read: (node) => alongNode(node, logSoftmax),
    decompose: ([x], { axis }) => {
      const centred = sub(x, max(x, { axis, keepDims: true }));
      return sub(centred, log(sum(exp(centred), { axis, keepDims: true })));
    },
  }),
  // Outputs: the result, the mean and the rate r = 1 / √(variance + epsilon). With n = (x - mean) r and h = g scale:
  // dx = r (h - mean(h) - n mean(h n)), and through the other two outputs (gradients of gradients) g₁ / N and -g₂ r² n / N
  LayerNormalization: declare<{ axis: number; epsilon: FloatAttribute }>({
    infer: ([x], { axis }) => {
      // ONNX computes the statistics of half precision in single.
      const dtype = x.dtype === "float16" ? "float32" : x.dtype;
      const statistics = { dtype, shape: x.shape.map((size, i) => (i < axis ? size : 1)) } as const;
      return [{ dtype: x.dtype, shape: x.shape }, statistics, statistics];
    },
    kind: { is: "opaque" },
    gradient: [
      (g, [x, scale], [, average, rate], { axis }, { gradients: [, ofMean, ofRate] }) => {
        const axes = x.shape.map((_, i) => i).slice(axis);
        const count = sizeOf(x.shape.slice(axis));
        const h = mul(g, scale);
        const n = mul(sub(x, average), rate);
        const along = mul(n, mean(mul(h, n), { axis: axes, keepDims: true }));
        const dx = mul(rate, sub(sub(h, mean(h, { axis: axes, keepDims: true })), along));
        const withMean = ofMean ? add(dx, div(ofMean, count)) : dx;
        return ofRate ? sub(withMean, div(mul(mul(ofRate, square(rate)), n), count)) : withMean;
      },
      (g, [x, scale], [, average, rate]) => sumTo(mul(g, mul(sub(x, average), rate)), scale.shape),
      (g, [, , shift]) => sumTo(g, shift.shape),
    ],
    decompose: ([x, scale, shift], { axis, epsilon }) => {
      const axes = x.shape.map((_, i) => i).slice(axis);
      const average = mean(x, { axis: axes, keepDims: true });
      const centred = sub(x, average);
      const rate = rsqrt(add(mean(square(centred), { axis: axes, keepDims: true }), epsilon.float));
      return [add(mul(mul(centred, rate), scale), shift), average, rate];
    },
    read: (node): readonly Tensor[] => {
      const [x, scale] = [node.input(0), node.input(1)];
      const axis = normalizeAxis("LayerNormalization", node.integer("axis", -1), x.rank);
      const shape = x.shape.slice(axis);
      const epsilon = float(node.number("epsilon", 1e-5));
      const operands = [x, expand(scale, shape), expand(node.optional(2) ?? zeros([], x.dtype), shape)];
      return applyAll(normalize.LayerNormalization, operands, { axis, epsilon }).slice(0, node.outputs);
    },
  }),
});

/** A function along the axis of an ONNX node. Until version 12 that meant all axes from there on, by default from the second, as one. */
export function alongNode(node: OnnxNode, compute: (x: Tensor, options: AxisOptions) => Tensor): Tensor {
  const x = node.input(0);
  if (node.version >= 13) return compute(x, { axis: node.integer("axis", -1) });
  const axis = normalizeAxis(node.type, node.integer("axis", Math.min(1, x.rank - 1)), x.rank);
  return reshape(compute(reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]), { axis: 1 }), x.shape);
}

const floats = (x: Tensor): Tensor => (isFloat(x.dtype) ? x : cast(x, "float32"));

function along(operation: string, operator: Operator<{ axis: number }>, x: Tensor, options: AxisOptions): Tensor {
  checkTensors(operation, x);
  const axis = axisOf(operation, options, x.rank, -1);
  return x.size === 0 ? floats(x) : apply(operator, [floats(x)], { axis });
}

/** `eˣ / Σ eˣ` along `axis`, by default the last. */
export const softmax = (x: Tensor, options: AxisOptions = {}): Tensor => along("softmax", normalize.Softmax, x, options);

/** `x - ln Σ eˣ` along `axis`, by default the last. */
export const logSoftmax = (x: Tensor, options: AxisOptions = {}): Tensor => along("logSoftmax", normalize.LogSoftmax, x, options);

/**
 * `(x - mean) / √(variance + epsilon) scale + shift` over the last axes (Ba et al. 2016, equation 4).
 * @param scale, shift of the shape of the axes normalised over
 */
export function layerNorm(x: Tensor, scale: Tensor, shift: Tensor, epsilon = 1e-5): Tensor {
  checkTensors("layerNorm", x, scale, shift);
  checkNumbers("layerNorm", { epsilon });
  const shape: Shape = x.shape.slice(x.rank - scale.rank);
  check(
    scale.rank > 0 && sameShape(shape, scale.shape) && sameShape(scale.shape, shift.shape),
    () =>
      `layerNorm: scale ${showShape(scale.shape)} and shift ${showShape(shift.shape)} must both have the last sizes of ${showShape(x.shape)}`,
  );
  check(isFloat(x.dtype), () => `layerNorm: got ${x.dtype}${showShape(x.shape)}: expected floating-point numbers: cast it to float32`);
  const dtype = promote(x.dtype, promote(scale.dtype, shift.dtype));
  const operands = [x, scale, shift].map((operand) => cast(operand, dtype)) as [Tensor, Tensor, Tensor];
  if (x.size === 0) return operands[0];
  return applyAll(normalize.LayerNormalization, operands, { axis: x.rank - scale.rank, epsilon: float(epsilon) })[0];
}

/** The faces that tensors have as methods too. */
export const normalizeMethods = { softmax, logSoftmax, layerNorm };

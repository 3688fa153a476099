import { type FloatAttribute, float, type Tensor } from "../graph/tensor.js";
import { expm1Of, log1pOf } from "./algebra.js";
import { abs, add, div, maximum, mul, neg, reciprocal, square, sub, where } from "./arithmetic.js";
import { greater, less } from "./compare.js";
import type { TensorLike } from "./constants.js";
import { scalar } from "./constants.js";
import { exp, expm1, log1p, tanh } from "./elementary.js";
import { preciseErf } from "./erf.js";
import { floating, unary } from "./kinds.js";
import { declare, family } from "./operator.js";

/** The activation functions and the error function that one of them needs. */
export const activation = family({
  // erf' = 2/√π e^(-x²)
  Erf: unary(
    (m, x) => m.erf(x),
    (g, [x]) => mul(g, mul(2 / Math.sqrt(Math.PI), exp(neg(square(x))))),
    ([x]) => preciseErf(x),
  ),
  // σ' = σ (1 - σ). In double precision it is made of its parts: ONNX Runtime fuses x σ(x) into a kernel that float64 lacks.
  Sigmoid: {
    ...unary(
      (m, x) => m.div(m.constant(1), m.add(m.constant(1), m.exp(m.neg(x)))),
      (g, _, [y]) => mul(g, mul(y, sub(1, y))),
      ([x]) => reciprocal(add(exp(neg(x)), 1)),
    ),
    // ln σ(x) = -ln(1 + e⁻ˣ)
    logarithm: ([x]) => neg(softplus(neg(x))),
  },
  Relu: unary(
    (m, x) => m.max(x, m.constant(0)),
    // Chosen, not multiplied: of an infinite gradient, as of sqrt(relu(x)) where x is negative, a unit that is off takes nothing.
    (g, _, [y]) => where(greater(y, 0), g, 0),
  ),
  LeakyRelu: declare<{ alpha: FloatAttribute }>({
    infer: ([x]) => x,
    kind: {
      is: "elementwise",
      expression: (m, [x], { alpha }) => m.select(m.greater(x, m.constant(0)), x, m.mul(x, m.constant(alpha.float))),
    },
    gradient: [(g, [x], _, { alpha }) => where(greater(x, 0), g, mul(g, alpha.float))],
    decompose: ([x], { alpha }) => where(greater(x, 0), x, mul(x, alpha.float)),
    read: (node) => leakyRelu(node.input(0), node.number("alpha", 0.01)),
  }),
  // α (eˣ - 1) below 0, whose derivative is y + α
  Elu: declare<{ alpha: FloatAttribute }>({
    infer: ([x]) => x,
    kind: {
      is: "elementwise",
      expression: (m, [x], { alpha }) => m.select(m.greater(x, m.constant(0)), x, m.mul(expm1Of(m, x), m.constant(alpha.float))),
    },
    gradient: [(g, [x], [y], { alpha }) => mul(g, where(greater(x, 0), 1, add(y, alpha.float)))],
    decompose: ([x], { alpha }) => where(greater(x, 0), x, mul(expm1(x), alpha.float)),
    read: (node) => elu(node.input(0), node.number("alpha", 1)),
  }),
  // x Φ(x) has the derivative Φ(x) + x φ(x) (Hendrycks and Gimpel 2016)
  Gelu: {
    ...unary(
      (m, x) => m.mul(m.mul(x, m.constant(0.5)), m.add(m.constant(1), m.erf(m.mul(x, m.constant(Math.SQRT1_2))))),
      (g, [x]) => mul(g, add(normalDistribution(x), mul(x, normalDensity(x)))),
      ([x]) => mul(x, normalDistribution(x)),
    ),
    read: (node) => (node.text("approximate", "none") === "tanh" ? geluByTanh : gelu)(node.input(0)),
  },
  // ln(1 + eˣ) = max(x, 0) + ln(1 + e^-|x|) has the derivative σ(x)
  Softplus: unary(
    (m, x) => m.add(m.max(x, m.constant(0)), log1pOf(m, m.exp(m.neg(m.abs(x))))),
    (g, [x]) => mul(g, sigmoid(x)),
    ([x]) => add(maximum(x, 0), log1p(exp(neg(abs(x))))),
  ),
  // x clip(x/6 + 1/2, 0, 1) has the derivative x/3 + 1/2 between -3 and 3 (Howard et al. 2019, page 5)
  HardSwish: unary(
    (m, x) => {
      const slope = m.add(m.mul(x, m.constant(1 / 6)), m.constant(0.5));
      return m.mul(x, m.min(m.max(slope, m.constant(0)), m.constant(1)));
    },
    (g, [x]) => mul(g, where(less(abs(x), 3), add(div(x, 3), 0.5), where(greater(x, 0), 1, scalar(0, x.dtype)))),
    ([x]) => mul(x, maximum(sub(1, maximum(sub(0.5, div(x, 6)), 0)), 0)),
  ),
});

/** Gelu with the normal distribution by a hyperbolic tangent (Hendrycks and Gimpel 2016, section 2). */
export const geluByTanh = (x: Tensor): Tensor =>
  mul(mul(x, 0.5), add(1, tanh(mul(mul(x, Math.sqrt(2 / Math.PI)), add(1, mul(0.044715, square(x)))))));

const normalDistribution = (x: Tensor): Tensor => mul(0.5, add(1, erf(mul(x, Math.SQRT1_2))));
const normalDensity = (x: Tensor): Tensor => mul(1 / Math.sqrt(2 * Math.PI), exp(mul(-0.5, square(x))));

/** The error function: `2/√π` times the integral of `e^(-t²)` from 0 to `x`. */
export const erf = (x: TensorLike): Tensor => floating(activation.Erf, x);
/** `max(x, 0)`; its gradient at 0 is 0. */
export const relu = (x: TensorLike): Tensor => floating(activation.Relu, x);
/** `x` above 0, `slope x` below. */
export const leakyRelu = (x: TensorLike, slope = 0.01): Tensor => floating(activation.LeakyRelu, x, { alpha: float(slope) });
/** `x` above 0, `alpha (eˣ - 1)` below (Clevert et al. 2015). */
export const elu = (x: TensorLike, alpha = 1): Tensor => floating(activation.Elu, x, { alpha: float(alpha) });
/** `x Φ(x)`, with the exact normal distribution (Hendrycks and Gimpel 2016). */
export const gelu = (x: TensorLike): Tensor => floating(activation.Gelu, x);
/** `x σ(x)`, also called swish (Elfwing et al. 2017). */
export const silu = (x: Tensor): Tensor => mul(x, sigmoid(x));
/** `1 / (1 + e⁻ˣ)`. */
export const sigmoid = (x: TensorLike): Tensor => floating(activation.Sigmoid, x);
/** `ln(1 + eˣ)`, without overflow. */
export const softplus = (x: TensorLike): Tensor => floating(activation.Softplus, x);
/** `x` times a piecewise linear sigmoid (Howard et al. 2019). */
export const hardSwish = (x: TensorLike): Tensor => floating(activation.HardSwish, x);

/** The faces that tensors have as methods too. */
export const activationMethods = { erf, relu, leakyRelu, elu, gelu, silu, sigmoid, softplus, hardSwish };

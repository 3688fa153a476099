import { stopGradient } from "../../autodiff/custom.js";
import { exactIntegers } from "../../graph/dtype.js";
import { normalizeAxis } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import { sigmoid } from "../../ops/activation.js";
import { add, clip, div, maximum, minimum, mul, round, sub, where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { equal } from "../../ops/compare.js";
import { conv } from "../../ops/conv.js";
import { zeros } from "../../ops/create.js";
import { matmul } from "../../ops/matmul.js";
import { max, min } from "../../ops/reduce.js";
import { expand, reshape } from "../../ops/shapes.js";
import { windowsOfNode } from "../../ops/windowNode.js";
import { nameOfType } from "../fileTensor.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

// Quantised values are floating-point numbers here that are integers. Rounding has the gradient of none (Bengio et al. 2013, section 4, the
// straight-through estimator), and what lies beyond the range of the integers has none.

/** Along which axis, and in blocks of how many elements, scales and zero points go. */
interface Scaling {
  readonly scale: Tensor;
  readonly zero: Tensor | undefined;
  readonly axis: number;
  readonly block: number;
}

/** Numbers for a tensor: one for all, one for each place of an axis, or one for each block along it. */
function spread(numbers: Tensor, x: Tensor, axis: number, block: number): Tensor {
  if (numbers.size === 1) return reshape(numbers, []);
  const place = normalizeAxis("quantisation", axis, x.rank);
  if (block === 0 || numbers.rank === 1) return reshape(numbers, [numbers.size, ...x.shape.slice(place + 1).map(() => 1)]);
  const [before, after] = [numbers.shape.slice(0, place), numbers.shape.slice(place + 1)];
  const count = numbers.shape[place] as number;
  const repeated = expand(reshape(numbers, [...before, count, 1, ...after]), [...before, count, block, ...after]);
  return reshape(repeated, x.shape);
}

/** `(q - zero) scale`. */
export function dequantize(q: Tensor, { scale, zero, axis, block }: Scaling): Tensor {
  const number = cast(q, scale.dtype);
  const centred = zero ? sub(number, spread(cast(zero, scale.dtype), q, axis, block)) : number;
  return mul(centred, spread(scale, q, axis, block));
}

/** The integers between which a quantised type lies. */
type Integers = readonly [least: number, greatest: number];

/** Those of a type by ONNX's number. */
const ranges: Readonly<Record<number, Integers>> = {
  2: [0, 255],
  3: [-128, 127],
  4: [0, 65535],
  5: [-32768, 32767],
  21: [0, 15],
  22: [-8, 7],
};

/** Those of the type that the node states, or that its zero point at a place has in the file. One that is computed is held in int32 where it has 16 bits. */
function rangeOf(node: ReadNode, place: number): Integers {
  const zero = node.optional(place);
  const type = node.integer("output_dtype", 0) || (zero ? node.storedType(place) : 2);
  if (type !== undefined) {
    const range = ranges[type];
    node.check(range !== undefined, () => `it quantises to ${nameOfType(type)}: expected integers of 4, 8 or 16 bits`);
    return range;
  }
  const dtype = zero?.dtype ?? "uint8";
  node.check(
    dtype === "uint8" || dtype === "int8",
    () => "it quantises to 16 bits and does not say whether to signed ones: expected 8 bits",
  );
  return exactIntegers(dtype);
}

/** `round(x / scale) + zero` within the range of the integers. */
function quantize(node: ReadNode, x: Tensor, { scale, zero, axis, block }: Scaling, [low, high]: Integers): Tensor {
  const exact = div(x, spread(scale, x, axis, block));
  const rounded = node.rounds ? add(exact, stopGradient(sub(round(exact), exact))) : exact;
  return clip(zero ? add(rounded, spread(cast(zero, x.dtype), x, axis, block)) : rounded, low, high);
}

const scalingOf = (node: ReadNode, scale: number, zero: number, axis = node.integer("axis", 1)): Scaling => ({
  scale: node.input(scale),
  zero: node.optional(zero),
  axis,
  block: node.integer("block_size", 0),
});

const quantizeLinear = (node: ReadNode): Tensor => quantize(node, node.input(0), scalingOf(node, 1, 2), rangeOf(node, 2));

/** What ONNX quantises to where scale and zero point follow from the numbers. */
const bytes: Integers = [0, 255];

/** A scale and a zero point so that all of x, and 0, are within the range of uint8. */
function dynamicScaling(x: Tensor): { readonly scale: Tensor; readonly zero: Tensor } {
  const fixed = stopGradient(x);
  const [low, high] = [minimum(min(fixed), 0), maximum(max(fixed), 0)];
  const scale = where(equal(high, low), 1, div(sub(high, low), 255));
  return { scale, zero: round(clip(div(sub(0, low), scale), 0, 255)) };
}

/** {@link quantize} by a scaling of the numbers themselves: all of them have a gradient, the ends of the range too. */
function quantizeAll(node: ReadNode, x: Tensor, { scale, zero }: ReturnType<typeof dynamicScaling>): Tensor {
  const exact = add(div(x, scale), zero);
  return node.rounds ? add(exact, stopGradient(sub(clip(add(round(div(x, scale)), zero), ...bytes), exact))) : exact;
}

function dynamicQuantizeLinear(node: ReadNode): readonly Tensor[] {
  const x = node.input(0);
  const { scale, zero } = dynamicScaling(x);
  return [quantizeAll(node, x, { scale, zero }), scale, zero];
}

/** An input without its zero point: of one number, or one for each row. */
const centred = (node: ReadNode, index: number, zero: number): Tensor => {
  const [x, offset] = [cast(node.input(index), node.float), node.optional(zero)];
  if (!offset) return x;
  const number = cast(offset, node.float);
  return sub(
    x,
    number.rank === 1 && number.size > 1 ? reshape(number, [number.size, 1]) : number.size === 1 ? reshape(number, []) : number,
  );
};

/** The second factor without its zero point: of one number, or one for each column. */
const weight = (node: ReadNode): Tensor => {
  const known = node.weight();
  if (known) return known;
  const [x, offset] = [cast(node.input(1), node.float), node.optional(3)];
  if (!offset) return x;
  const number = cast(offset, node.float);
  const perOutput = node.type === "ConvInteger" && number.size > 1;
  return sub(
    x,
    perOutput ? reshape(number, [number.size, ...x.shape.slice(1).map(() => 1)]) : number.size === 1 ? reshape(number, []) : number,
  );
};

function convInteger(node: ReadNode): Tensor {
  const [x, w] = [centred(node, 0, 2), weight(node)];
  const { kernel, ...options } = windowsOfNode(node, x, w.shape.slice(2));
  return conv(x, w, { ...options, groups: node.integer("group", 1) });
}

/** The operands of a quantised operation as numbers: each stands before its scale and its zero point. */
const operand = (node: ReadNode, index: number, axis = 0): Tensor =>
  (index === 3 && node.weight()) || dequantize(node.input(index), scalingOf(node, index + 1, index + 2, axis));

/** A result as quantised again; its scale and zero point stand at `index`. */
const requantized = (node: ReadNode, y: Tensor, index: number, axis = 0): Tensor =>
  quantize(node, y, scalingOf(node, index, index + 1, axis), rangeOf(node, index + 1));

function qLinearConv(node: ReadNode): Tensor {
  const [x, w] = [operand(node, 0), operand(node, 3)];
  const { kernel, ...options } = windowsOfNode(node, x, w.shape.slice(2));
  const outputs = w.shape[0] as number;
  const bias = node.optional(8);
  // A bias has the product of both scales.
  const scale = reshape(mul(node.input(1), node.input(4)), [-1]);
  const shift = bias && mul(cast(bias, node.float), scale.size === 1 ? reshape(scale, []) : scale);
  return requantized(node, conv(x, w, { ...options, bias: shift ?? zeros([outputs], node.float), groups: node.integer("group", 1) }), 6);
}

/** The products of com.microsoft, which take numbers that they quantise, or quantised ones, and give numbers. */
function matMulIntegerToFloat(node: ReadNode): Tensor {
  const a = dequantize(node.input(0), { ...scalingOf(node, 2, 4, -1), block: 0 });
  const b = node.weight() ?? dequantize(node.input(1), { ...scalingOf(node, 3, 5, -1), block: 0 });
  const bias = node.optional(6);
  return bias ? add(matmul(a, b), bias) : matmul(a, b);
}

function dynamicQuantizeMatMul(node: ReadNode): Tensor {
  const x = node.input(0);
  const scaling = dynamicScaling(x);
  const a = dequantize(quantizeAll(node, x, scaling), { ...scaling, axis: 0, block: 0 });
  const b = node.weight() ?? dequantize(node.input(1), { ...scalingOf(node, 2, 3, -1), block: 0 });
  const bias = node.optional(4);
  return bias ? add(matmul(a, b), bias) : matmul(a, b);
}

/** Scales of the first factor and of the result are for rows, those of the second for columns. */
const qLinearMatMul = (node: ReadNode): Tensor => requantized(node, matmul(operand(node, 0, -2), operand(node, 3, -1)), 6, -2);

const binary = (compute: (a: Tensor, b: Tensor) => Tensor): NodeReader => ({
  read: (node) => requantized(node, compute(operand(node, 0), operand(node, 3)), 6),
  roles: { 1: "setting", 4: "setting", 6: "setting" },
});

const linear: NodeReader = { read: quantizeLinear, roles: { 1: "setting" } };
const back: NodeReader = {
  read: (node) => node.weight() ?? dequantize(node.input(0), scalingOf(node, 1, 2)),
  roles: { 1: "setting" },
  weight: { value: 0, scale: 1, zero: 2 },
};

export const quantizedReaders: Readonly<Record<string, NodeReader>> = {
  ":QuantizeLinear": linear,
  ":DequantizeLinear": back,
  "com.microsoft:QuantizeLinear": linear,
  "com.microsoft:DequantizeLinear": back,
  ":DynamicQuantizeLinear": { read: dynamicQuantizeLinear },
  ":MatMulInteger": { read: (node) => matmul(centred(node, 0, 2), weight(node)), weight: { value: 1, zero: 3 } },
  ":ConvInteger": { read: convInteger, weight: { value: 1, zero: 3, axis: 0 } },
  ":QLinearMatMul": { ...binary(matmul), read: qLinearMatMul, weight: { value: 3, scale: 4, zero: 5, axis: -1 } },
  ":QLinearConv": {
    read: qLinearConv,
    roles: { 1: "setting", 4: "setting", 6: "setting" },
    weight: { value: 3, scale: 4, zero: 5, axis: 0 },
  },
  "com.microsoft:QLinearAdd": binary(add),
  "com.microsoft:QLinearMul": binary(mul),
  "com.microsoft:QLinearSigmoid": {
    read: (node) => requantized(node, sigmoid(operand(node, 0)), 3),
    roles: { 1: "setting", 3: "setting" },
  },
  "com.microsoft:MatMulIntegerToFloat": {
    read: matMulIntegerToFloat,
    roles: { 2: "setting", 3: "setting" },
    weight: { value: 1, scale: 3, zero: 5, axis: -1 },
  },
  "com.microsoft:DynamicQuantizeMatMul": {
    read: dynamicQuantizeMatMul,
    roles: { 2: "setting" },
    weight: { value: 1, scale: 2, zero: 3, axis: -1 },
  },
};

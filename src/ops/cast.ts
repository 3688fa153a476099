import { type DType, dtypes, isFloat } from "../graph/dtype.js";
import type { Tensor } from "../graph/tensor.js";
import { apply, declare, family, type OnnxNode } from "./operator.js";

/** ONNX's numbers for the dtypes (`TensorProto.DataType` in onnx.proto). */
export const onnxTypes: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
};

/** The dtype that holds ONNX's numbered type in a module that was read: floating-point types become the module's, integers the next wider one. */
export function dtypeOfOnnx(node: Pick<OnnxNode, "float" | "check">, type: number): DType {
  const wider = ({ 4: "int32", 5: "int32", 12: "int64", 13: "int64", 16: "float32" } as const)[type];
  const dtype = wider ?? dtypes.find((each) => onnxTypes[each] === type);
  node.check(
    dtype !== undefined,
    () => `the type ${type} of onnx.proto is none that tensors have here: expected one of numbers or booleans`,
  );
  return isFloat(dtype) ? node.float : dtype;
}

/**
 * `x` with elements of `dtype`: fractions are cut off towards zero, anything but zero is true. Gradients pass between floats. Of integers the low bits
 * stay. A float beyond the range of int32 (of int64, where that is `dtype`) becomes the nearest integer that it holds, and NaN 0.
 */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : apply(casts.Cast, [x], { dtype }));

/** Changes of the element type. */
export const casts = family({
  Cast: declare<{ dtype: DType }>({
    infer: ([x], { dtype }) => ({ dtype, shape: x.shape }),
    kind: { is: "elementwise", expression: (m, [x], { dtype }) => m.cast(x, dtype) },
    gradient: [(g, [x]) => (isFloat(x.dtype) ? cast(g, x.dtype) : undefined)],
    linearity: "together",
    decompose: ([x], { dtype }): Tensor =>
      dtype === "int32" || dtype === "int64" ? apply(casts.SaturatingCast, [x], { dtype }) : cast(cast(x, "int32"), dtype),
    emit: (emitter, [x], { dtype }) => emitter.node("Cast", [x as string], { to: onnxTypes[dtype] }),
    read: (node) => cast(node.input(0), dtypeOfOnnx(node, node.integer("to", 0))),
  }),
  // Of floats to int32 or int64, by a kernel that makes the least integer of what is beyond the range, or the nearest, and either of NaN.
  SaturatingCast: declare<{ dtype: "int32" | "int64" }>({
    infer: ([x], { dtype }) => ({ dtype, shape: x.shape }),
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    emit: (emitter, [x = ""], { dtype }, { inputs: [given] }) => {
      const node = (type: string, ...operands: string[]) => emitter.node(type, operands)[0] as string;
      const [end, greatest] = dtype === "int32" ? [2 ** 31, 2 ** 31 - 1] : [2 ** 63, 2n ** 63n - 1n];
      const [plain = ""] = emitter.node("Cast", [x], { to: onnxTypes[dtype] });
      const number = node("Where", node("Equal", x, x), plain, emitter.scalar(0, dtype));
      const isBeyond = node("GreaterOrEqual", x, emitter.scalar(end, (given as Tensor).dtype));
      return [node("Where", isBeyond, emitter.scalar(greatest, dtype), number)];
    },
  }),
});

import { type DType, isFloat } from "../graph/dtype.js";
import type { Tensor } from "../graph/tensor.js";
import { apply, declare, family } from "./operator.js";

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

/** `x` with elements of `dtype`: fractions are cut off towards zero, anything but zero is true. Gradients pass between floats. */
export const cast = (x: Tensor, dtype: DType): Tensor => (x.dtype === dtype ? x : apply(casts.Cast, [x], { dtype }));

/** Changes of the element type. */
export const casts = family({
  Cast: declare<{ dtype: DType }>({
    infer: ([x], { dtype }) => ({ dtype, shape: x.shape }),
    kind: { is: "elementwise", expression: (m, [x], { dtype }) => m.cast(x, dtype) },
    gradient: [(g, [x]) => (isFloat(x.dtype) ? cast(g, x.dtype) : undefined)],
    linearity: "together",
    emit: (emitter, [x], { dtype }) => emitter.node("Cast", [x as string], { to: onnxTypes[dtype] }),
  }),
});

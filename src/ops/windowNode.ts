import type { Shape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { reach } from "./convolutionGeometry.js";
import type { OnnxNode } from "./operator.js";

/** How the windows of an ONNX node lie on an image, in the words of this library's functions. */
export interface NodeWindows {
  readonly kernel: Shape;
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly padding: readonly (readonly [before: number, after: number])[];
}

/**
 * The windows of a convolution or of pooling, whose node gives the padding itself or by a rule (`auto_pad`).
 * @param kernel where an input decides it and no attribute
 */
export function windowsOfNode(node: OnnxNode, { shape }: Tensor, kernel = node.integers("kernel_shape") ?? []): NodeWindows {
  const sizes = shape.slice(2);
  node.check(
    kernel.length === sizes.length && sizes.length > 0,
    () => `a kernel of ${kernel.length} axes on an image [${shape}]: expected one for each axis after batch and channels`,
  );
  const listed = (name: string) => node.integers(name) ?? kernel.map(() => 1);
  const [stride, dilation] = [listed("strides"), listed("dilations")];
  const rule = node.text("auto_pad", "NOTSET");
  const pads = node.integers("pads");
  const padding = sizes.map((size, i): readonly [number, number] => {
    if (rule === "VALID") return [0, 0];
    if (rule === "NOTSET" || rule === "") return [pads?.[i] ?? 0, pads?.[i + sizes.length] ?? 0];
    node.check(rule === "SAME_UPPER" || rule === "SAME_LOWER", () => `auto_pad ${rule}: expected NOTSET, VALID, SAME_UPPER or SAME_LOWER`);
    const step = stride[i] as number;
    const total = Math.max(0, (Math.ceil(size / step) - 1) * step + reach(kernel[i] as number, dilation[i] as number) - size);
    const less = total >> 1;
    return rule === "SAME_UPPER" ? [less, total - less] : [total - less, less];
  });
  return { kernel, stride, dilation, padding };
}

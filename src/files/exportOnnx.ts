import { type Exportable, type ExportOptions, type InputSpecification, onnxModel } from "../onnx/model.js";
import { writeAtomically } from "./atomicWrite.js";

/**
 * Writes what `target` computes when it is not training as an `.onnx` file that any ONNX Runtime runs, weights included. Node only.
 * @param inputs the inputs in the order of the parameters; a size given by name, such as `"batch"`, is free: it is known when the model runs
 * @throws KasaneError where more of the graph than its shapes depends on a free size
 */
export async function exportOnnx(
  target: Exportable,
  inputs: Readonly<Record<string, InputSpecification>>,
  file: string,
  options: ExportOptions = {},
): Promise<void> {
  await writeAtomically(file, await onnxModel(target, inputs, options));
}

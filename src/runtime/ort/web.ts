// Its WebGPU provider has the kernels that Node's has. The main entry brings another one, written in JavaScript, with fewer.
import * as ort from "onnxruntime-web/webgpu";

// What `#onnxruntime` is in a browser.

export const isWeb = true;
export const ledStep = undefined;

let last: Promise<unknown> = Promise.resolve();

/** Makes calls of ONNX Runtime one after another: a provider that starts while another one does fails for good. */
export function nativeCall<Result>(body: () => Promise<Result>): Promise<Result> {
  const result = last.then(body);
  last = result.catch(() => undefined);
  return result;
}

export { ort };

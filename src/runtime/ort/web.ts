import * as ort from "onnxruntime-web";

// What `#onnxruntime` is in a browser.

export const isWeb = true;
export const nativeCall = undefined;
export const ledStep = undefined;
export { ort };

import { ort } from "#onnxruntime";

// ONNX Runtime would print errors. They are thrown, with the operation's name.
ort.env.logLevel = "fatal";

export { isWeb, ledStep, nativeCall, ort } from "#onnxruntime";

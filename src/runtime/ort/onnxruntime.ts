import { ort } from "#onnxruntime";

// What goes wrong comes back as an error, with the operation's name; ONNX Runtime would print it besides.
ort.env.logLevel = "fatal";

export { isWeb, ledStep, nativeCall, ort } from "#onnxruntime";

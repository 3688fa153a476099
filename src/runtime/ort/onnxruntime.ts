import "./telemetry.js";
import * as ort from "#onnxruntime";

// What goes wrong comes back as an error, with the operation's name; ONNX Runtime would print it besides.
ort.env.logLevel = "fatal";

/** Whether this is onnxruntime-web, a browser's: it never writes into an output that is handed to a run, so none may be. */
export const isWeb = !("listSupportedBackends" in ort);

export { ort };

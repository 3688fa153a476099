import "./telemetry.js";
import * as ort from "onnxruntime-node";

// What `#onnxruntime` is in Node.

/** Whether this is a browser's build: it never writes into an output that is handed to a run, so none may be. */
export const isWeb: boolean = false;
export { ledStep, nativeCall } from "./threadEnd.js";
export { ort };

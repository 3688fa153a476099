import "./telemetry.js";
import * as ort from "onnxruntime-node";

// What `#onnxruntime` is in Node.

/** Whether this is a browser's build, which never writes into outputs that are handed to a run: none may be handed over. */
export const isWeb: boolean = false;
export { ledStep, nativeCall } from "./threadEnd.js";
export { ort };

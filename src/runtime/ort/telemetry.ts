import { isMainThread } from "node:worker_threads";

// onnxruntime-node 1.30 reports what it runs to its maker, and keeps files in ~/.cache/Microsoft that identify the machine, unless this variable is
// set when the process opens its first session. What the user has set stays.
if (process.env.ORT_DISABLE_TELEMETRY === undefined) {
  process.env.ORT_DISABLE_TELEMETRY = "1";
  // A worker thread has a copy of the environment, which native code does not see.
  if (!isMainThread)
    process.emitWarning(
      "kasane: ONNX Runtime's telemetry cannot be switched off from a worker thread: import kasane in the main thread too, or start the process with ORT_DISABLE_TELEMETRY=1",
    );
}

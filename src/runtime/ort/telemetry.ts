// onnxruntime-node 1.30 reports what it runs to its maker, unless this variable is set when the process opens its first session. It also identifies
// the machine, by files in ~/.cache/Microsoft. What the user has set stays. Imported before the library is.

interface NodeProcess {
  readonly env: Record<string, string | undefined>;
  emitWarning(warning: string): void;
  getBuiltinModule?(name: "worker_threads"): { readonly isMainThread: boolean };
}

const { process } = globalThis as { readonly process?: NodeProcess };
if (process?.env && process.env.ORT_DISABLE_TELEMETRY === undefined) {
  process.env.ORT_DISABLE_TELEMETRY = "1";
  // A worker thread has a copy of the environment, which native code does not see.
  if (process.getBuiltinModule?.("worker_threads").isMainThread === false)
    process.emitWarning(
      "kasane: ONNX Runtime's telemetry cannot be switched off from a worker thread: import kasane in the main thread too, or start the process with ORT_DISABLE_TELEMETRY=1",
    );
}

import type { InferenceSession, InferenceSessionFactory } from "onnxruntime-common";

/** From now on a WebGPU session with an operator that would run on the CPU does not open. */
export function withoutFallback(sessions: InferenceSessionFactory): void {
  type Create = (model: Uint8Array, options: InferenceSession.SessionOptions) => Promise<InferenceSession>;
  const create = sessions.create.bind(sessions) as Create;
  const strictly: Create = (model, options) =>
    create(
      model,
      options.executionProviders?.[0] === "webgpu" ? { ...options, extra: { session: { disable_cpu_ep_fallback: "1" } } } : options,
    );
  sessions.create = strictly as InferenceSessionFactory["create"];
}

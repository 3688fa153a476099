import type { Device } from "./devices.js";
import { ort } from "./onnxruntime.js";

/** How a model is run. */
export interface SessionSettings {
  readonly device: Device;
  /** Threads within one operator. */
  readonly threads: number;
  /** Names of outputs that stay on the device, where it has a memory of its own. */
  readonly resident: readonly string[];
}

/** At most so many sessions are open at a time: each holds native memory, and a closed one opens again from its model. */
const capacity = 64;

const open = new Set<Session>();

/** An ONNX model and the session that runs it, opened when it is first needed. */
export class Session {
  private session: Promise<ort.InferenceSession> | undefined;

  constructor(
    private readonly model: Uint8Array,
    private readonly settings: SessionSettings,
  ) {}

  async run(feeds: Record<string, ort.Tensor>, fetches: Record<string, ort.Tensor | null>): Promise<ort.InferenceSession.OnnxValueMapType> {
    const session = await this.start();
    return session.run(feeds, fetches);
  }

  /** Opens the session; `run` does so by itself. */
  start(): Promise<ort.InferenceSession> {
    this.session ??= ort.InferenceSession.create(this.model, options(this.settings));
    this.touch();
    return this.session;
  }

  /** Gives the native memory back; the next run opens the session again. */
  async release(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    open.delete(this);
    // One that failed to open told so to whoever opened it.
    await (await session?.catch(() => undefined))?.release();
  }

  private touch(): void {
    open.delete(this);
    open.add(this);
    if (open.size <= capacity) return;
    const [oldest] = open;
    void oldest?.release();
  }
}

function options({ device, threads, resident }: SessionSettings): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: [device],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    logSeverityLevel: 4,
    preferredOutputLocation:
      device === "cpu" || device === "wasm" ? undefined : Object.fromEntries(resident.map((name) => [name, "gpu-buffer"])),
  };
}

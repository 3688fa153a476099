import { runtime as processRuntime } from "../runtime.js";
import { type Device, providerOf } from "./devices.js";
import { type EarlyEnd, findEarlyEnd } from "./earlyEnd.js";
import { failureOf } from "./failure.js";
import { nativeCall, ort } from "./onnxruntime.js";

/** How a model is run. */
export interface SessionSettings {
  readonly device: Device;
  /** Threads within one operator. */
  readonly threads: number;
  /** Whether it keeps the memory of a run for the next one, by default true. */
  readonly arena?: boolean;
  /** Names of outputs that stay on the device, where it has a memory of its own. */
  readonly resident: readonly string[];
  /** Whether every run is handed tensors for all outputs, which are then written and not copied. */
  readonly handOver?: boolean;
  /** What the files' names begin with that ONNX Runtime's profiler writes; by default it does not run. */
  readonly recordTo?: string;
  /** What it is a part of, if it is used together with other sessions: these stay open together. */
  readonly owner?: object;
}

/** At most so many sessions, those of an owner counted as one, are open at a time: each holds native memory, and a closed one opens again from its model. */
const capacity = 64;

/** A session is closed when unused for so many times its opening time: of n sessions used alternately, opening takes at most n / 500 of the time. */
const patience = 500;

/** An ONNX model and the session that runs it, opened when it is first needed. */
export class Session {
  private session: Promise<ort.InferenceSession> | undefined;
  private end: EarlyEnd | undefined;
  /** When it was last used, and how long it took to open, in milliseconds. */
  private used = 0;
  private opening = Number.POSITIVE_INFINITY;
  /** How many runs are under way: then it stays open. */
  private runs = 0;
  private readonly owner: object;

  /** @param encode writes the model, each time that it is opened: a model with its weights is not kept twice */
  constructor(
    private readonly encode: () => Uint8Array,
    private readonly settings: SessionSettings,
    private readonly runtime = processRuntime,
  ) {
    this.owner = settings.owner ?? this;
  }

  /** @throws KasaneError where ONNX Runtime cannot open or run the model */
  async run(feeds: Record<string, ort.Tensor>, fetches: Record<string, ort.Tensor | null>): Promise<ort.InferenceSession.OnnxValueMapType> {
    this.runs++;
    try {
      const session = await this.start();
      return await runOf(session, feeds, this.end ? { ...this.end.fetch, ...fetches } : fetches);
    } catch (error) {
      if (this.end?.isReached(error)) return fetches as ort.InferenceSession.OnnxValueMapType;
      throw failureOf(error);
    } finally {
      this.runs--;
    }
  }

  /** Opens the session; `run` does so by itself. */
  start(): Promise<ort.InferenceSession> {
    this.session ??= nativeCall ? nativeCall(() => this.create()) : this.create();
    this.touch();
    return this.session;
  }

  /** A session of the same model whose kernels are recorded, into a file that is written by {@link endRecording}. */
  recording(recordTo: string): Session {
    return new Session(this.encode, { ...this.settings, recordTo }, this.runtime);
  }

  async endRecording(): Promise<void> {
    (await this.start()).endProfiling();
  }

  /** Gives the native memory back; the next run opens the session again. */
  async release(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    this.runtime.sessions.delete(this);
    // One that failed to open told so to whoever opened it.
    await (await session?.catch(() => undefined))?.release();
  }

  private async create(): Promise<ort.InferenceSession> {
    if (this.settings.handOver) this.runtime.earlyEnd ??= findEarlyEnd();
    this.end = this.settings.handOver ? await this.runtime.earlyEnd : undefined;
    const start = performance.now();
    const model = this.encode();
    const session = await ort.InferenceSession.create(this.end?.mark(model) ?? model, options(this.settings));
    this.opening = performance.now() - start;
    return session;
  }

  private touch(): void {
    this.runtime.sessions.delete(this);
    this.runtime.sessions.add(this);
    this.used = performance.now();
    const oldest = [...(this.runtime.sessions as Iterable<Session>)].find((session) => session.runs === 0);
    if (!oldest) return;
    const owners = new Set([...this.runtime.sessions].map(({ owner }) => owner));
    if (owners.size > capacity || this.used - oldest.used > patience * oldest.opening) void oldest.release();
  }
}

const runOf = (session: ort.InferenceSession, feeds: ort.InferenceSession.FeedsType, fetches: Record<string, ort.Tensor | null>) =>
  nativeCall ? nativeCall(() => session.run(feeds, fetches)) : session.run(feeds, fetches);

function options({ device, threads, arena = true, resident, recordTo }: SessionSettings): ort.InferenceSession.SessionOptions {
  return {
    executionProviders: [providerOf(device)],
    graphOptimizationLevel: "all",
    intraOpNumThreads: threads,
    // A pattern is one piece of memory for all of a run, which without an arena would be fresh each time.
    enableCpuMemArena: arena,
    enableMemPattern: arena,
    logSeverityLevel: 4,
    // Threads that spin on after a run would take a core from what comes next: the update, or another session.
    // It makes zeros added before a pooling its padding, also where there are more than the kernel takes: then no session opens.
    extra: { session: { force_spinning_stop: "1" }, optimization: { disable_specified_optimizers: "Pad_Fusion" } },
    ...(recordTo !== undefined && { enableProfiling: true, profileFilePrefix: recordTo }),
    preferredOutputLocation: device === "cpu" ? undefined : Object.fromEntries(resident.map((name) => [name, "gpu-buffer"])),
  };
}

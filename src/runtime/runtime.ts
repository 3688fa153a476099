import { defaultRandom, type RandomState } from "../random/state.js";
import { DrawMemory } from "./drawMemory.js";
import type { Device } from "./ort/devices.js";
import type { EarlyEnd } from "./ort/earlyEnd.js";
import type { ort } from "./ort/onnxruntime.js";
import type { Session } from "./ort/session.js";
import type { Plan } from "./plan.js";
import type { Update } from "./wasm/update.js";
import type { WasmExecutor } from "./wasm/wasmExecutor.js";

/** As much of a worker thread as is known outside `parallel`. */
export interface WorkerThread {
  readonly id: number;
  readonly isAlive: boolean;
  end(): Promise<void>;
}

/** The state that all graphs share which run in a process. */
export class Runtime {
  /** The open sessions, the least recently used first. */
  readonly sessions = new Set<Session>();
  /** The sessions that copy a tensor from a device to the host, by its type. */
  readonly downloads = new Map<string, Session>();
  /** The executors whose WebAssembly modules have their memory, the least recently used first. */
  readonly modules = new Set<WasmExecutor>();
  /** Plans of graphs computed outside traced functions, by structure, the least recently used first. */
  readonly plans = new Map<string, Plan>();
  /** The updates by structure. Functions that train the same variables alike share one, which has the variables in its memory. */
  readonly updates = new Map<string, WeakRef<Update>>();
  /**
   * The devices that were tried, with a session on each that works. These sessions stay open: with the last session on a device, the variables
   * there are lost, and the process ends.
   */
  readonly devices = new Map<Device, Promise<ort.InferenceSession | undefined>>();
  /** The early end of this ONNX Runtime, once that was tried. */
  earlyEnd: Promise<EarlyEnd | undefined> | undefined;
  /** The block of channels of this machine's convolutions; undefined until a graph has one. */
  channelBlock: number | undefined;
  /** The worker threads by rank. The leader, of rank 0, is the calling thread. */
  readonly workers = new Map<number, WorkerThread>();
  /** The memory for random numbers of a run: one run follows another, so all share it. */
  readonly draws = new DrawMemory();
  /** How many threads run a graph where `compile` is not told; undefined for the default. */
  threads: number | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private pending = 0;

  constructor(readonly random: RandomState = { seed: 0, counter: 0 }) {}

  /**
   * Runs `body` after all earlier bodies have ended: steps and assignments see each other's results in the order of the calls.
   * Where nothing is under way it runs at once.
   */
  enqueue<T>(body: () => T | Promise<T>): Promise<T> {
    if (this.pending > 0) return this.follow(this.tail.then(body));
    this.pending++;
    try {
      const result = body();
      return result instanceof Promise ? this.follow(result) : Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    } finally {
      this.pending--;
    }
  }

  /** Whether a body is under way. */
  get isBusy(): boolean {
    return this.pending > 0;
  }

  /** Makes later bodies wait for `result`. */
  private follow<T>(result: Promise<T>): Promise<T> {
    this.pending++;
    const done = () => {
      this.pending--;
    };
    this.tail = result.then(done, done);
    return result;
  }
}

/** The runtime of the process. */
export const runtime = new Runtime(defaultRandom);

import { defaultRandom, type RandomState } from "../random/state.js";
import type { Device } from "./ort/devices.js";
import type { Session } from "./ort/session.js";
import type { Plan } from "./plan.js";
import type { Update } from "./wasm/update.js";

/** What is shared by all graphs that run: the process has one, a test may make its own. */
export class Runtime {
  /** The open sessions, the least recently used first. */
  readonly sessions = new Set<Session>();
  /** Plans of graphs computed outside traced functions, by structure, the least recently used first. */
  readonly plans = new Map<string, Plan>();
  /** The updates there are, by structure: functions that train the same variables alike share one, with the variables in its memory. */
  readonly updates = new Map<string, WeakRef<Update>>();
  /** Whether a device runs a model here, of those that were tried. */
  readonly devices = new Map<Device, Promise<boolean>>();
  /** How many threads run a graph where `compile` is not told; undefined for the default. */
  threads: number | undefined;
  private tail: Promise<unknown> = Promise.resolve();
  private pending = 0;

  constructor(readonly random: RandomState = { seed: 0, counter: 0 }) {}

  /**
   * Runs `body` after all that was begun before: steps and assignments see each other's results in the order of the calls.
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

  /** Makes all that begins later wait for `result`. */
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

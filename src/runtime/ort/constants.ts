import type { TypedArray } from "../../graph/dtype.js";
import { totalBytes } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import type { Binding } from "../../passes/binding.js";
import { estimate } from "../estimate.js";
import { type State, stateOf } from "../state.js";
import type { Session } from "./session.js";

/** A variable and the input of a model that it is fed to. */
export interface Fed {
  readonly name: string;
  readonly variable: Variable;
}

/**
 * A session that has variables as constants, while they keep their values. ONNX Runtime computes once what follows from constants alone, and brings
 * constant weights once into the layout of its kernels. The session is opened after a number of runs with the same values. That number follows from
 * the graph alone, so the same calls give the same results to the bit.
 */
export class Constants {
  private session: Session | undefined;
  private runs = 0;
  private known: readonly { readonly state: State; readonly version: number }[] = [];

  /** @param open makes the session, given the variables' values by name */
  constructor(
    private readonly variables: readonly Fed[],
    readonly after: number,
    private readonly open: (values: ReadonlyMap<string, TypedArray>) => Session,
  ) {}

  /** The session of the next run; undefined where the variables are fed to it. */
  next(): Session | undefined {
    if (!this.areKept()) this.forget();
    if (!this.session && this.runs++ >= this.after) this.session = this.opened();
    return this.session;
  }

  async release(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    this.runs = 0;
    await session?.release();
  }

  /** Whether all variables have the values of the run before. */
  private areKept(): boolean {
    const { variables, known } = this;
    return variables.length === known.length && variables.every(({ variable }, i) => isKept(variable, known[i] as (typeof known)[number]));
  }

  private forget(): void {
    void this.release();
    this.known = this.variables.map(({ variable }) => {
      const state = stateOf(variable);
      return { state, version: state.version };
    });
  }

  /** Undefined where a value is on a device: a run that is fed brings it to the host. */
  private opened(): Session | undefined {
    const values = new Map<string, TypedArray>();
    for (const { name, variable } of this.variables) {
      const elements = stateOf(variable).holder.elements();
      if (elements instanceof Promise) return undefined;
      values.set(name, elements);
    }
    return this.open(values);
  }
}

const isKept = (variable: Variable, { state, version }: { state: State; version: number }): boolean =>
  stateOf(variable) === state && state.version === version;

/** Microseconds that opening a session takes, and what each byte of its constants adds. */
const opening = { session: 5000, byte: 1e-3 };

/** Constants save about an eighth of a run or more, so a session of them is opened after the runs in which they would have saved its opening. */
const share = 8;

/** A model holds at most 2 GiB. */
const mostBytes = 2 ** 30;

/** After how many runs with the same values the variables of a graph become constants: never where it trains, or where they are too many. */
export function runsBeforeConstants({ variables, updates, results }: Binding): number {
  const changed = new Set(updates.map(({ variable }) => variable));
  const kept = variables.filter((variable) => !changed.has(variable));
  const bytes = totalBytes(kept);
  const trains = updates.some(({ variable }) => variable.trainable);
  if (trains || kept.length === 0 || bytes > mostBytes) return Number.POSITIVE_INFINITY;
  return Math.ceil((share * (opening.session + opening.byte * bytes)) / estimate(results).onnxruntime);
}

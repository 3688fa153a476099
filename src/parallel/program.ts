import type { TensorType } from "../graph/tensor.js";
import type { Watched } from "../passes/watch.js";
import { detectAnomalies } from "../runtime/ort/anomaly.js";
import type { ort } from "../runtime/ort/onnxruntime.js";
import { Session } from "../runtime/ort/session.js";
import { emptyOrt } from "../runtime/state.js";
import type { Collectives, Numbers } from "./collectives.js";

/** The part of a step that every worker runs, by names of values. It can be sent to a worker. */
export interface Program {
  readonly types: Readonly<Record<string, TensorType>>;
  /** Variables, whose values the leader sends. */
  readonly variables: readonly string[];
  /** Inputs that the leader divides among the workers. */
  readonly parts: readonly string[];
  readonly phases: readonly Phase[];
  /** Values that a worker keeps from one phase for later ones. */
  readonly carried: readonly string[];
  /** Outputs that the leader collects from the workers. */
  readonly gathered: readonly string[];
}

/** A graph. Its results are exchanged before the next one runs. */
export interface Phase {
  readonly model: Uint8Array;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Which of the outputs are added up over the workers. */
  readonly exchanged: readonly string[];
  /** The values that are checked for anomalies, and their names. */
  readonly watched: readonly Watched[];
  readonly watchedNames: readonly string[];
}

/** Runs a program on one worker. It has the sessions, and the values by their names. */
export class ProgramRunner {
  readonly values: Record<string, ort.Tensor> = {};
  private readonly sessions: readonly Session[];

  /**
   * @param threads within one operator
   * @param kept the names of the values that have arrays of their own here; the others are set before each step
   */
  constructor(
    readonly program: Program,
    threads: number,
    kept: readonly string[] = Object.keys(program.types),
  ) {
    this.sessions = program.phases.map(
      ({ model, watched }) =>
        new Session(() => model, { device: "cpu", threads, resident: [], handOver: watched.length === 0, owner: this }),
    );
    for (const name of kept) this.values[name] = emptyOrt(program.types[name] as TensorType);
  }

  /**
   * Makes one step with the other workers.
   * @param changed the variables whose values the others do not have yet
   * @param parts on the leader: what each rank gets of the program's `parts`, and where it puts what is gathered
   */
  async run(collectives: Collectives, changed: readonly string[], parts?: Exchanged): Promise<void> {
    const { phases, gathered, parts: divided } = this.program;
    const arrays = (names: readonly string[]) => names.map((name) => (this.values[name] as ort.Tensor).data as Float32Array);
    await collectives.broadcast(arrays(changed));
    await collectives.scatter(arrays(divided), parts?.scattered);
    for (const [i, { exchanged }] of phases.entries()) {
      await this.compute(i);
      await collectives.allReduce(arrays(exchanged) as Numbers[]);
    }
    await collectives.gather(arrays(gathered), parts?.gathered);
  }

  async release(): Promise<void> {
    for (const session of this.sessions) await session.release();
  }

  private async compute(index: number): Promise<void> {
    const { inputs, outputs, watched, watchedNames } = this.program.phases[index] as Phase;
    const feeds = Object.fromEntries(inputs.map((name) => [name, this.values[name] as ort.Tensor]));
    const fetches: Record<string, ort.Tensor | null> = Object.fromEntries(outputs.map((name) => [name, this.values[name] as ort.Tensor]));
    for (const name of watchedNames) fetches[name] = null;
    const results = await (this.sessions[index] as Session).run(feeds, fetches);
    detectAnomalies(
      watched,
      watchedNames.map((name) => results[name] as ort.Tensor),
    );
  }
}

/** The leader's arrays by rank: what is sent to each, and where its results go. */
export interface Exchanged {
  readonly scattered: readonly (readonly ArrayBufferView[])[];
  readonly gathered: readonly (readonly ArrayBufferView[])[];
}

import { checkOptions, type OptionNames } from "../graph/options.js";
import type { FitResult } from "./fitOptions.js";
import type { Metrics } from "./metricsFile.js";

/** What `fit` tells of, by event. Epochs are counted from 0, steps are those made so far. */
export interface FitEvents {
  /** Figures were recorded: means of steps, or what `validate` gave. */
  readonly record: Metrics;
  readonly validation: {
    readonly epoch: number;
    readonly step: number;
    readonly figures: Readonly<Record<string, number>>;
    /** Whether the figure that the option `best` names is better than ever before. */
    readonly isBest: boolean;
  };
  readonly epochEnd: { readonly epoch: number; readonly step: number };
  /** A checkpoint was written. */
  readonly save: { readonly file: string; readonly step: number };
  /** The run has ended, complete, early or interrupted. Not told where an error ends it. */
  readonly end: FitResult;
}

/**
 * A function for each event that is of interest. It is awaited before the next step is made, at a point where the run can be resumed.
 * Its error ends the run: the state is saved, then `fit` throws it.
 */
export type FitCallbacks = { readonly [Event in keyof FitEvents]?: (event: FitEvents[Event]) => void | Promise<void> };

const eventNames: OptionNames<FitCallbacks> = {
  record: "optional",
  validation: "optional",
  epochEnd: "optional",
  save: "optional",
  end: "optional",
};

/** Events that happened and were not yet told. */
export class EventQueue {
  private readonly calls: (() => void | Promise<void>)[] = [];

  constructor(private readonly callbacks: FitCallbacks = {}) {
    checkOptions("fit: on", callbacks, eventNames);
  }

  add<Event extends keyof FitEvents>(name: Event, event: FitEvents[Event]): void {
    const callback = this.callbacks[name];
    if (callback) this.calls.push(() => callback(event));
  }

  /** Calls the functions in the order of the events; stops at the first that throws. */
  async deliver(): Promise<void> {
    for (const call of this.calls.splice(0)) await call();
  }
}

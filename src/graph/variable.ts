import { check, KasaneError } from "./error.js";
import { sameShape, showShape } from "./shape.js";
import { type Storage, Tensor } from "./tensor.js";
import { currentTrace } from "./trace.js";

let unnamed = 0;

/** How a value is computed and stored outside a traced function, or, where there is none, forgotten; the runtime provides it. */
type EagerAssignment = (variable: Variable, value: Tensor | undefined) => Promise<void>;

let assignEagerly: EagerAssignment = () => {
  throw new KasaneError('assign: nothing computes values yet: import from "kasane", not from a room of it');
};

/** Lets the runtime provide {@link Variable.assign} outside traced functions. */
export function provideAssignment(assignment: EagerAssignment): void {
  assignEagerly = assignment;
}

/**
 * Named state that outlives a step: a parameter, an optimizer's moment, a running statistic, a carried hidden state.
 * As a tensor it is the value at the start of the step; {@link assign} sets the value after it.
 */
export class Variable extends Tensor {
  /** What the graph and errors call it. A module names it by the path of fields that leads to it, when it first runs or lists its variables. */
  name: string;
  /**
   * Whether optimizers train it. To freeze a parameter set this to false before its optimizer is made: an optimizer reads it then, and trains
   * the same variables ever after.
   */
  trainable: boolean;
  /** Its value now; undefined until {@link initial} was first computed. Belongs to the runtime. */
  storage: Storage | undefined;
  /** What computes its first value. */
  readonly initial: Tensor;

  constructor(initial: Tensor, { name = `variable${unnamed++}`, trainable = true }: { name?: string; trainable?: boolean } = {}) {
    super(initial.dtype, initial.shape, { kind: "variable" });
    this.initial = initial;
    this.name = name;
    this.trainable = trainable;
  }

  /**
   * Sets the value. In a traced function the change takes effect when the step ends, and the last of several assignments
   * holds; outside, the value is computed in turn, after the steps already under way.
   * @param value same shape and dtype as the variable
   * @returns settled when the value is set; a step called later sees it in any case
   */
  assign(value: Tensor): Promise<void> {
    check(
      value.dtype === this.dtype && sameShape(value.shape, this.shape),
      () => `assign to ${this.name}: got ${value.dtype}${showShape(value.shape)}, ` + `expected ${this.dtype}${showShape(this.shape)}`,
    );
    const trace = currentTrace();
    if (!trace) return assignEagerly(this, value);
    trace.assignments.set(this, value);
    return Promise.resolve();
  }

  /** Gives the memory of the value back, in turn as {@link assign} does outside traced functions: it begins anew with {@link initial}. */
  reset(): Promise<void> {
    check(currentTrace() === undefined, () => `reset of ${this.name} in a traced function: assign its initial value there`);
    return assignEagerly(this, undefined);
  }
}

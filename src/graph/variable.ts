import type { TypedArray } from "./dtype.js";
import { check, KasaneError } from "./error.js";
import { checkOptions } from "./options.js";
import { sameShape, showShape } from "./shape.js";
import { type Storage, Tensor } from "./tensor.js";
import { currentTrace, isRebuilding } from "./trace.js";

let unnamed = 0;

/** What the runtime does for variables. */
interface VariableRuntime {
  /** Computes and stores a value outside a traced function; forgets the value where there is none. */
  assign(variable: Variable, value: Tensor | undefined): Promise<void>;
  /** The value now, copied; to be called in a section that has the runtime for itself. A promise only where it is not at hand. */
  read(variable: Variable): TypedArray | Promise<TypedArray>;
  /** The tensor that a variable is read as, once it was assigned in a traced function. */
  assigned(value: Tensor): Tensor;
}

let runtime: VariableRuntime | undefined;

function provided(): VariableRuntime {
  if (runtime) return runtime;
  throw new KasaneError('variables: nothing computes values yet: import from "kasane", not from a room of it');
}

/** Lets the runtime compute and hold the values of variables. */
export function provideVariables(given: VariableRuntime): void {
  runtime = given;
}

/** The number of calls so far that write variables: it orders readings and writes as they were called. */
let writes = 0;

/** The moment of a call that writes variables: readings up to it have the values before, later ones the values after. */
export const nextWrite = (): number => writes++;

/** The value that a variable has at a moment, for a tensor made outside traced functions: held by the variable until that is written. */
class Reading implements Storage {
  host: TypedArray | undefined;

  constructor(
    readonly variable: Variable,
    readonly moment: number,
  ) {}

  read(): TypedArray | Promise<TypedArray> {
    return this.host ?? provided().read(this.variable);
  }

  /** Keeps a copy of the value from now on. A promise only where it is not at hand. */
  keep(): undefined | Promise<void> {
    const value = this.read();
    const hold = (elements: TypedArray) => {
      this.host ??= elements;
      return undefined;
    };
    return value instanceof Promise ? value.then(hold) : hold(value);
  }
}

/** The variable of each tensor that a variable was read as. */
const variables = new WeakMap<Tensor, Variable>();

/**
 * Named state that outlives a step: a parameter, an optimizer's moment, a running statistic, a carried hidden state.
 *
 * As an operand it stands for its value at that point. In a traced function that is the value at the start of the step, or the one that the
 * function assigned last. Outside, a tensor made of it keeps the value that the variable has then, whatever it is assigned later.
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
  /** The readings that have no copy of the value yet, oldest first. */
  private readings: WeakRef<Tensor>[] = [];

  constructor(initial: Tensor, options: { readonly name?: string; readonly trainable?: boolean } = {}) {
    checkOptions("Variable", options, { name: "optional", trainable: "optional" });
    const { name = `variable${unnamed++}`, trainable = true } = options;
    super(initial.dtype, initial.shape, { kind: "variable" });
    this.initial = reading(initial);
    this.name = name;
    this.trainable = trainable;
  }

  /**
   * Sets the value. In a traced function it is read from the next use of the variable on, and stored when the step ends; outside, it is
   * computed in turn, after the steps already under way.
   * @param value same shape and dtype as the variable
   * @returns settled when the value is set; a step called later sees it in any case
   */
  assign(value: Tensor): Promise<void> {
    check(
      value.dtype === this.dtype && sameShape(value.shape, this.shape),
      () => `assign to ${this.name}: got ${value.dtype}${showShape(value.shape)}, ` + `expected ${this.dtype}${showShape(this.shape)}`,
    );
    check(!substitutes.has(this), () => `assign to ${this.name}, which stands for a tensor that is computed of it: assign it outside`);
    const trace = currentTrace();
    const next = reading(value);
    if (!trace) return provided().assign(this, next);
    const read = provided().assigned(next);
    variables.set(read, this);
    trace.assignments.set(this, next);
    trace.readings.set(this, read);
    return Promise.resolve();
  }

  /** Gives the memory of the value back, in turn as {@link assign} does outside traced functions: it begins anew with {@link initial}. */
  reset(): Promise<void> {
    check(currentTrace() === undefined, () => `reset of ${this.name} in a traced function: assign its initial value there`);
    return provided().assign(this, undefined);
  }

  /** The value at this point, as a leaf that keeps it. */
  readNow(): Tensor {
    const latest = this.readings.at(-1)?.deref();
    if (latest && readingOf(latest)?.moment === writes) return latest;
    const leaf = new Tensor(this.dtype, this.shape, { kind: "data", id: -1, storage: new Reading(this, writes) });
    variables.set(leaf, this);
    this.readings.push(new WeakRef(leaf));
    return leaf;
  }

  /** The readings up to a moment that somebody still has: before the variable is written they are to keep the value. They are listed once. */
  readingsUntil(moment: number): Reading[] {
    if (this.readings.length === 0) return [];
    const found = this.readings.flatMap((reference) => {
      const leaf = reference.deref();
      return leaf ? [{ reference, reading: readingOf(leaf) as Reading }] : [];
    });
    this.readings = found.flatMap(({ reference, reading }) => (reading.moment > moment ? [reference] : []));
    return found.flatMap(({ reading }) => (reading.moment > moment ? [] : [reading]));
  }
}

const readingOf = ({ source }: Tensor): Reading | undefined =>
  source.kind === "data" && source.storage instanceof Reading ? source.storage : undefined;

/** What variables stand for while a function runs, in place of their own values. */
let substitutes: ReadonlyMap<Variable, Tensor> = new Map();

/** Runs `body`, in which each of some variables stands for a tensor, such as one that is computed of it and of others; they cannot be assigned there. */
export function withSubstitutes<Result>(values: ReadonlyMap<Variable, Tensor>, body: () => Result): Result {
  const outer = substitutes;
  substitutes = new Map([...outer, ...values]);
  try {
    return body();
  } finally {
    substitutes = outer;
  }
}

/** What a tensor stands for as an operand: of a variable its value at this point, of others themselves. */
export function reading(x: Tensor): Tensor {
  if (!(x instanceof Variable) || isRebuilding()) return x;
  const substitute = substitutes.get(x);
  if (substitute) return substitute;
  const trace = currentTrace();
  return trace ? (trace.readings.get(x) ?? x) : x.readNow();
}

/** The variable that a tensor is a reading of. */
export const variableOf = (x: Tensor): Variable | undefined => (x instanceof Variable ? x : variables.get(x));

/** Has each reading among `leaves` keep its value, so that it can stand in a graph as a constant. */
export async function keepReadings(leaves: readonly Tensor[]): Promise<void> {
  for (const leaf of leaves) await readingOf(leaf)?.keep();
}

/** Has the readings of variables up to a moment keep their values, before these are written; a promise only where a value is not at hand. */
export function keepBeforeWrite(written: readonly Variable[], moment: number): Promise<void> | undefined {
  let waiting: Promise<void>[] | undefined;
  for (const variable of written) {
    for (const reading of variable.readingsUntil(moment)) {
      const kept = reading.keep();
      if (kept) waiting = [...(waiting ?? []), kept];
    }
  }
  return waiting && Promise.all(waiting).then(() => undefined);
}

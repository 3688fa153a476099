import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { flatten, flattenLike, mapTree, showTree, unflatten } from "../graph/tree.js";
import { Variable } from "../graph/variable.js";
import { zeros } from "../ops/create.js";
import { gather } from "../ops/indexing.js";
import type { Feed } from "../runtime/arguments.js";
import { type Compiled, type Computed, compile } from "../runtime/compile.js";
import type { Device } from "../runtime/ort/devices.js";

/**
 * What predicts the next tokens of `rows` unfinished sequences.
 * @typeParam State a tree of tensors (in plain objects, tuples and arrays) that is carried from step to step, such as hidden states, a cache of
 * keys and values, or what an encoder made of the sources; the first axis of each is `rows`, and no row depends on another
 * @param tokens the last token of each, `[rows]` int32
 * @returns logits `[rows, vocabulary]`, and the next state, of the same fields and shapes. A tensor of the state that never changes should be
 * handed back as it came: it is then not copied.
 */
export type DecoderStep<State = object> = (tokens: Tensor, state: State) => { readonly logits: Tensor; readonly state: State };

/** Options of all ways of decoding. */
export interface DecodeOptions {
  /** The id that every sequence is begun with, and the one that it ends with. Neither is part of the result. */
  readonly begin: number;
  readonly end: number;
  /** The most tokens of a sequence, including its end mark. A longer one is cut off. */
  readonly maximumLength: number;
  readonly device?: Device;
}

/** A sequence that was decoded. */
export interface Hypothesis {
  /** Without the marks of its beginning and its end. */
  readonly tokens: readonly number[];
  /** The natural logarithm of its probability under the model, that of the end mark included. */
  readonly logProbability: number;
  /** Whether it reached its end mark and was not cut off. */
  readonly ended: boolean;
}

/** The names of the options of all ways of decoding. */
export const decodeOptions: OptionNames<DecodeOptions> = {
  begin: "required",
  end: "required",
  maximumLength: "required",
  device: "optional",
};

/** @param names of the options */
export function checkDecoding<Options extends DecodeOptions>(owner: string, options: Options, names: OptionNames<Options>): void {
  checkOptions(owner, options, names);
  const { begin, end, maximumLength } = options;
  for (const [name, id] of Object.entries({ begin, end })) {
    check(Number.isInteger(id) && id >= 0, () => `decode: ${name} is ${id}, expected the id of a token`);
  }
  check(Number.isInteger(maximumLength) && maximumLength > 0, () => `decode: maximumLength ${maximumLength}: expected an integer from 1`);
}

/** The number of rows that a state has. */
export function rowsOf(state: object): number {
  const leaves = flatten(state);
  const [rows] = leaves.map(({ shape }) => shape[0]);
  check(
    rows !== undefined && leaves.every(({ shape }) => shape[0] === rows),
    () => `decode: the state is ${showTree(state)}: expected tensors that all have the same first size`,
  );
  return rows;
}

/**
 * The rows to continue with when most sequences have ended: those that have not, filled up with ended ones to a power of two, so that few
 * graphs are compiled. Undefined where too few have ended, or too few are left to gain by it.
 */
export function remaining(ended: readonly boolean[]): number[] | undefined {
  const places = ended.flatMap((done, place) => (done ? [] : [place]));
  const fewest = 8;
  const size = Math.max(fewest, 2 ** Math.ceil(Math.log2(places.length)));
  if (2 * size > ended.length) return;
  return [...places, ...ended.flatMap((done, place) => (done ? [place] : []))].slice(0, size);
}

/**
 * A step compiled together with the choice of what comes next. The state stays with the runtime, in variables: a step writes it into memory that
 * is there, and on a device it never leaves it. The parts that never change are not even copied. For each set of shapes there is a place for a
 * state, so searches run one after the other.
 * @param choose from the logits `[rows, vocabulary]` and more inputs
 * @param rearrange gives the state of the rows to continue with
 */
export class CompiledStep<State extends object, Inputs extends Leaves, Choice extends Leaves> {
  private readonly places = new Map<string, Place<State>>();
  /** Where the state is. */
  private place = "";
  /** Where it was since the search began. */
  private readonly used = new Set<string>();
  private readonly run: Compiled<[StepInputs], Choice>;
  private readonly enter: Compiled<[Taken & { readonly leaves: readonly Tensor[] }], void>;
  private readonly move: Compiled<[Taken & { readonly from: string }], void>;
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    step: DecoderStep<State>,
    choose: (logits: Tensor, inputs: Inputs) => Choice,
    device: Device | undefined,
    rearrange: (state: Tensor, inputs: Inputs) => Tensor = (state) => state,
  ) {
    // A search has one graph for each number of rows and runs each a few times.
    const options = { arena: false, device };
    this.run = compile(({ tokens, place, inputs: given }: StepInputs) => {
      const inputs = given as Inputs;
      const { state, variables } = this.at(place);
      const leavesOf = (next: State) => flattenLike("decode: the next state", state, next);
      // Traced once, and not computed, to find the parts of the state that never change: they need no rearranging.
      const constant = leavesOf(step(tokens, state).state).map((part, i) => part === variables[i]);
      const before = variables.map((part, i) => (constant[i] ? part : rearrange(part, inputs)));
      const { logits, state: next } = step(tokens, unflatten(state, before) as State);
      const after = leavesOf(next);
      checkStep(logits, variables, after);
      after.forEach((part, i) => {
        if (!constant[i]) void (variables[i] as Variable).assign(part);
      });
      return choose(logits, inputs);
    }, options);
    const take = (leaves: readonly Tensor[], { rows, to }: Taken) =>
      this.at(to).variables.forEach((part, i) => void part.assign(gather(leaves[i] as Tensor, rows)));
    // Only copies. The wasm executor would be as fast, but what it holds would have to be copied back to the executor of the step.
    const copying = { ...options, executor: "onnxruntime" } as const;
    this.enter = compile(({ leaves, ...taken }) => take(leaves, taken), copying);
    this.move = compile(({ from, ...taken }) => take(this.at(from).variables, taken), copying);
  }

  /** Runs one search after those that were begun before it, and gives the memory of its states back. */
  queue<Result>(search: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(search).finally(() => this.clear());
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Begins with the given rows of a state, in that order. */
  async begin(state: State, rows: Int32Array<ArrayBuffer>): Promise<void> {
    const to = this.placeFor(state, rows.length);
    await this.enter({ leaves: flatten(state), rows, to });
    this.place = to;
  }

  /** Continues with the given rows only, in that order. */
  async keep(rows: Int32Array<ArrayBuffer>): Promise<void> {
    const to = this.placeFor(this.at(this.place).state, rows.length);
    await this.move({ rows, from: this.place, to });
    this.place = to;
  }

  /** One step of all rows; returns what was chosen. */
  advance(tokens: Int32Array<ArrayBuffer>, inputs: Feed<Leaves>): Promise<Computed<Choice>> {
    return this.run({ tokens, place: this.place, inputs });
  }

  async dispose(): Promise<void> {
    await this.queue(async () => {
      for (const compiled of [this.run, this.enter, this.move]) await compiled.dispose();
    });
    this.places.clear();
  }

  private async clear(): Promise<void> {
    for (const place of this.used) for (const variable of this.at(place).variables) await variable.reset();
    this.used.clear();
  }

  private at(place: string): Place<State> {
    return this.places.get(place) as Place<State>;
  }

  /** The variables for a state of this number of rows and these shapes. */
  private placeFor(state: State, rows: number): string {
    const variables: Variable[] = [];
    const copy = mapTree(state, ({ dtype, shape: [, ...row] }, path) => {
      const variable = new Variable(zeros([rows, ...row], dtype), { name: path === "" ? "state" : `state.${path}`, trainable: false });
      variables.push(variable);
      return variable;
    });
    const place = showTree(copy);
    if (!this.places.has(place)) this.places.set(place, { state: copy as State, variables });
    this.used.add(place);
    return place;
  }
}

/** Tensors by name. */
type Leaves = Readonly<Record<string, Tensor>>;

/** Variables for one state. */
interface Place<State> {
  /** The state, of these variables. */
  readonly state: State;
  readonly variables: readonly Variable[];
}

/** Which rows are taken, and the variables that they are copied to. */
interface Taken {
  readonly rows: Tensor;
  readonly to: string;
}

/**
 * Decodes sequences one by one token, all rows of `state` at once. Its graph is compiled once for each number of rows; rows that have ended are left
 * out by halves.
 */
export interface Decoder<State, Result> {
  /** @param state what the first step gets: one row a sequence */
  (state: State): Promise<Result>;
  /** Gives the native memory of its sessions back. */
  dispose(): Promise<void>;
}

/** What is decoded by searches of one step. */
export const decoder = <State, Result>(
  step: Pick<CompiledStep<never, never, never>, "queue" | "dispose">,
  search: (state: State) => Promise<Result>,
): Decoder<State, Result> => Object.assign((state: State) => step.queue(() => search(state)), { dispose: () => step.dispose() });

interface StepInputs {
  readonly tokens: Tensor;
  /** Where the state is. */
  readonly place: string;
  readonly inputs: Leaves;
}

function checkStep(logits: Tensor, before: readonly Tensor[], after: readonly Tensor[]): void {
  const rows = rowsOf(before);
  check(logits.rank === 2 && logits.shape[0] === rows, () => `decode: logits ${showShape(logits.shape)}, expected [${rows}, vocabulary]`);
  const [was, is] = [showTree(before), showTree(after)];
  check(was === is, () => `decode: the step got the state ${was} and returned ${is}: expected the same dtypes and shapes`);
}

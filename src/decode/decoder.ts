import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { gather } from "../ops/indexing.js";
import { type Compiled, compile } from "../runtime/compile.js";
import type { Device } from "../runtime/devices.js";

/**
 * What predicts the next tokens of `rows` unfinished sequences.
 * @param tokens the last token of each, `[rows]` int32
 * @param state what is carried from step to step, such as hidden states, a cache of keys and values, or what an encoder made of the sources;
 * the first axis of each is `rows`, and no row depends on another
 * @returns logits `[rows, vocabulary]`, and the next state, of the same shapes. A tensor of the state that never changes should be handed back
 * as it came: it is then not copied.
 */
export type DecoderStep = (tokens: Tensor, state: readonly Tensor[]) => { readonly logits: Tensor; readonly state: readonly Tensor[] };

/** What all ways of decoding are told. */
export interface DecodeOptions {
  /** The id that every sequence is begun with, and the one that it ends with. Neither is part of the result. */
  readonly begin: number;
  readonly end: number;
  /** How many tokens a sequence has at most, its end mark counted: there it ends as it is. */
  readonly maximumLength: number;
  readonly device?: Device;
}

/** A sequence that was decoded. */
export interface Hypothesis {
  /** Without the marks of its beginning and its end. */
  readonly tokens: readonly number[];
  /** The natural logarithm of its probability under the model, that of the end mark included. */
  readonly logProbability: number;
  /** Whether it came to its end mark, and was not cut off. */
  readonly ended: boolean;
}

export function checkOptions({ begin, end, maximumLength }: DecodeOptions): void {
  for (const [name, id] of Object.entries({ begin, end })) {
    check(Number.isInteger(id) && id >= 0, () => `decode: ${name} is ${id}, expected the id of a token`);
  }
  check(
    Number.isInteger(maximumLength) && maximumLength > 0,
    () => `decode: maximumLength ${maximumLength}: expected a whole number of tokens from 1`,
  );
}

/** The number of rows that a state has. */
export function rowsOf(state: readonly Tensor[]): number {
  const [rows] = state.map(({ shape }) => shape[0]);
  check(
    rows !== undefined && state.every(({ shape }) => shape[0] === rows),
    () =>
      `decode: the state has shapes ${state.map(({ shape }) => showShape(shape)).join(", ") || "of none"}: expected one first size of all`,
  );
  return rows;
}

/**
 * What to go on with where most sequences have ended: the places of those that have not, filled up with some that have to a power of two, so
 * that few graphs are compiled. Undefined where too few have ended, or too few are left for it to pay.
 */
export function remaining(ended: readonly boolean[]): number[] | undefined {
  const places = ended.flatMap((done, place) => (done ? [] : [place]));
  const fewest = 8;
  const size = Math.max(fewest, 2 ** Math.ceil(Math.log2(places.length)));
  if (2 * size > ended.length) return;
  return [...places, ...ended.flatMap((done, place) => (done ? [place] : []))].slice(0, size);
}

/** Takes rows of a state, in the given order. */
export const takeRows = (device: Device | undefined) =>
  compile(({ state, rows }: { readonly state: readonly Tensor[]; readonly rows: Tensor }) => state.map((part) => gather(part, rows)), {
    ...(device && { device }),
  });

/**
 * A step compiled together with the choice of what comes next; the parts of the state that never change stay where they are.
 * @param choose from the logits `[rows, vocabulary]` and more inputs
 * @param rearrange makes of a state that of the rows to go on with
 */
export class CompiledStep<Inputs extends Readonly<Record<string, Tensor>>, Choice extends Readonly<Record<string, Tensor>>> {
  private readonly run: Compiled<[Traced<Inputs>], { choice: Choice; changed: readonly (Tensor | null)[] }>;

  constructor(
    step: DecoderStep,
    choose: (logits: Tensor, inputs: Inputs) => Choice,
    device: Device | undefined,
    rearrange: (state: Tensor, inputs: Inputs) => Tensor = (state) => state,
  ) {
    this.run = compile(
      ({ tokens, state, inputs }: Traced<Inputs>) => {
        // Traced once to see which parts of the state come back as they were: those need no rearranging. Nothing of it is computed.
        const constant = step(tokens, state).state.map((part, i) => part === state[i]);
        const { logits, state: next } = step(
          tokens,
          state.map((part, i) => (constant[i] ? part : rearrange(part, inputs))),
        );
        checkStep(logits, state, next);
        return { choice: choose(logits, inputs), changed: next.map((part, i) => (constant[i] ? null : part)) };
      },
      device === undefined ? {} : { device },
    );
  }

  /** One step of all rows; returns what was chosen, and the next state. */
  async advance(
    tokens: Int32Array,
    state: readonly Tensor[],
    inputs: Feeds<Inputs>,
  ): Promise<{ choice: Choice; state: readonly Tensor[] }> {
    const { choice, changed } = await this.run({ tokens, state, inputs } as never);
    return { choice, state: state.map((part, i) => changed[i] ?? part) };
  }

  dispose(): Promise<void> {
    return this.run.dispose();
  }
}

interface Traced<Inputs> {
  readonly tokens: Tensor;
  readonly state: readonly Tensor[];
  readonly inputs: Inputs;
}

type Feeds<Inputs> = { readonly [Name in keyof Inputs]: Tensor | Int32Array | Float32Array };

function checkStep(logits: Tensor, state: readonly Tensor[], next: readonly Tensor[]): void {
  const rows = rowsOf(state);
  check(logits.rank === 2 && logits.shape[0] === rows, () => `decode: logits ${showShape(logits.shape)}, expected [${rows}, vocabulary]`);
  const show = (tensors: readonly Tensor[]) => tensors.map(({ dtype, shape }) => `${dtype}${showShape(shape)}`).join(", ");
  check(show(state) === show(next), () => `decode: the step makes the state ${show(next)} of ${show(state)}: expected the same shapes`);
}

import { check } from "../graph/error.js";
import { sameShape, showShape } from "../graph/shape.js";
import { nextNodeId, Tensor } from "../graph/tensor.js";
import { currentTrace } from "../graph/trace.js";
import { nodesSince, replay } from "../graph/walk.js";
import { applyAll } from "../ops/operator.js";
import { Body, loops } from "../ops/scan.js";
import { stack, unstack } from "../ops/slicing.js";
import { randomState } from "../random/state.js";
import { leafLike, pullBackLoop } from "./scanGradient.js";

/** What one step of a {@link scan} gives: the carry of the next step, and values to be stacked. */
export interface Step {
  readonly carry: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** Settings of {@link scan}. */
export interface ScanOptions {
  /** Whether the steps go from the last slice to the first; the stacked outputs keep the order of the slices. */
  readonly reverse?: boolean;
  /** Loops of at most so many steps are written out. */
  readonly unroll?: number;
}

/** Loops longer than this stay loops. They compile many times faster and, from about as many steps on, run as fast as written out. */
const writtenOut = 6;

/**
 * A loop over time: `step` is applied to the carry and to one slice after the other of the sequences. Its time and memory, and those of
 * its gradient, grow with the length; the size of its graph does not, once it is longer than `unroll`.
 * @param step called while tracing only; assigns no variables
 * @param carry what the first step starts from; every step gives the same shapes on
 * @param sequences each `[time, ...]`, all of one length
 * @returns the last carry, and the outputs of all steps stacked `[time, ...]`
 */
export function scan(
  step: (carry: readonly Tensor[], slices: readonly Tensor[]) => Step,
  carry: readonly Tensor[],
  sequences: readonly Tensor[],
  { reverse = false, unroll = writtenOut }: ScanOptions = {},
): Step {
  const lengths = sequences.map((sequence) => sequence.shape[0] ?? 0);
  const [length] = lengths;
  check(
    length !== undefined && length > 0 && lengths.every((other) => other === length),
    () => `scan: sequences ${sequences.map((x) => showShape(x.shape)).join(", ")}: expected one or more, with the same first size from 1`,
  );
  const checked = (before: readonly Tensor[], slices: readonly Tensor[]): Step => {
    const result = step(before, slices);
    const fits = result.carry.length === carry.length && result.carry.every((x, i) => sameType(x, carry[i] as Tensor));
    check(
      fits,
      () => `scan: the carry went in as ${carry.map(showType).join(", ")} and came out as ${result.carry.map(showType).join(", ")}`,
    );
    return result;
  };
  const assigned = [...(currentTrace()?.assignments ?? [])];
  const run = length <= unroll ? writeOut : loop;
  const result = run(checked, carry, sequences, length, reverse);
  check(
    [...(currentTrace()?.assignments ?? [])].every(([variable, value], i) => assigned[i]?.[0] === variable && assigned[i]?.[1] === value),
    () => "scan: the step assigns a variable: give the value out as a carry, and assign it after the loop",
  );
  return result;
}

const sameType = (a: Tensor, b: Tensor): boolean => a.dtype === b.dtype && sameShape(a.shape, b.shape);
const showType = (x: Tensor): string => `${x.dtype}${showShape(x.shape)}`;

type StepFunction = (carry: readonly Tensor[], slices: readonly Tensor[]) => Step;

function writeOut(step: StepFunction, carry: readonly Tensor[], sequences: readonly Tensor[], length: number, reverse: boolean): Step {
  const slices = sequences.map(unstack);
  const results: (readonly Tensor[])[] = [];
  let current = carry;
  for (let i = 0; i < length; i++) {
    const at = reverse ? length - 1 - i : i;
    const result = step(
      current,
      slices.map((slice) => slice[at] as Tensor),
    );
    current = result.carry;
    results[at] = result.outputs;
  }
  return { carry: current, outputs: (results[0] ?? []).map((_, k) => stack(results.map((outputs) => outputs[k] as Tensor))) };
}

function loop(step: StepFunction, carry: readonly Tensor[], sequences: readonly Tensor[], length: number, reverse: boolean): Step {
  const start = nextNodeId();
  const [streams, draws] = [currentTrace()?.randomStreams ?? 0, randomState().counter];
  const carryLeaves = carry.map((x) => leafLike(x));
  const slices = sequences.map((x) => leafLike(x, x.shape.slice(1)));
  const result = step(carryLeaves, slices);

  const outputs = [...result.carry, ...result.outputs];
  const { nodes, borders } = nodesSince(start, outputs);
  const own = new Set<Tensor>([...carryLeaves, ...slices]);
  // The step's own constants stay within it.
  const outside = borders.filter((x) => !own.has(x) && !(x.source.kind === "data" && x.source.id >= start));
  // What the step draws at random it draws anew at every step: a slice of one longer draw.
  const drawn = outside.filter(
    ({ source }) => source.kind === "random" && (source.key ? source.key[1] >= draws : source.stream >= streams),
  );
  const longer = drawn.map((x) => new Tensor(x.dtype, [length, ...x.shape], x.source));
  const captured = outside.filter((x) => !drawn.includes(x));
  const fresh = new Map([...drawn, ...captured].map((x) => [x, leafLike(x)]));
  const inputs = [...carryLeaves, ...slices, ...[...drawn, ...captured].map((x) => fresh.get(x) as Tensor)];
  const body = new Body(inputs, replay(outputs, nodes, fresh));
  const all = applyAll(loops.Scan, [...carry, ...sequences, ...longer, ...captured], {
    body,
    carries: carry.length,
    sequences: sequences.length + longer.length,
    length,
    reverse,
    rule: pullBackLoop(),
  });
  return { carry: all.slice(0, carry.length), outputs: all.slice(carry.length) };
}

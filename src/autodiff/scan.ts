import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { sameShape } from "../graph/shape.js";
import { nextNodeId, Tensor } from "../graph/tensor.js";
import { currentTrace } from "../graph/trace.js";
import { flatten, flattenLike, type Mapped, pathsOf, showTree, type Tree, unflatten } from "../graph/tree.js";
import { nodesSince, replay } from "../graph/walk.js";
import { zeros } from "../ops/create.js";
import { applyAll } from "../ops/operator.js";
import { Body, type LoopResult, type LoopStep, loops, unrolled } from "../ops/scan.js";
import { randomState } from "../random/state.js";
import { leafLike, pullBackLoop } from "./scanGradient.js";

/** A tree with plain tensors in the places of its leaves. */
type Values<T> = Mapped<T, Tensor>;

/** What one step of a {@link scan} gives: the carry of the next step, and values to be stacked. Both are trees of tensors. */
export interface Step<Carry, Outputs> {
  readonly carry: Carry;
  readonly outputs: Outputs;
}

/** Settings of {@link scan}. */
export interface ScanOptions {
  /** Whether the steps go from the last slice to the first; the stacked outputs keep the order of the slices. */
  readonly reverse?: boolean;
  /** Loops of at most so many steps are written out. By default 6. */
  readonly unroll?: number;
}

/** Loops longer than this stay loops. They compile many times faster and, from about as many steps on, run as fast as written out. */
const longestUnrolled = 6;

/**
 * A loop over time: `step` is applied to the carry and to one slice after the other of the sequences. Its time and memory, and those of its
 * gradient, grow with the length; the size of its graph does not, once it is longer than `unroll`. Carry, sequences and outputs are trees:
 * tensors, or tensors in plain objects, tuples and arrays.
 * @param step called while tracing only; assigns no variables
 * @param carry what the first step starts from; every step gives the same types and shapes on
 * @param sequences each `[time, ...]`, all of one length; of length 0 the carry stays and the outputs have no elements
 * @returns the last carry, and the outputs of all steps stacked `[time, ...]`
 * @throws KasaneError where the step gives another carry than it got, or the lengths differ
 */
export function scan<const Carry extends Tree<Carry>, const Sequences extends Tree<Sequences>, const Outputs extends Tree<Outputs>>(
  step: (carry: Values<Carry>, slices: Values<Sequences>) => Step<Values<Carry>, Outputs>,
  carry: Carry,
  sequences: Sequences,
  options: ScanOptions = {},
): Step<Values<Carry>, Values<Outputs>> {
  checkOptions("scan", options, { reverse: "optional", unroll: "optional" });
  const { reverse = false, unroll = longestUnrolled } = options;
  const [start, stacks] = [flatten(carry), flatten(sequences)];
  const [length] = stacks.map(({ shape }) => shape[0]);
  check(
    length !== undefined && stacks.every(({ shape }) => shape[0] === length),
    () => `scan: sequences ${showTree(sequences)}: expected one or more, all with the same first size`,
  );
  let outputs: { readonly tree: Outputs; readonly leaves: readonly Tensor[] } | undefined;
  const flatStep: LoopStep = (before, slices) => {
    const result = step(unflatten(carry, before), unflatten(sequences, slices));
    check(
      typeof result === "object" && result !== null && "carry" in result && "outputs" in result,
      () => `scan: the step gives ${result instanceof Promise ? "a promise" : showTree(result)}, expected { carry, outputs }`,
    );
    outputs ??= { tree: result.outputs, leaves: flatten(result.outputs) };
    const next = flattenLike("scan: carry", carry, result.carry);
    const given = flattenLike("scan: outputs", outputs.tree, result.outputs);
    checkTypes("carry", pathsOf(carry), start, next);
    checkTypes("outputs", pathsOf(outputs.tree), outputs.leaves, given);
    return { carry: next, outputs: given };
  };
  const assigned = assignments();
  const run = length === 0 ? noStep : length <= unroll ? unrolled : loop;
  const result = run(flatStep, start, stacks, length, reverse);
  check(
    assignments().every(([variable, value], i) => assigned[i]?.[0] === variable && assigned[i]?.[1] === value),
    () => "scan: the step assigns a variable: give the value out as a carry, and assign it after the loop",
  );
  return { carry: unflatten(carry, result.carry), outputs: unflatten((outputs as { tree: Outputs }).tree, result.outputs) };
}

const assignments = () => [...(currentTrace()?.assignments ?? [])];

/** Throws where one step gives a tensor of another type or shape than the one before. */
function checkTypes(name: string, paths: readonly string[], before: readonly Tensor[], after: readonly Tensor[]): void {
  before.forEach((x, i) => {
    const y = after[i] as Tensor;
    const isSame = x.dtype === y.dtype && sameShape(x.shape, y.shape);
    check(isSame, () => `scan: ${[name, paths[i]].filter(Boolean).join(".")} went in as ${showTree(x)} and came out as ${showTree(y)}`);
  });
}

/** The step is traced once, to see what it would give. */
function noStep(step: LoopStep, carry: readonly Tensor[], sequences: readonly Tensor[]): LoopResult {
  const { outputs } = step(
    carry.map((x) => leafLike(x)),
    sequences.map(sliceLike),
  );
  return { carry, outputs: outputs.map(({ dtype, shape }) => zeros([0, ...shape], dtype)) };
}

const sliceLike = (x: Tensor): Tensor => leafLike(x, x.shape.slice(1));

function loop(step: LoopStep, carry: readonly Tensor[], sequences: readonly Tensor[], length: number, reverse: boolean): LoopResult {
  const start = nextNodeId();
  const [streams, draws] = [currentTrace()?.randomStreams ?? 0, randomState().counter];
  const carryLeaves = carry.map((x) => leafLike(x));
  const slices = sequences.map(sliceLike);
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
    rule: pullBackLoop,
  });
  return { carry: all.slice(0, carry.length), outputs: all.slice(carry.length) };
}

import { hostData, makeNode, type Node, Tensor } from "../graph/tensor.js";
import { countUses, replay, rewrite, topologicalOrder } from "../graph/walk.js";
import { arithmetic, mul } from "../ops/arithmetic.js";
import { isNodeOf, match } from "../ops/match.js";
import { applyAll, operatorOf } from "../ops/operator.js";
import { Body, loops, type ScanAttributes } from "../ops/scan.js";
import { reshape } from "../ops/shapes.js";
import type { Target } from "../targets/target.js";
import { deduplicate } from "./deduplicate.js";
import { fold } from "./fold.js";
import { magnitude, type Range, rangeOf } from "./range.js";
import { applyRules } from "./rules.js";
import { shareLoops } from "./shareLoops.js";
import { skipZeros } from "./skipZeros.js";
import { unexpand } from "./unexpand.js";

/** Moves what does not depend on a loop's carries out of the loop, where it is computed for all steps at once. */
export const hoist = (outputs: readonly Tensor[], target: Target): readonly Tensor[] =>
  rewrite(outputs, (node, inputs) => (isNodeOf(node, loops.Scan) ? hoistFrom(node.attributes, inputs, target) : undefined));

/** A value of a loop's body, computed outside: one value for all steps, or the stack of their values. */
interface Hoisted {
  readonly outer: Tensor;
  readonly isStack: boolean;
}

function hoistFrom(attributes: ScanAttributes, inputs: readonly Tensor[], target: Target): readonly Tensor[] {
  const { body, carries, sequences } = attributes;
  const own = carries + sequences;
  const simplified = applyRules(skipZeros, unexpand, fold)(deduplicate(shareLoops(body.outputs)), target);
  const ranges = rangesOf(body, inputs, carries);
  const outputs = gatherFactors(simplified, new Set(body.inputs.slice(0, carries)), ranges);
  const hoisted = new Map<Tensor, Hoisted>();
  body.inputs.forEach((leaf, i) => {
    if (i >= carries) hoisted.set(leaf, { outer: inputs[i] as Tensor, isStack: i < own });
  });
  const kept = topologicalOrder(outputs).filter((node) => !hoistNode(node, hoisted));

  // A hoisted stack that is an output need not pass through the loop.
  const passing = [...new Set(outputs.slice(carries).filter((x) => !hoisted.get(x)?.isStack))];
  const results = [...outputs.slice(0, carries), ...passing];
  const used = new Set([...kept.flatMap((node) => node.inputs), ...results]);
  const taken = [...hoisted].filter(([x]) => used.has(x));
  const [stacks, constants] = [true, false].map((wanted) => taken.filter(([, { isStack }]) => isStack === wanted)) as [
    typeof taken,
    typeof taken,
  ];
  // The length of a loop is that of a sequence.
  if (stacks.length === 0) stacks.push(...[...hoisted].filter(([, { isStack }]) => isStack).slice(0, 1));
  const leaves = new Map([...stacks, ...constants].map(([x]) => [x, new Tensor(x.dtype, x.shape, { kind: "input", name: "step" })]));
  const loop = applyAll(
    loops.Scan,
    [...inputs.slice(0, carries), ...stacks.map(([, { outer }]) => outer), ...constants.map(([, { outer }]) => outer)],
    {
      ...attributes,
      body: new Body([...body.inputs.slice(0, carries), ...leaves.values()], replay(results, kept, leaves)),
      sequences: stacks.length,
    },
  );
  return outputs.map((x, i) => {
    if (i < carries) return loop[i] as Tensor;
    const place = passing.indexOf(x);
    return place < 0 ? (hoisted.get(x) as Hoisted).outer : (loop[carries + place] as Tensor);
  });
}

/** Computes a node outside the loop where all its inputs are outside. Returns whether it did. */
function hoistNode(node: Node, hoisted: Map<Tensor, Hoisted>): boolean {
  const inputs = node.inputs.map((x): Hoisted | undefined => hoisted.get(x) ?? (hostData(x) ? { outer: x, isStack: false } : undefined));
  if (inputs.some((input) => input === undefined)) return false;
  const found = inputs as Hoisted[];
  const isStack = found.some((input) => input.isStack);
  const { kind } = operatorOf(node);
  const broadcasts = kind.is === "elementwise" || (kind.is === "product" && kind.broadcasts);
  if (isStack && !broadcasts) return false;
  const length = found.find((input) => input.isStack)?.outer.shape[0] as number;
  const rank = Math.max(...node.inputs.map((x) => x.rank));
  // [time, ...shape], with ones between where other inputs have more axes
  const operands = found.map(({ outer, isStack }, i) => {
    const { shape } = node.inputs[i] as Tensor;
    return isStack ? reshape(outer, [length, ...new Array<number>(rank - shape.length).fill(1), ...shape]) : outer;
  });
  const types = node.outputs.map(({ dtype, shape }) => ({ dtype, shape: isStack ? [length, ...shape] : shape }));
  const outer = makeNode(node.operator, operands, node.attributes, types, node.path);
  node.outputs.forEach((x, i) => hoisted.set(x, { outer: outer[i] as Tensor, isStack }));
  return true;
}

/** Multiplies the factors that depend on no carry first: `(c a) b` becomes `c (a b)`, and `a b` can be hoisted. */
function gatherFactors(outputs: readonly Tensor[], carries: ReadonlySet<Tensor>, ranges: Ranges): readonly Tensor[] {
  const order = topologicalOrder(outputs);
  const uses = countUses(outputs);
  const dependent = new Set(carries);
  for (const node of order) if (node.inputs.some((x) => dependent.has(x))) for (const output of node.outputs) dependent.add(output);

  const factorsOf = (x: Tensor): Tensor[] => {
    const inner = dependent.has(x) && uses.get(x) === 1 ? match(x, arithmetic.Mul) : undefined;
    return inner ? inner.inputs.flatMap(factorsOf) : [x];
  };
  // A product of factors up to 1 overflows nowhere where the product before did not. Of factors whose product is next to 0 digits are lost.
  const isSmall = (x: Tensor) => magnitude(rangeOf(x, ranges)) <= 1;
  return rewrite(outputs, (node, _, rebuiltOf) => {
    const [result] = node.outputs as [Tensor];
    if (!isNodeOf(node, arithmetic.Mul) || !dependent.has(result)) return undefined;
    const factors = node.inputs.flatMap(factorsOf);
    const isStill = (x: Tensor) => !dependent.has(x) && isSmall(x);
    const [moving, still] = [factors.filter((x) => !isStill(x)), factors.filter(isStill)];
    return still.length < 2 ? undefined : [mul(moving.map(rebuiltOf).reduce(mul), still.map(rebuiltOf).reduce(mul))];
  });
}

type Ranges = (leaf: Tensor) => Range | undefined;

/** The ranges of the leaves of a loop's body: those of what the loop is given, also where another loop made it. */
function rangesOf({ inputs: leaves }: Body, inputs: readonly Tensor[], carries: number, outer?: Ranges): Ranges {
  return (leaf) => {
    const place = leaves.indexOf(leaf);
    return place >= carries ? rangeOfResult(inputs[place] as Tensor, outer) : outer?.(leaf);
  };
}

/** The range of a value, which may be a stack that a loop made. */
function rangeOfResult(x: Tensor, known?: Ranges): Range {
  const loop = match(x, loops.Scan);
  if (!loop || x.index < loop.attributes.carries) return rangeOf(x, known);
  const { body, carries } = loop.attributes;
  return rangeOf(body.outputs[x.index] as Tensor, rangesOf(body, loop.inputs, carries, known));
}

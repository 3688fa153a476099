import { isFloat } from "../graph/dtype.js";
import { nextNodeId, Tensor } from "../graph/tensor.js";
import { nodesSince, replay } from "../graph/walk.js";
import { add, arithmetic } from "../ops/arithmetic.js";
import { absent } from "../ops/create.js";
import { match, type NodeOf } from "../ops/match.js";
import { matmul, products } from "../ops/matmul.js";
import { applyAll, type Differentiated } from "../ops/operator.js";
import { type ReduceAttributes, reduce, sum } from "../ops/reduce.js";
import { Body, loops, type ScanAttributes } from "../ops/scan.js";
import { reshape, shapes, transpose } from "../ops/shapes.js";
import { pullBack } from "./grad.js";

/** A leaf of a loop's body. */
export const leafLike = ({ dtype, shape }: Tensor, inner = shape): Tensor => new Tensor(dtype, inner, { kind: "input", name: "step" });

/**
 * The gradients of a loop's inputs: a loop in the other direction that carries the gradient of the carry. The forward loop gives out, of
 * every step, the values that the backward steps use.
 */
export function pullBackLoop({ gradients, inputs, attributes, wanted }: Differentiated<ScanAttributes>): (Tensor | undefined)[] {
  const { body, carries, sequences, length, reverse } = attributes;
  const own = carries + sequences;

  // One backward step: the gradients of the body's inputs from those of its outputs.
  const carried = body.outputs.slice(0, carries).map((x) => (isFloat(x.dtype) ? leafLike(x) : undefined));
  const given = body.outputs.slice(carries).map((x, i) => (gradients[carries + i] ? leafLike(x) : undefined));
  const start = nextNodeId();
  // Carries are always asked for: their gradients lead to those of all steps before.
  const wrt = body.inputs.map((x, i) => (isFloat(x.dtype) && (i < carries || wanted[i]) ? x : undefined));
  const asked = wrt.filter((x) => x !== undefined);
  const pulled = pullBack(body.outputs, [...carried, ...given], asked, true);
  const partialOf = (x: Tensor | undefined) => (x ? pulled[asked.indexOf(x)] : undefined);
  const nextCarried = carried.map((leaf, i) => leaf && partialOf(body.inputs[i]));
  const ofSlices = wrt.slice(carries, own).map(partialOf);
  const sums = wrt.slice(own).map((x) => x && splitSum(partialOf(x) as Tensor, body, own));
  const factors = sums.flatMap((sum) => (sum ? [...sum.products.flat(), ...sum.totals.map(({ inputs }) => inputs[0] as Tensor)] : []));

  // What the backward steps take from the forward ones.
  const results = [...nextCarried, ...ofSlices, ...sums.map((sum) => sum?.rest), ...factors].filter((x) => x !== undefined);
  const { borders } = nodesSince(start, results);
  const sliceLeaves = body.inputs.slice(carries, own);
  const capturedLeaves = body.inputs.slice(own);
  const seeds = new Set<Tensor | undefined>([...carried, ...given]);
  const kept = borders.filter(
    (x) =>
      !seeds.has(x) && !sliceLeaves.includes(x) && !capturedLeaves.includes(x) && (x.source.kind === "node" || body.inputs.includes(x)),
  );
  const needed = sliceLeaves.filter((x) => borders.includes(x));
  // A loop takes its length from its sequences: where no step needs one, as in a plain sum, it is given one all the same.
  const usedSlices = [...needed, ...kept, ...given].some((x) => x !== undefined) ? needed : sliceLeaves.slice(0, 1);
  const usedCaptured = capturedLeaves.filter((x) => borders.includes(x));
  const forward = applyAll(loops.Scan, inputs, {
    ...attributes,
    body: new Body(body.inputs, [...body.outputs, ...kept], body.origin),
  });
  const keptStacks = forward.slice(body.outputs.length);
  const outerOf = (leaf: Tensor) => inputs[body.inputs.indexOf(leaf)] as Tensor;

  // The backward loop. Its outputs: the carried gradients, the sums of captured values' gradients, then slices and factors to stack.
  const totals = sums.map((sum, i) => (sum?.rest ? leafLike(capturedLeaves[i] as Tensor) : undefined));
  const stacked = [...new Set([...ofSlices, ...factors.filter((x) => isInside(x, start))].filter((x) => x !== undefined))];
  const states = [...carried, ...totals].filter((x) => x !== undefined);
  const starts = [
    ...carried.flatMap((leaf, i) => (leaf ? [gradients[i] ?? absent(leaf.shape, leaf.dtype)] : [])),
    ...totals.flatMap((leaf) => (leaf ? [absent(leaf.shape, leaf.dtype)] : [])),
  ];
  const nextStates = [
    ...nextCarried.filter((x) => x !== undefined),
    ...totals.flatMap((leaf, i) => (leaf ? [add(leaf, sums[i]?.rest as Tensor)] : [])),
  ];
  const slices = [...kept, ...usedSlices, ...given.filter((x) => x !== undefined)];
  const sources = [
    ...keptStacks,
    ...usedSlices.map(outerOf),
    ...given.flatMap((leaf, i) => (leaf ? [gradients[carries + i] as Tensor] : [])),
  ];
  const fresh = new Map([...states, ...slices, ...usedCaptured].map((x) => [x, leafLike(x)]));
  const bodyNodes = nodesSince(start, [...nextStates, ...stacked]).nodes;
  const backward = applyAll(loops.Scan, [...starts, ...sources, ...usedCaptured.map(outerOf)], {
    body: new Body([...fresh.values()], replay([...nextStates, ...stacked], bodyNodes, fresh)),
    carries: states.length,
    sequences: slices.length,
    length,
    reverse: !reverse,
    rule: pullBackLoop,
  });

  const stateResult = (leaf: Tensor | undefined) => leaf && backward[states.indexOf(leaf)];
  const stackOf = (x: Tensor): Tensor => {
    if (stacked.includes(x)) return backward[states.length + stacked.indexOf(x)] as Tensor;
    return kept.includes(x) ? (keptStacks[kept.indexOf(x)] as Tensor) : outerOf(x);
  };
  const rows = (x: Tensor) => reshape(stackOf(x), [-1, x.shape[1] as number]);
  return [
    ...carried.map(stateResult),
    ...ofSlices.map((x) => x && stackOf(x)),
    ...sums.map((sum, i) => {
      const { shape } = capturedLeaves[i] as Tensor;
      const parts = sum?.products.map(([a, b]) => reshape(matmul(transpose(rows(a)), rows(b)), shape)) ?? [];
      const later = sum?.totals.map((node) => reshape(totalOf(node, stackOf(node.inputs[0] as Tensor)), shape)) ?? [];
      const total = stateResult(totals[i]);
      return [...(total ? [total] : []), ...parts, ...later].reduce<Tensor | undefined>(
        (all, part) => (all ? add(all, part) : part),
        undefined,
      );
    }),
  ];
}

interface SplitSum {
  /** Matrices whose products `AᵀB` are terms of the sum: over all steps one product of their stacks. */
  readonly products: readonly (readonly [Tensor, Tensor])[];
  /** Sums over axes, such as those of a bias: over all steps one sum of the stack. */
  readonly totals: readonly NodeOf<ReduceAttributes>[];
  /** The sum of the other terms. */
  readonly rest: Tensor | undefined;
}

/** Parts one step's gradient of a captured value into products and sums that can wait until after the loop, and the rest. */
function splitSum(gradient: Tensor, body: Body, own: number): SplitSum {
  const found: [Tensor, Tensor][] = [];
  const totals: NodeOf<ReduceAttributes>[] = [];
  const rest: Tensor[] = [];
  const perStep = new Set(body.inputs.slice(0, own));
  const isPerStep = (x: Tensor) => x.source.kind === "node" || perStep.has(x);
  const pending = [gradient];
  for (let x = pending.pop(); x; x = pending.pop()) {
    const [added, reshaped, summed] = [match(x, arithmetic.Add), match(x, shapes.Reshape), match(x, reduce.ReduceSum)];
    const factors = factorsOf(x);
    if (added?.inputs.every((input) => input.size === gradient.size)) pending.push(...added.inputs);
    else if (factors?.every(isPerStep)) found.push(factors);
    else if (reshaped) pending.push(reshaped.inputs[0]);
    else if (summed && isPerStep(summed.inputs[0])) totals.push(summed);
    else rest.push(reshape(x, gradient.shape));
  }
  return { products: found, totals, rest: rest.reduce<Tensor | undefined>((sum, x) => (sum ? add(sum, x) : x), undefined) };
}

/** The sum over all steps of what `node` sums at each, given the stack of its inputs. */
const totalOf = ({ attributes }: NodeOf<ReduceAttributes>, stack: Tensor): Tensor =>
  sum(stack, { axis: [0, ...attributes.axes.map((axis) => axis + 1)] });

/** `A` and `B` of a product `AᵀB` of two matrices. */
function factorsOf(x: Tensor): [Tensor, Tensor] | undefined {
  const [left, right] = match(x, products.MatMul)?.inputs ?? [];
  if (left?.rank !== 2 || right?.rank !== 2) return undefined;
  const transposed = match(left, shapes.Transpose);
  return transposed && [transposed.inputs[0], right];
}

const isInside = ({ source }: Tensor, start: number): boolean => source.kind === "node" && source.id >= start;

import { elementAt, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import { hostData, keyOfAttributes, type Node, type Tensor } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { exchange } from "../ops/exchange.js";
import { isNodeOf, type NodeOf } from "../ops/match.js";
import { type Linearity, linearityOf, operatorOf } from "../ops/operator.js";
import { type Body, loops, type ScanAttributes } from "../ops/scan.js";
import { shapes } from "../ops/shapes.js";
import { pieces } from "../ops/slicing.js";
import { suppression } from "../ops/suppression.js";

/**
 * What a worker's value is to the value `V` of the whole batch:
 * - `whole`: `ratio V`, the same on all workers;
 * - `share`: `ratio` times its part of `V`, which is divided along `axis`: in row-major order `V` is `outer` groups of one run of each part;
 * - `partial`: all workers' values add up to `ratio V`: 1 for a sum over the batch, the number of workers for a mean;
 * - `unknown`: none of these, from `node` on.
 */
export type Kind =
  | { readonly is: "whole"; readonly ratio: number }
  | { readonly is: "share"; readonly ratio: number; readonly axis: number; readonly outer: number }
  | { readonly is: "partial"; readonly ratio: number }
  | Unknown;

interface Unknown {
  readonly is: "unknown";
  readonly because: string;
}

type ScanNode = NodeOf<ScanAttributes>;

type Share = Extract<Kind, { is: "share" }>;

const whole = (ratio = 1): Kind => ({ is: "whole", ratio });
const unknown = (because: string): Unknown => ({ is: "unknown", because });
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-6 * Math.abs(b);
const product = (factors: readonly number[]): number => factors.reduce((a, b) => a * b, 1);

/**
 * The {@link Kind} of each value of a function that was traced with a share of the batch and with the whole batch.
 * @param local the results of the trace with a share, and `global` those with the whole batch
 * @param count how many shares there are
 * @throws KasaneError where the two traces differ in more than sizes
 */
export const classify = (local: readonly Tensor[], global: readonly Tensor[], count: number): ((x: Tensor) => Kind) =>
  classifyFrom(local, global, count, new Map());

/** {@link classify} where the kinds of some leaves are known, which `kinds` holds and gets all others. */
function classifyFrom(local: readonly Tensor[], global: readonly Tensor[], count: number, kinds: Map<Tensor, Kind>): (x: Tensor) => Kind {
  const [nodes, twins] = [topologicalOrder(local), topologicalOrder(global)];
  const place = nodes.findIndex((node, i) => node.operator !== twins[i]?.operator || node.inputs.length !== twins[i]?.inputs.length);
  check(
    place < 0 && nodes.length === twins.length,
    () => `compile: workers: the graph changes with the size of the batch${place < 0 ? "" : `, at ${operationOf(nodes[place] as Node)}`}`,
  );
  const pairs = new Map<Tensor, Tensor>();
  const learn = (x: Tensor, twin: Tensor, node?: Node) => {
    if (!pairs.has(x)) pairs.set(x, twin);
    check(
      pairs.get(x) === twin,
      () => `compile: workers: what the graph computes with changes with the size of the batch${node ? `, at ${operationOf(node)}` : ""}`,
    );
    if (x.source.kind !== "node" && !kinds.has(x)) kinds.set(x, kindOfLeaf(x, twin, count));
  };
  nodes.forEach((node, i) => {
    const twin = twins[i] as Node;
    node.inputs.forEach((input, k) => learn(input, twin.inputs[k] as Tensor, node));
    node.outputs.forEach((output, k) => pairs.set(output, twin.outputs[k] as Tensor));
    const inputs = node.inputs.map((input) => kinds.get(input) as Kind);
    const ofLoop = isNodeOf(node, loops.Scan) && isNodeOf(twin, loops.Scan) ? kindsOfLoop(node, twin, inputs, count) : undefined;
    node.outputs.forEach((output, k) => {
      kinds.set(output, ofLoop?.[k] ?? kindOfOutput(node, inputs, output, twin.outputs[k] as Tensor, twin, count));
    });
  });
  local.forEach((x, i) => learn(x, global[i] as Tensor));
  return (x) => kinds.get(x) as Kind;
}

/** The number by which the sum of the workers' values is divided to give the value of the whole batch. */
export function multiplicity(kind: Kind, count: number): number | undefined {
  if (kind.is === "partial") return kind.ratio;
  return kind.is === "whole" ? kind.ratio * count : undefined;
}

/** The one axis along which `global` is `count` times as long; undefined where the shapes are equal, "mixed" where they differ otherwise. */
function splitAxis(local: Shape, global: Shape, count: number): number | "mixed" | undefined {
  const different = local.flatMap((size, axis) => (size === global[axis] ? [] : [axis]));
  if (different.length === 0) return undefined;
  const [axis] = different as [number];
  return different.length === 1 && global[axis] === count * (local[axis] as number) ? axis : "mixed";
}

const before = (shape: Shape, axis: number): number => sizeOf(shape.slice(0, axis));

function kindOfLeaf(x: Tensor, twin: Tensor, count: number): Kind {
  const axis = splitAxis(x.shape, twin.shape, count);
  if (x === twin) return whole();
  if (x.source.kind === "data") {
    const [a, b] = [hostData(x), hostData(twin)];
    if (axis !== undefined || !a || !b) return unknown(`a constant ${showShape(x.shape)} depends on the size of the batch`);
    if (a.every((value, i) => value === b[i])) return whole();
    if (a.length > 1) return unknown(`the elements of a constant ${showShape(x.shape)} depend on the size of the batch`);
    return whole(Number(elementAt(a, 0, x.dtype)) / Number(elementAt(b, 0, twin.dtype)));
  }
  if (axis === undefined) return whole();
  if (axis === "mixed") return unknown(`${x.source.kind} ${showShape(x.shape)} has the size of the batch along more than one axis`);
  return { is: "share", ratio: 1, axis, outer: before(x.shape, axis) };
}

/** Attributes that only say what shape comes out. */
const ofShapes: readonly string[] = ["shape", "sizes"];

/** An attribute as text; functions, of which each trace has its own, are alike. */
const keyOf = ({ attributes }: Node, name: string): string =>
  typeof attributes[name] === "function" ? "" : keyOfAttributes({ [name]: attributes[name] });

const operationOf = ({ operator, inputs, path }: Node): string =>
  `${operator.type}(${inputs.map((input) => `${input.dtype}${showShape(input.shape)}`).join(", ")})${path && ` in ${path}`}`;

function kindOfOutput(node: Node, inputs: readonly Kind[], output: Tensor, twin: Tensor, twinNode: Node, count: number): Kind {
  const fault = (why: string) => unknown(`${operationOf(node)} ${why}`);
  const operator = operatorOf(node);
  if (isNodeOf(node, exchange.AllReduce)) {
    const { reduction } = node.attributes;
    const like = inputs[1] as Kind;
    if (inputs[0]?.is === "share") return fault("would mix the examples of the workers: reduce over the batch first");
    const total = multiplicity(inputs[0] as Kind, count);
    if (reduction !== undefined) return whole(total === undefined ? 1 : reduction === "mean" ? total / count : total);
    if (multiplicity(like, count) !== undefined) return whole();
    return like.is === "unknown" ? like : fault("is like a value that still has the axis of the batch");
  }
  const lost = inputs.find((kind) => kind.is === "unknown");
  if (lost) return lost;
  const changed = Object.keys(node.attributes).find((name) => !ofShapes.includes(name) && keyOf(node, name) !== keyOf(twinNode, name));
  if (changed) return fault(`has another "${changed}" by the size of the batch`);
  const axis = splitAxis(output.shape, twin.shape, count);
  if (axis === "mixed") return fault(`compares or joins examples: ${showShape(output.shape)} of a share, ${showShape(twin.shape)} of all`);
  if (isNodeOf(node, suppression.NonMaxSuppression) && inputs.some((kind) => kind.is === "share"))
    return fault("names images by their places in the batch");

  const shares = inputs.filter((kind) => kind.is === "share");
  const partials = inputs.filter((kind) => kind.is === "partial");
  const shareOf = (ratio: number): Kind => {
    if (axis === undefined) return fault("reduces over the batch");
    const outer = outerOf(node, inputs, output, axis);
    return outer === undefined ? fault("brings the examples into another order") : { is: "share", ratio, axis, outer };
  };

  const linearity = linearityOf(operator, inputs);
  if (linearity && !rounds(node, output, linearity)) {
    const ratio = ratioOf(linearity, inputs, count);
    if (ratio === undefined) return fault(mismatch(inputs));
    if (partials.length > 0) return { is: "partial", ratio };
    if (shares.length > 0) {
      const contracted = linearity === "each" ? shares.length === 2 : linearity === "together" && shares.length === 1;
      if (axis !== undefined) return shareOf(ratio);
      if (shares.length === 2 && !contractsAlike(node, inputs)) return fault("brings the examples into another order");
      return contracted ? { is: "partial", ratio: averages(node) ? ratio * count : ratio } : fault("reduces over the batch");
    }
    if (axis === undefined) return whole(ratio);
    return isNodeOf(node, shapes.Expand) ? shareOf(ratio) : fault("depends on the size of the batch");
  }

  if (partials.length > 0) return fault("takes a sum or a mean over a worker's share of the batch: put allReduce(...) around that");
  if (inputs.some((kind) => !near((kind as Share).ratio, 1))) return fault("depends on the size of the batch");
  if (shares.length > 0) return joins(node, inputs) ? fault("works along the axis of the batch") : shareOf(1);
  return axis === undefined ? whole() : fault("depends on the size of the batch");
}

/**
 * The kinds of what a loop gives, by those of what its body gives. What is carried is of one kind from step to step: where it is not, nothing is known.
 * @param twin the loop over the whole batch
 */
function kindsOfLoop(node: ScanNode, twin: ScanNode, inputs: readonly Kind[], count: number): readonly Kind[] {
  const { body, carries, sequences, length } = node.attributes;
  const fault = (why: string) => node.outputs.map(() => unknown(`${operationOf(node)} ${why}`));
  if (hasExchange(body)) return fault("has an allReduce within it: take it out of the loop");
  const stepped = inputs.slice(carries, carries + sequences);
  if (stepped.some((kind) => kind.is === "share" && (kind.axis === 0 || kind.outer % length !== 0)))
    return fault("goes along the axis of the batch");
  const slices = stepped.map((kind) => (kind.is === "share" ? { ...kind, axis: kind.axis - 1, outer: kind.outer / length } : kind));
  const given = [...inputs.slice(0, carries), ...slices, ...inputs.slice(carries + sequences)];
  const kindOf = classifyFrom(
    body.outputs,
    twin.attributes.body.outputs,
    count,
    new Map(body.inputs.map((leaf, i) => [leaf, given[i] as Kind])),
  );
  const results = body.outputs.map(kindOf);
  const other = results.slice(0, carries).findIndex((kind, i) => !isSameKind(kind, inputs[i] as Kind));
  if (other >= 0) {
    const kind = results[other] as Kind;
    return kind.is === "unknown" ? node.outputs.map(() => kind) : fault(`carries on what is no longer ${nameOf(inputs[other] as Kind)}`);
  }
  return results.map((kind, i) =>
    kind.is === "share" && i >= carries ? { ...kind, axis: kind.axis + 1, outer: kind.outer * length } : kind,
  );
}

/** Whether an operator that is linear for real numbers gives integers that are not the sum of those of its parts. */
const rounds = (node: Node, { dtype }: Tensor, linearity: Linearity): boolean =>
  !isFloat(dtype) && (dtype === "bool" || linearity === "first" || node.inputs.some((input) => isFloat(input.dtype)));

/** In how many groups the axis of the batch is within a value's axis that holds it. */
const blocksOf = ({ shape }: Tensor, { axis, outer }: Share): number => outer / before(shape, axis);

/** Whether both operands of a product have the examples, over which it sums up, in one order. */
function contractsAlike(node: Node, inputs: readonly Kind[]): boolean {
  const [a, b] = inputs.flatMap((kind, i) => (kind.is === "share" ? [blocksOf(node.inputs[i] as Tensor, kind)] : []));
  return a === b;
}

const isSameKind = (a: Kind, b: Kind): boolean =>
  a.is !== "unknown" &&
  b.is !== "unknown" &&
  a.is === b.is &&
  near(a.ratio, b.ratio) &&
  (a.is !== "share" || (b.is === "share" && a.axis === b.axis && a.outer === b.outer));

function averages(node: Node): boolean {
  const { kind } = operatorOf(node);
  return kind.is === "reduction" && kind.reduction(node.attributes).averages === true;
}

/** The ratio of a linear operator's result, or undefined where its operands do not go together. */
function ratioOf(linearity: Linearity, inputs: readonly Kind[], count: number): number | undefined {
  const known = inputs as readonly Exclude<Kind, Unknown>[];
  const partials = known.filter((kind) => kind.is === "partial").length;
  const shares = known.filter((kind) => kind.is === "share").length;
  if (partials > 0 && shares > 0) return undefined;
  if (linearity === "together") {
    // The sum of a value that all workers have is `count` times that value.
    const ratios = known.map((kind) => (partials > 0 && kind.is === "whole" ? kind.ratio * count : kind.ratio));
    return ratios.every((ratio) => near(ratio, ratios[0] as number)) ? ratios[0] : undefined;
  }
  if (linearity === "each") return partials > 1 ? undefined : product(known.map((kind) => kind.ratio));
  const [first, ...rest] = known as [Exclude<Kind, Unknown>, ...Exclude<Kind, Unknown>[]];
  return rest.some((kind) => kind.is === "partial") ? undefined : first.ratio / product(rest.map((kind) => kind.ratio));
}

const nameOf = ({ is }: Kind): string =>
  ({ share: "examples", partial: "a sum or a mean over a worker's share of the batch", whole: "a value of its own", unknown: "" })[is];

function mismatch(inputs: readonly Kind[]): string {
  const met = [...new Set(inputs.map(nameOf))].join(" with ");
  return `puts ${met} together: put allReduce(...) around what was reduced over the batch, or around the result with { reduction }`;
}

/** Whether an operator only puts slices of an axis together, or takes them apart. */
const rearranges = (node: Node): boolean => isNodeOf(node, pieces.Concat, pieces.Split);

/** Whether an operator computes along the axis that is divided among the workers. Its attribute `axis` or `axes` counts those of its first input. */
function joins(node: Node, [first]: readonly Kind[]): boolean {
  const { axis, axes } = node.attributes;
  return first?.is === "share" && [axis, axes].flat().includes(first.axis) && !rearranges(node);
}

/** The number of groups (see {@link Kind}) of an output; undefined where the operands differ in that. */
function outerOf(node: Node, inputs: readonly Kind[], output: Tensor, axis: number): number | undefined {
  const layouts = inputs.flatMap((kind, i): { blocks: number; run: number }[] => {
    if (kind.is !== "share") return [];
    const { shape } = node.inputs[i] as Tensor;
    // Where the axis was joined with one before it, it holds several groups itself: `blocks` of `run` slices for each part.
    const blocks = blocksOf(node.inputs[i] as Tensor, kind);
    return [{ blocks, run: (shape[kind.axis] as number) / blocks }];
  });
  const [first] = layouts;
  if (!first) return before(output.shape, axis);
  if (isNodeOf(node, shapes.Reshape)) {
    const { outer } = inputs[0] as Share;
    return outer % before(output.shape, axis) === 0 ? outer : undefined;
  }
  const isRearranged = rearranges(node);
  const [name, value] = isRearranged ? (["run", first.run] as const) : (["blocks", first.blocks] as const);
  if (layouts.some((layout) => layout[name] !== value)) return undefined;
  const blocks = isRearranged ? (output.shape[axis] as number) / first.run : first.blocks;
  return Number.isInteger(blocks) ? blocks * before(output.shape, axis) : undefined;
}

/** Whether there is an exchange in the body of a loop, or of a loop within it. */
const hasExchange = ({ outputs }: Body): boolean =>
  topologicalOrder(outputs).some(
    (node) => isNodeOf(node, exchange.AllReduce) || (isNodeOf(node, loops.Scan) && hasExchange(node.attributes.body)),
  );

/** Whether a value is that of the whole batch on every worker. */
export const isWhole = (kind: Kind): boolean => kind.is === "whole" && near(kind.ratio, 1);

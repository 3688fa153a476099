import { scan } from "../../autodiff/scan.js";
import { KasaneError } from "../../graph/error.js";
import { normalizeAxis } from "../../graph/shape.js";
import { Tensor } from "../../graph/tensor.js";
import { where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { scalar } from "../../ops/constants.js";
import { arange } from "../../ops/create.js";
import { hostValue } from "../../ops/hostValue.js";
import { squeeze, transpose } from "../../ops/shapes.js";
import { concat, flip, split, stack } from "../../ops/slicing.js";
import type { InnerGraph, ReadNode } from "../readNode.js";
import type { NodeReader, Value } from "../registry.js";
import { integersOf } from "./shapes.js";

/** Loops of so many steps at most are written out; longer ones are loops of the graph where their steps are alike. */
const longestUnrolled = 64;

/** A loop is written out up to so many steps where it can be nothing else. */
const mostSteps = 4096;

/** The branch that a known condition chooses; of an unknown one both are computed, and their values chosen. */
function branch(node: ReadNode): readonly Value[] {
  const branches = [node.graph("then_branch"), node.graph("else_branch")] as const;
  const known = node.whereKnown(0)?.[0];
  if (known !== undefined) return branches[known === 0 ? 1 : 0].run([]);
  const [chosen, other] = branches.map((each) => each.run([])) as [readonly Value[], readonly Value[]];
  return chosen.map((value, i) => {
    const [a, b] = [value, other[i]];
    const isTensor = a instanceof Tensor && b instanceof Tensor && a.shape.join() === b.shape.join();
    node.check(isTensor, () => "its branches give values of different shapes, and its condition follows from the model's inputs");
    return where(node.input(0), a, b);
  });
}

function loop(node: ReadNode): readonly Value[] {
  const body = node.graph("body");
  const carried = node.any(2) as readonly Value[];
  const count = node.known(0)?.[0] ?? Number.POSITIVE_INFINITY;
  const goesOn = (node.known(1)?.[0] ?? 1) !== 0;
  if (goesOn && count > longestUnrolled && Number.isSafeInteger(count)) {
    const found = asScan(body, carried, count);
    if (found) return found;
  }
  let values = carried;
  const stacks: Tensor[][] = Array.from({ length: node.outputs - carried.length }, () => []);
  let condition: number | undefined = goesOn ? 1 : 0;
  for (let i = 0; i < count && condition !== 0; i++) {
    node.check(i < mostSteps, () => `more than ${mostSteps} steps that are not alike: expected fewer`);
    const [next, ...results] = body.run([scalar(BigInt(i), "int64"), scalar(true, "bool"), ...values]);
    const known = next instanceof Tensor ? hostValue(next) : undefined;
    node.check(known !== undefined, () => "when it ends follows from the model's inputs: expected it to follow from their shapes");
    condition = Number(known[0]);
    values = results.slice(0, carried.length);
    stacks.forEach((stack, k) => {
      stack.push(results[carried.length + k] as Tensor);
    });
  }
  node.check(
    stacks.every((each) => each.length > 0),
    () => "it makes no step, so what its steps would give has no shape",
  );
  return [...values, ...stacks.map((each) => stack(each))];
}

/** A loop of so many steps as one of the graph; undefined where its steps differ in more than their number. */
function asScan(body: InnerGraph, carried: readonly Value[], count: number): readonly Value[] | undefined {
  if (!carried.every((value) => value instanceof Tensor)) return undefined;
  try {
    const { carry, outputs } = scan(
      (before: readonly Tensor[], { step }: { readonly step: Tensor }) => {
        const [next, ...results] = body.run([step, scalar(true, "bool"), ...before]);
        const isEndless = next instanceof Tensor && Number(hostValue(next)?.[0] ?? 0) !== 0;
        if (!isEndless) throw new KasaneError("Loop: it may end early");
        return {
          carry: results.slice(0, carried.length) as readonly Tensor[],
          outputs: results.slice(carried.length) as readonly Tensor[],
        };
      },
      carried as readonly Tensor[],
      { step: cast(arange(count), "int64") },
    );
    return [...carry, ...outputs];
  } catch (error) {
    if (error instanceof KasaneError) return undefined;
    throw error;
  }
}

/** ONNX's own loop over slices. */
function scanNode(node: ReadNode): readonly Value[] {
  node.check(node.version >= 9, () => "version 8 has an axis of batches: expected version 9 or later");
  const body = node.graph("body");
  const sequences = node.integer("num_scan_inputs", 1);
  const all = node.rest();
  const carries = all.length - sequences;
  const results = node.outputs - carries;
  node.check(carries >= 0 && results >= 0, () => `${sequences} sequences of ${all.length} inputs and ${node.outputs} outputs`);
  const listed = (name: string, count: number): readonly number[] => node.integers(name) ?? new Array<number>(count).fill(0);
  const [axes, directions] = [listed("scan_input_axes", sequences), listed("scan_input_directions", sequences)];
  const [outputAxes, outputDirections] = [listed("scan_output_axes", results), listed("scan_output_directions", results)];
  const stacks = all.slice(carries).map((x, i) => {
    const front = moved(x, normalizeAxis("Scan", axes[i] ?? 0, x.rank), 0);
    return directions[i] === 1 ? flip(front, { axis: 0 }) : front;
  });
  const { carry, outputs } = scan(
    (before: readonly Tensor[], slices: readonly Tensor[]) => {
      const values = body.run([...before, ...slices]) as readonly Tensor[];
      return { carry: values.slice(0, carries), outputs: values.slice(carries) };
    },
    all.slice(0, carries) as readonly Tensor[],
    stacks as readonly Tensor[],
  );
  const given = outputs.map((x, i) => {
    const inOrder = outputDirections[i] === 1 ? flip(x, { axis: 0 }) : x;
    return moved(inOrder, 0, normalizeAxis("Scan", outputAxes[i] ?? 0, x.rank));
  });
  return [...carry, ...given];
}

/** The axis `from` at the place `to`, the others in their order. */
function moved(x: Tensor, from: number, to: number): Tensor {
  const order = [...x.shape.keys()].filter((axis) => axis !== from);
  order.splice(to, 0, from);
  return transpose(x, order);
}

/** Where an index of a sequence points, the end included where something is put in. */
function place(node: ReadNode, index: number, length: number): number {
  const given = node.known(index)?.[0] ?? length;
  const found = given < 0 ? given + length : given;
  node.check(found >= 0 && found <= length, () => `index ${given} of a sequence of ${length}`);
  return found;
}

function splitToSequence(node: ReadNode): readonly Value[] {
  const x = node.input(0);
  const axis = normalizeAxis("SplitToSequence", node.integer("axis", 0), x.rank);
  const size = x.shape[axis] as number;
  const given = node.known(1);
  const each = given && node.optional(1)?.rank === 0 ? (given[0] as number) : 1;
  node.check(each > 0, () => `parts of ${each}: expected an integer from 1`);
  const equal = Array.from({ length: Math.ceil(size / each) }, (_, i) => Math.min(each, size - i * each));
  const sizes = given && node.optional(1)?.rank === 1 ? given : equal;
  const parts = split(x, sizes, { axis });
  const keeps = given !== undefined || node.integer("keepdims", 1) === 1;
  return [keeps ? parts : parts.map((part) => squeeze(part, { axis }))];
}

export const controlReaders: Readonly<Record<string, NodeReader>> = {
  ":If": { read: branch },
  ":Loop": { read: loop },
  ":Scan": { read: scanNode },
  ":SequenceConstruct": { read: (node) => [node.rest()] },
  ":SequenceEmpty": { read: () => [[]] },
  ":SequenceLength": { read: (node) => integersOf([node.sequence(0).length], []) },
  ":SequenceAt": {
    read: (node) => {
      const list = node.sequence(0);
      return list.slice(place(node, 1, list.length)).slice(0, 1);
    },
  },
  ":SequenceInsert": {
    read: (node) => {
      const list = node.sequence(0);
      return [list.toSpliced(node.inputs > 2 ? place(node, 2, list.length) : list.length, 0, node.input(1))];
    },
  },
  ":SequenceErase": {
    read: (node) => {
      const list = node.sequence(0);
      return [list.toSpliced(node.inputs > 1 ? place(node, 1, list.length) : list.length - 1, 1)];
    },
  },
  ":SplitToSequence": { read: splitToSequence },
  ":ConcatFromSequence": {
    read: (node) => {
      const join = node.integer("new_axis", 0) === 1 ? stack : concat;
      return join(node.sequence(0), { axis: node.integer("axis", 0) });
    },
  },
};

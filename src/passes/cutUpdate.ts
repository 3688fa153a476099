import { sameShape } from "../graph/shape.js";
import { hostData, type Node, Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { replay, topologicalOrder, usersOf } from "../graph/walk.js";
import { operatorOf } from "../ops/operator.js";
import { type Binding, bindingOf } from "./binding.js";

/** A leaf and its next value. */
export interface Change {
  readonly tensor: Tensor;
  readonly next: Tensor;
}

/** A step in two parts: a graph, and elementwise changes of variables that follow it, as an optimizer's do. */
export interface CutUpdate {
  /** The graph without the changes. Its last outputs are given to the changes. */
  readonly binding: Binding;
  /** Those outputs, and the leaves that stand for them in the changes. */
  readonly given: readonly { readonly value: Tensor; readonly leaf: Tensor }[];
  /** The changes; those in one group share operands. `next` is computed from variables, given leaves and constants of size 1. */
  readonly groups: readonly (readonly Change[])[];
}

/** Divides a step; undefined where there is no such change. */
export function cutUpdate({ inputs, outputs, updates, results }: Binding): CutUpdate | undefined {
  const wanted = updates.filter(({ variable }) => variable.dtype === "float32" && variable.size > 1);
  const ends = new Set(wanted.map(({ next }) => next));
  const others = new Set([...outputs, ...updates.filter((update) => !wanted.includes(update)).map(({ next }) => next)]);
  const order = topologicalOrder(results);
  const users = usersOf(order);

  // The nodes that only the changes use.
  const own = new Set<Node>();
  for (const node of order.reverse()) {
    const [result] = node.outputs as [Tensor];
    const usedBy = users.get(result) ?? [];
    const fits =
      operatorOf(node).kind.is === "elementwise" &&
      [result, ...node.inputs].every(({ dtype }) => dtype === "float32") &&
      !others.has(result) &&
      (usedBy.length > 0 || ends.has(result)) &&
      usedBy.every((user) => own.has(user) && sameShape((user.outputs[0] as Tensor).shape, result.shape));
    if (fits) own.add(node);
  }
  const isOwn = ({ source }: Tensor) => source.kind === "node" && own.has(source);
  const candidates = wanted.filter(({ variable, next }) => isOwn(next) && sameShape(next.shape, variable.shape));
  const groups = joined(
    candidates.map(({ variable, next }) => ({ tensor: variable, next })),
    isOwn,
  ).filter((group) => group.every(({ tensor }) => sameShape(tensor.shape, (group[0] as Change).tensor.shape)));
  if (groups.length === 0) return undefined;

  const changed = new Set(groups.flatMap((group) => group.map(({ tensor }) => tensor)));
  const nodes = new Set(groups.flatMap((group) => group.flatMap(({ next }) => nodesOf(next, isOwn))));
  const borders = new Set([...nodes].flatMap((node) => node.inputs).filter((x) => !isOwn(x)));
  const given = [...borders]
    .filter((x) => !(x instanceof Variable) && !(x.size === 1 && hostData(x)))
    .map((value) => ({ value, leaf: new Tensor(value.dtype, value.shape, { kind: "input", name: "given" }) }));
  const sorted = [...nodes].sort((a, b) => a.id - b.id);
  const flat = groups.flat();
  const nexts = replay(
    flat.map(({ next }) => next),
    sorted,
    new Map(given.map(({ value, leaf }) => [value, leaf])),
  );
  const nextOf = new Map(flat.map(({ tensor }, i) => [tensor, nexts[i] as Tensor]));
  return {
    binding: bindingOf(
      inputs,
      [...outputs, ...given.map(({ value }) => value)],
      updates.filter(({ variable }) => !changed.has(variable)),
    ),
    given,
    groups: groups.map((group) => group.map(({ tensor }) => ({ tensor, next: nextOf.get(tensor) as Tensor }))),
  };
}

/** The nodes of the changes from which `x` is computed. */
function nodesOf(x: Tensor, isOwn: (x: Tensor) => boolean): Node[] {
  const found = new Set<Node>();
  const pending = [x];
  for (let each = pending.pop(); each; each = pending.pop()) {
    if (!isOwn(each) || each.source.kind !== "node" || found.has(each.source)) continue;
    found.add(each.source);
    pending.push(...each.source.inputs);
  }
  return [...found];
}

/** Groups changes by common operands of more than one element. */
function joined(changes: readonly Change[], isOwn: (x: Tensor) => boolean): Change[][] {
  const groups: { changes: Change[]; operands: Set<Tensor> }[] = [];
  for (const change of changes) {
    const operands = nodesOf(change.next, isOwn)
      .flatMap((node) => [...node.inputs, ...node.outputs])
      .filter(({ size }) => size > 1);
    const group = { changes: [change], operands: new Set([change.tensor, ...operands]) };
    for (const other of groups.filter((each) => [...group.operands].some((x) => each.operands.has(x)))) {
      group.changes.unshift(...other.changes);
      for (const x of other.operands) group.operands.add(x);
      groups.splice(groups.indexOf(other), 1);
    }
    groups.push(group);
  }
  return groups.map((group) => group.changes);
}

import { check, KasaneError } from "../graph/error.js";
import { Tensor } from "../graph/tensor.js";
import { rebuild } from "../graph/trace.js";
import type { Variable } from "../graph/variable.js";
import { rewrite, topologicalOrder } from "../graph/walk.js";
import { mul } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { exchange, type WorkerReduction } from "../ops/exchange.js";
import { isNodeOf } from "../ops/match.js";
import { apply } from "../ops/operator.js";
import type { Computation } from "../passes/binding.js";
import { classify, isWhole, type Kind, multiplicity } from "./shares.js";

/** A step cut at its exchanges. */
export interface Cut {
  /** What is exchanged; each depends on the sums of earlier ones only. */
  readonly exchanges: readonly Exchange[];
  /** Which outputs are joined from the workers' parts. */
  readonly gathered: readonly Gathered[];
  /** What the leader computes once, after the last exchange. */
  readonly final: { readonly outputs: readonly Tensor[]; readonly updates: ReadonlyMap<Variable, Tensor> };
  /** For each output of the step: its index among those of `final`, or the gathered value. */
  readonly outputs: readonly (number | Gathered)[];
}

/** A value that is added up over the workers, and the leaf that stands for the sum from then on. */
export interface Exchange {
  readonly value: Tensor;
  readonly sum: Tensor;
}

/** An output that is joined from the workers' parts: `outer` groups of one run of each part. */
export interface Gathered {
  readonly value: Tensor;
  readonly outer: number;
}

/**
 * Cuts the step of one worker at its exchanges.
 * @param local the step traced with a worker's share of the batch, and `global` with all of it
 * @param names what errors call the outputs
 * @throws KasaneError naming state and outputs that do not follow from the workers' values
 */
export function cut(local: Computation, global: Computation, count: number, names: readonly string[]): Cut {
  const results = (each: Computation) => [...each.outputs, ...each.updates.values()];
  const kindOf = classify(results(local), results(global), count);
  for (const [variable, value] of local.updates) {
    check(isWhole(kindOf(value)), () => fault(`the next value of ${variable.name}`, kindOf(value)));
  }
  // Sums and means over the batch are exchanged too.
  const outputs = local.outputs.map((x, i) => {
    const kind = kindOf(x);
    if (kind.is === "partial") return rebuild(() => apply(exchange.AllReduce, [x, x]));
    check(isWhole(kind) || kind.is === "share", () => fault(names[i] ? `the result "${names[i]}"` : "the result", kind));
    return kind.is === "share" && kind.ratio !== 1 ? rebuild(() => mul(x, 1 / kind.ratio)) : x;
  });

  const varying = varyingOf([...outputs, ...local.updates.values()], kindOf);
  const exchanges: Exchange[] = [];
  const rebuilt = rewrite([...outputs, ...local.updates.values()], (node, [x]) => {
    if (!isNodeOf(node, exchange.AllReduce)) return undefined;
    const [original, like] = node.inputs;
    const divisor = divisorOf(node.attributes, kindOf(like), count);
    // What all workers have needs no exchange: the sum is so many times that.
    if (!varying.has(original)) return [times(x as Tensor, count / divisor)];
    const share = times(x as Tensor, 1 / divisor);
    // The bits of half precision are not added up.
    const value = share.dtype === "float16" ? cast(share, "float32") : share;
    const known = exchanges.find((each) => each.value === value);
    const sum = known?.sum ?? new Tensor(value.dtype, value.shape, { kind: "input", name: "sum" });
    if (!known) exchanges.push({ value, sum });
    return [cast(sum, share.dtype)];
  });

  const gathered: Gathered[] = [];
  const final: Tensor[] = [];
  const places = local.outputs.map((original, i) => {
    const kind = kindOf(original);
    const value = rebuilt[i] as Tensor;
    if (kind.is !== "share") return final.push(value) - 1;
    const part = { value, outer: kind.outer };
    gathered.push(part);
    return part;
  });
  const updates = new Map([...local.updates.keys()].map((variable, i) => [variable, rebuilt[outputs.length + i] as Tensor]));
  return { exchanges, gathered, final: { outputs: final, updates }, outputs: places };
}

/** What the sum of the workers' values is divided by in an exchange. */
function divisorOf({ reduction }: { reduction?: WorkerReduction }, like: Kind, count: number): number {
  const divisor = reduction === "sum" ? 1 : reduction === "mean" ? count : multiplicity(like, count);
  if (divisor === undefined) throw new KasaneError(fault("what is exchanged", like));
  return divisor;
}

const times = (x: Tensor, factor: number): Tensor => (factor === 1 ? x : mul(x, factor));

/** The values that differ among workers. */
function varyingOf(outputs: readonly Tensor[], kindOf: (x: Tensor) => Kind | undefined): ReadonlySet<Tensor> {
  const varying = new Set<Tensor>();
  const varies = (x: Tensor) => varying.has(x) || (x.source.kind !== "node" && kindOf(x)?.is === "share");
  for (const node of topologicalOrder(outputs)) {
    const isExchange = isNodeOf(node, exchange.AllReduce);
    const inputs = isExchange ? node.inputs.slice(0, 1) : node.inputs;
    for (const x of inputs) if (varies(x)) varying.add(x);
    if (!isExchange && inputs.some(varies)) for (const output of node.outputs) varying.add(output);
  }
  return varying;
}

function fault(what: string, kind: Kind): string {
  const because = {
    unknown: () => (kind as Extract<Kind, { is: "unknown" }>).because,
    share: () => "it has the axis of the batch, of which each worker has its share",
    partial: () => "it is a sum or a mean over a worker's share of the batch: put allReduce(...) around that",
    whole: () => "it depends on the size of the batch",
  };
  return `compile: workers: ${what} does not follow from the workers' values: ${because[kind.is]()}`;
}

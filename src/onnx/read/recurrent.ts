import { scan } from "../../autodiff/scan.js";
import type { Tensor } from "../../graph/tensor.js";
import { add, clip, mul, sub, where } from "../../ops/arithmetic.js";
import { less } from "../../ops/compare.js";
import { absent, arange } from "../../ops/create.js";
import { matmul } from "../../ops/matmul.js";
import { type RecurrentForm, wholeLayerOf } from "../../ops/recurrent.js";
import { expand, reshape, transpose } from "../../ops/shapes.js";
import { split, stack, unstack } from "../../ops/slicing.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";
import { activationsByName } from "./elementwise.js";

type Activation = (x: Tensor) => Tensor;

/** One direction of a layer: its weights without the axis of directions. */
interface Direction {
  readonly hiddenSize: number;
  /** The activations, of values held within the limits that the node sets. */
  readonly activations: readonly Activation[];
  /** `[gates * hiddenSize, inputSize]`, `[gates * hiddenSize, hiddenSize]` */
  readonly weightInput: Tensor;
  readonly weightHidden: Tensor;
  /** The biases of the input and of the hidden state, `[gates * hiddenSize]`. */
  readonly biasInput: Tensor | undefined;
  readonly biasHidden: Tensor | undefined;
  /** An LSTM's weights from the cell to the gates i, o and f, `[hiddenSize]` each. */
  readonly peepholes: readonly Tensor[] | undefined;
}

/** What a kind of layer does. */
interface Kind {
  readonly type: RecurrentForm["type"];
  readonly gates: number;
  /** The parts of the state: the hidden one, and an LSTM's cell. */
  readonly parts: number;
  readonly activations: readonly string[];
  /** The state after one step, from what the input contributes to the gates. */
  step(node: ReadNode, direction: Direction): (projected: Tensor, state: readonly Tensor[]) => readonly Tensor[];
  /** Whether the biases of the hidden state can be added to what the input contributes. */
  joinsBiases(node: ReadNode): boolean;
  /** The node's own settings, which ONNX's operator is written with again. */
  settings(node: ReadNode): Readonly<Record<string, unknown>>;
}

const gatesOf = (x: Tensor, count: number): readonly Tensor[] => split(x, count, { axis: -1 });

const rnn: Kind = {
  type: "RNN",
  gates: 1,
  parts: 1,
  activations: ["Tanh"],
  joinsBiases: () => true,
  settings: () => ({}),
  // h' = f(W x + R h + b)
  step: (_, { activations: [f = (x) => x], weightHidden }) => {
    const weight = transpose(weightHidden);
    return (projected, [h]) => [f(add(projected, matmul(h as Tensor, weight)))];
  },
};

const gru: Kind = {
  type: "GRU",
  gates: 3,
  parts: 1,
  activations: ["Sigmoid", "Tanh"],
  joinsBiases: (node) => node.integer("linear_before_reset", 0) === 0,
  settings: (node) => ({ linear_before_reset: node.integer("linear_before_reset", 0) }),
  // h' = (1 - z) n + z h, where n = g(W x + R (r h) + b) or, linear before the reset, g(W x + b + r (R h + b'))
  step: (node, { activations, weightHidden, biasHidden, hiddenSize }) => {
    const [f, g] = activations as [Activation, Activation];
    const sizes = [2 * hiddenSize, hiddenSize];
    const isLinear = node.integer("linear_before_reset", 0) !== 0;
    const [gateWeight, candidateWeight] = split(weightHidden, sizes).map((part) => transpose(part)) as [Tensor, Tensor];
    const [gateBias, candidateBias] = isLinear && biasHidden ? split(biasHidden, sizes) : [];
    const plus = (x: Tensor, bias: Tensor | undefined) => (bias ? add(x, bias) : x);
    return (projected, [before]) => {
      const h = before as Tensor;
      const [gates, candidate] = split(projected, sizes, { axis: 1 }) as [Tensor, Tensor];
      const [z, r] = gatesOf(f(add(gates, plus(matmul(h, gateWeight), gateBias))), 2) as [Tensor, Tensor];
      const fromHidden = isLinear ? mul(r, plus(matmul(h, candidateWeight), candidateBias)) : matmul(mul(r, h), candidateWeight);
      const n = g(add(candidate, fromHidden));
      return [add(n, mul(z, sub(h, n)))];
    };
  },
};

const lstm: Kind = {
  type: "LSTM",
  gates: 4,
  parts: 2,
  activations: ["Sigmoid", "Tanh", "Tanh"],
  joinsBiases: () => true,
  settings: (node) => ({ input_forget: node.integer("input_forget", 0) }),
  // c' = f c + i g, h' = o h(c'); peepholes add a part of the cell to the gates
  step: (node, { activations, weightHidden, peepholes }) => {
    const [f, g, h] = activations as [Activation, Activation, Activation];
    const weight = transpose(weightHidden);
    const [fromInput, fromOutput, fromForget] = peepholes ?? [];
    const peeping = (x: Tensor, cell: Tensor, weights: Tensor | undefined) => (weights ? add(x, mul(cell, weights)) : x);
    return (projected, [hidden, before]) => {
      const cell = before as Tensor;
      const [i, o, forget, candidate] = gatesOf(add(projected, matmul(hidden as Tensor, weight)), 4) as [Tensor, Tensor, Tensor, Tensor];
      const input = f(peeping(i, cell, fromInput));
      const kept = node.integer("input_forget", 0) === 0 ? f(peeping(forget, cell, fromForget)) : sub(1, input);
      const next = add(mul(kept, cell), mul(input, g(candidate)));
      return [mul(f(peeping(o, next, fromOutput)), h(next)), next];
    };
  },
};

/** The activation functions of all directions, one list a direction. */
function activationsOf(node: ReadNode, kind: Kind, directions: number): readonly (readonly Activation[])[] {
  const names = node.texts("activations") ?? new Array<readonly string[]>(directions).fill(kind.activations).flat();
  const count = kind.activations.length;
  node.check(names.length === directions * count, () => `${names.length} activations: expected ${directions * count}`);
  const [alphas, betas] = [[...(node.numbers("activation_alpha") ?? [])], [...(node.numbers("activation_beta") ?? [])]];
  const limit = node.number("clip", 0);
  const all = names.map((name): Activation => {
    const activate = activationsByName[name.toLowerCase()];
    node.check(activate !== undefined, () => `the activation ${name}: expected ${Object.keys(activationsByName).join(", ")}`);
    // Those that have settings take the next of each list.
    const { settings, compute } = activate;
    const [alpha, beta] = [settings > 0 ? alphas.shift() : undefined, settings > 1 ? betas.shift() : undefined];
    return (x) => compute(limit > 0 ? clip(x, -limit, limit) : x, alpha, beta);
  });
  return Array.from({ length: directions }, (_, i) => all.slice(i * count, (i + 1) * count));
}

/** A recurrent layer: all steps of one or of both directions. */
function layer(node: ReadNode, kind: Kind): readonly Tensor[] {
  const batchFirst = node.integer("layout", 0) === 1;
  const swapped = (x: Tensor) => (batchFirst ? transpose(x, [1, 0, 2]) : x);
  const x = swapped(node.input(0));
  const [time, batch] = x.shape as [number, number];
  const lengths = node.optional(4);
  const direction = node.text("direction", "forward");
  node.check(["forward", "reverse", "bidirectional"].includes(direction), () => `the direction ${direction}`);
  const reverses = direction === "bidirectional" ? [false, true] : [direction === "reverse"];
  const [weights, recurrences, biases] = [unstack(node.input(1)), unstack(node.input(2)), node.optional(3)];
  const hiddenSize = (recurrences[0] as Tensor).shape[1] as number;
  node.check(weights.length === reverses.length, () => `weights for ${weights.length} directions, but it is ${direction}`);
  const initial = Array.from({ length: kind.parts }, (_, part) => {
    const given = node.optional(5 + part);
    return given && unstack(expand(swapped(given), [reverses.length, batch, hiddenSize]));
  });
  const activations = activationsOf(node, kind, reverses.length);
  const peepholes = kind.parts === 2 ? node.optional(7) : undefined;
  const runs = reverses.map((reverse, i) => {
    const [biasInput, biasHidden] = biases ? split(unstack(biases)[i] as Tensor, 2) : [];
    const own: Direction = {
      hiddenSize,
      activations: activations[i] as readonly Activation[],
      weightInput: weights[i] as Tensor,
      weightHidden: recurrences[i] as Tensor,
      biasInput,
      biasHidden,
      peepholes: peepholes && split(unstack(peepholes)[i] as Tensor, 3),
    };
    const state = initial.every((part) => part === undefined)
      ? undefined
      : initial.map((part) => part?.[i] ?? absent([batch, hiddenSize], x.dtype));
    return runOver(node, kind, own, { x, lengths, state, reverse });
  });
  // [time, directions, batch, hiddenSize], or with the batch first [batch, time, directions, hiddenSize]
  const outputs = stack(
    runs.map(([hidden]) => hidden as Tensor),
    { axis: 1 },
  );
  const last = Array.from({ length: kind.parts }, (_, part) => swapped(stack(runs.map((run) => run[1 + part] as Tensor))));
  node.check(time > 0, () => "no steps: expected one or more");
  return [batchFirst ? transpose(outputs, [2, 0, 1, 3]) : outputs, ...last];
}

interface Sequence {
  /** `[time, batch, inputSize]` */
  readonly x: Tensor;
  readonly lengths: Tensor | undefined;
  readonly state: readonly Tensor[] | undefined;
  readonly reverse: boolean;
}

/** The hidden states `[time, batch, hiddenSize]` of one direction, and the parts of its last state. */
function runOver(node: ReadNode, kind: Kind, own: Direction, { x, lengths, state, reverse }: Sequence): readonly Tensor[] {
  const [time, batch, size] = x.shape as [number, number, number];
  const { weightInput, weightHidden, biasInput, biasHidden, hiddenSize } = own;
  const rows = matmul(reshape(x, [time * batch, size]), transpose(weightInput));
  const added = biasInput && biasHidden && kind.joinsBiases(node) ? add(biasInput, biasHidden) : biasInput;
  const projected = reshape(added ? add(rows, added) : rows, [time, batch, kind.gates * hiddenSize]);
  const step = kind.step(node, own);
  const start = state ?? Array.from({ length: kind.parts }, () => absent([batch, hiddenSize], x.dtype));
  const counts = lengths && reshape(lengths, [batch, 1]);
  const { carry, outputs } = scan(
    (before: readonly Tensor[], slices: { readonly projected: Tensor; readonly place: Tensor }) => {
      const after = step(slices.projected, before);
      if (!counts) return { carry: after, outputs: after[0] as Tensor };
      // Past the end of a sequence its state stays and its outputs are zeros.
      const isWithin = less(slices.place, counts);
      const kept = after.map((part, i) => where(isWithin, part, before[i] as Tensor));
      return { carry: kept as readonly Tensor[], outputs: where(isWithin, after[0] as Tensor, 0) };
    },
    start as readonly Tensor[],
    { projected, place: arange(time) },
    { reverse },
  );
  const steps = [outputs, ...carry];
  const isPlain = !node.has("activations") && !own.peepholes && !node.has("clip") && time > 1 && x.size > 0;
  if (!isPlain) return steps;
  const form = { type: kind.type, gates: [...Array(kind.gates).keys()], attributes: kind.settings(node) };
  return wholeLayerOf(form, { x, weightInput, weightHidden, biasInput, biasHidden, lengths, state, reverse }, steps);
}

export const recurrentReaders: Readonly<Record<string, NodeReader>> = {
  ":RNN": { read: (node) => layer(node, rnn), roles: { 1: "factor", 2: "factor" } },
  ":GRU": { read: (node) => layer(node, gru), roles: { 1: "factor", 2: "factor" } },
  ":LSTM": { read: (node) => layer(node, lstm), roles: { 1: "factor", 2: "factor" } },
};

/**
 * jax-js by its wasm backend: loss and gradients are one function under `jit`, the update another. Rows of a table are looked up, and their
 * gradients added to it, outside: under `jit` the gradient of a look-up ends with "routine primitive scatter input is not imm".
 */
import "./navigator.js";
import { createRequire } from "node:module";
import { blockUntilReady, defaultDevice, init, jit, lax, nn, numpy as np, tree, valueAndGrad, vjp } from "@jax-js/jax";
import type { Entry } from "../cases/case.js";
import type { Operation } from "../cases/network.js";
import { Cannot, type Loaded, type Ready, serve } from "./protocol.js";

type Arrays = Record<string, np.Array>;
type Settings = Loaded["settings"];
/** In place of the table `embedding` a model gets the batch's rows of it. */
type Model = (settings: Settings, weights: Arrays, batch: Arrays) => np.Array;

// An operation of jax-js consumes its operands. What is traced here is compiled once, so every use is of a further reference.
const add = (a: np.Array, b: np.Array): np.Array => a.ref.add(b.ref);
const mul = (a: np.Array, b: np.Array | number): np.Array => a.ref.mul(typeof b === "number" ? b : b.ref);
const sub = (a: np.Array, b: np.Array): np.Array => a.ref.sub(b.ref);
const get = (arrays: Arrays, name: string): np.Array => arrays[name] as np.Array;

/** `x Wᵀ + b` over the last axis. */
function linear(x: np.Array, weight: np.Array, bias?: np.Array): np.Array {
  const rows = np.matmul(x.ref.reshape([-1, x.shape.at(-1) as number]), np.transpose(weight.ref));
  const shape = [...x.shape.slice(0, -1), weight.shape[0] as number];
  return (bias ? rows.add(bias.ref) : rows).reshape(shape);
}

/** The cross entropy of targets that may be -1, which count for nothing; without targets the logits. */
function classify(logits: np.Array, targets: np.Array | undefined): np.Array {
  if (!targets) return logits;
  const counted = np.greaterEqual(targets.ref, 0).astype(np.float32);
  const classes = np.arange(logits.shape.at(-1) as number).astype(np.int32);
  const hot = np.equal(targets.ref.reshape([...targets.shape, 1]), classes).astype(np.float32);
  return mul(nn.logSoftmax(logits.ref).mul(hot).sum().div(counted.sum()), -1);
}

const recurrence: Model = (s, w, { inputs, targets }) => {
  const activate = s.activation === "sigmoid" ? nn.sigmoid : np.tanh;
  let state = np.zeros([1, get(w, "hidden").shape[0] as number]);
  const states = np.unstack((inputs as np.Array).ref).map((x) => {
    state = activate(add(linear(x, get(w, "input")), linear(state, get(w, "hidden"))));
    return state;
  });
  const predicted = s.everyStep
    ? nn.sigmoid(linear(np.stack(states.map((each) => each.ref)), get(w, "output")))
    : linear(state, get(w, "output"));
  return mul(np.square(sub(predicted, targets as np.Array)).sum(), 0.5);
};

const mlp: Model = (s, w, { images, targets }) => {
  let x = images as np.Array;
  for (let i = 0; i < (s.layers as number); i++) {
    x = linear(x, get(w, `${i}.weight`), get(w, `${i}.bias`));
    if (i < (s.layers as number) - 1) x = nn.relu(x);
  }
  return classify(x, targets);
};

type Step = (hiddenWeight: np.Array, hiddenBias: np.Array, state: readonly np.Array[], projected: np.Array) => np.Array[];

const lstmStep: Step = (hiddenWeight, _, [h, c], projected) => {
  const [i, f, g, o] = np.split(add(projected, linear(h as np.Array, hiddenWeight)), 4, 1) as [np.Array, np.Array, np.Array, np.Array];
  const next = add(nn.sigmoid(f).mul((c as np.Array).ref), nn.sigmoid(i).mul(np.tanh(g)));
  return [nn.sigmoid(o).mul(np.tanh(next.ref)), next];
};

const gruStep: Step = (hiddenWeight, hiddenBias, [h], projected) => {
  const [r, z, n] = np.split(linear(h as np.Array, hiddenWeight, hiddenBias), 3, 1) as [np.Array, np.Array, np.Array];
  const [ri, zi, ni] = np.split(projected.ref, 3, 1) as [np.Array, np.Array, np.Array];
  const candidate = np.tanh(ni.add(nn.sigmoid(ri.add(r)).mul(n)));
  return [add(candidate, nn.sigmoid(zi.add(z)).mul(sub(h as np.Array, candidate)))];
};

/** One cell over all steps: `[time, batch, size]` to `[time, batch, hidden]`. */
function direction(s: Settings, w: Arrays, prefix: string, x: np.Array, lengths: np.Array | undefined, reverse: boolean): np.Array {
  const lstm = s.cell === "lstm";
  const step = lstm ? lstmStep : gruStep;
  const weight = (name: string) => get(w, prefix + name);
  const bias = lstm ? add(weight("biasInput"), weight("biasHidden")) : weight("biasInput");
  const projected = np.unstack(linear(x, weight("input"), bias));
  let state = Array.from({ length: lstm ? 2 : 1 }, () => np.zeros([x.shape[1] as number, s.hidden as number]));
  const outputs: np.Array[] = [];
  for (const t of reverse ? [...projected.keys()].reverse() : projected.keys()) {
    const after = step(weight("hidden"), weight("biasHidden"), state, projected[t] as np.Array);
    // Past a sequence's end its state stays.
    const within = lengths && np.greater(lengths.ref, t).reshape([-1, 1]);
    const before = state;
    state = within ? after.map((part, i) => np.where(within.ref, part, (before[i] as np.Array).ref)) : after;
    outputs[t] = state[0] as np.Array;
  }
  return np.stack(outputs.map((each) => each.ref));
}

const language: Model = (s, w, { targets, lengths }) => {
  let x = get(w, "embedding");
  for (let layer = 0; layer < (s.layers as number); layer++) {
    const outputs = [direction(s, w, `${layer}.`, x, lengths, false)];
    if (s.bidirectional) outputs.push(direction(s, w, `${layer}.reverse.`, x, lengths, true));
    x = outputs.length > 1 ? np.concatenate(outputs, 2) : (outputs[0] as np.Array);
  }
  return mul(classify(linear(x, get(w, "output"), get(w, "bias")), targets), s.lossScale as number);
};

function layerNorm(x: np.Array, scale: np.Array, shift: np.Array): np.Array {
  const centred = sub(x, np.mean(x.ref, -1, { keepdims: true }));
  const deviation = np.sqrt(np.mean(np.square(centred.ref), -1, { keepdims: true }).add(1e-5));
  return centred.div(deviation).mul(scale.ref).add(shift.ref);
}

const transformer: Model = (s, w, { targets }) => {
  let x = add(get(w, "embedding"), get(w, "position"));
  const [batch, tokens, width] = x.shape as [number, number, number];
  const heads = s.heads as number;
  for (let i = 0; i < (s.layers as number); i++) {
    const weight = (name: string) => get(w, `${i}.${name}`);
    const part = (input: np.Array, name: string) => linear(input, weight(name), weight(`${name}Bias`));
    const [q, k, v] = np
      .split(part(x, "projection"), 3, 2)
      .map((each) => np.transpose(each.reshape([batch, tokens, heads, width / heads]), [0, 2, 1, 3])) as [np.Array, np.Array, np.Array];
    const weights = nn.softmax(np.matmul(q, np.transpose(k, [0, 1, 3, 2])).mul(Math.sqrt(heads / width)));
    const mixed = np.transpose(np.matmul(weights, v), [0, 2, 1, 3]).reshape([batch, tokens, width]);
    x = layerNorm(add(x, part(mixed, "attended")), weight("scale1"), weight("shift1"));
    x = layerNorm(add(x, part(nn.relu(part(x, "widen")), "narrow")), weight("scale2"), weight("shift2"));
  }
  return classify(linear(x, get(w, "output"), get(w, "bias")), targets);
};

const bag: Model = (_, w, { targets }) => classify(linear(np.mean(get(w, "embedding").ref, 1), get(w, "output"), get(w, "bias")), targets);

const product: Model = (_, w, { x }) => np.matmul((x as np.Array).ref, get(w, "weight").ref);

/** An operation of a network of convolutions. */
function applied(o: Operation, [x, other]: readonly [np.Array, np.Array?], weights: readonly np.Array[]): np.Array {
  const { op, kernel = 1, stride = 1, padding = [0, 0], dilation = 1, groups = 1 } = o;
  const [weight, second, ...statistics] = weights as [np.Array, np.Array, ...np.Array[]];
  const each = <T>(value: T): T[] => new Array<T>(x.shape.length - 2).fill(value);
  const places = each(0).map((_, i) => i + 2);
  const perChannel = (numbers: np.Array) => numbers.ref.reshape([-1, ...each(1)]);
  switch (op) {
    case "conv": {
      const dilations = { rhsDilation: each(dilation), featureGroupCount: groups };
      const made = lax.convGeneralDilated(x.ref, weight.ref, each(stride), each([...padding] as [number, number]), dilations);
      return second ? made.add(perChannel(second)) : made;
    }
    case "convTranspose":
      return lax.convTranspose(x.ref, weight.ref, each(stride), "VALID", { transposeKernel: true });
    case "norm": {
      const average = statistics[0] ? perChannel(statistics[0]) : np.mean(x.ref, [0, ...places], { keepdims: true });
      const centred = sub(x, average);
      const variance = statistics[1] ? perChannel(statistics[1]) : np.mean(np.square(centred.ref), [0, ...places], { keepdims: true });
      return centred
        .div(np.sqrt(variance.add(1e-5)))
        .mul(perChannel(weight))
        .add(perChannel(second));
    }
    case "maxPool":
    case "averagePool": {
      if (kernel !== stride || padding[0] > 0) throw new Cannot("its windows have no padding, and these overlap");
      const [batch, channels, ...sizes] = x.shape as [number, number, ...number[]];
      const windows = x.ref.reshape([batch, channels, ...sizes.flatMap((size) => [Math.floor(size / kernel), kernel])]);
      return (op === "maxPool" ? np.max : np.mean)(
        windows,
        sizes.map((_, i) => 3 + 2 * i),
      );
    }
    case "mean":
      return np.mean(x.ref, places);
    case "flatten":
      return x.ref.reshape([x.shape[0] as number, -1]);
    case "linear":
      return linear(x, weight, second);
    case "concat":
      return np.concatenate([x.ref, (other as np.Array).ref], 1);
    case "add":
      return add(x, other as np.Array);
    case "multiply":
      return mul(x, other as np.Array);
    case "relu":
      return nn.relu(x.ref);
    case "tanh":
      return np.tanh(x.ref);
    case "sigmoid":
      return nn.sigmoid(x.ref);
  }
}

const network: Model = (s, w, { images, targets }) => {
  const values = [images as np.Array];
  for (const operation of JSON.parse(s.operations as string) as Operation[]) {
    const inputs = operation.inputs.map((i) => values[i]) as [np.Array, np.Array?];
    values.push(
      applied(
        operation,
        inputs,
        (operation.weights ?? []).map((name) => get(w, name)),
      ),
    );
  }
  const result = values.at(-1) as np.Array;
  return s.regression ? np.mean(np.square(sub(result, targets as np.Array))) : classify(result, targets);
};

const models: Record<Loaded["model"], Model> = { recurrence, mlp, language, transformer, bag, product, network };

/** What an optimizer keeps: Adam two moments of each weight, and the powers of its two rates. */
type State = { first: Arrays; second: Arrays; powers: np.Array[] };

const eachWeight = (weights: Arrays, value: (name: string) => np.Array): Arrays =>
  Object.fromEntries(Object.keys(weights).map((name) => [name, value(name)]));

function updated(update: NonNullable<Loaded["update"]>, weights: Arrays, gradients: Arrays, state: State): [Arrays, State] {
  const gradient = (name: string) => get(gradients, name);
  if (update.type === "sgd") {
    const { learningRate, clipNorm } = update;
    const squares = Object.values(gradients).map((g) => np.square(g.ref).sum());
    const norm = np.sqrt(squares.reduce((a, b) => a.add(b)));
    const scaled = (g: np.Array) => (clipNorm ? g.ref.mul(clipNorm).div(np.maximum(norm.ref, clipNorm)) : g.ref);
    return [eachWeight(weights, (name) => sub(get(weights, name), scaled(gradient(name)).mul(learningRate))), state];
  }
  const powers = state.powers.map((power, i) => mul(power, i === 0 ? 0.9 : 0.999)) as [np.Array, np.Array];
  const [first, second] = powers.map((power) => mul(power, -1).add(1)) as [np.Array, np.Array];
  const m = eachWeight(weights, (name) => mul(get(state.first, name), 0.9).add(mul(gradient(name), 0.1)));
  const v = eachWeight(weights, (name) => mul(get(state.second, name), 0.999).add(np.square(gradient(name).ref).mul(0.001)));
  const change = (name: string) =>
    get(m, name)
      .ref.div(first.ref)
      .mul(update.learningRate)
      .div(np.sqrt(get(v, name).ref.div(second.ref)).add(1e-8));
  return [eachWeight(weights, (name) => sub(get(weights, name), change(name))), { first: m, second: v, powers }];
}

async function prepare({ model, settings, update, weights, batches }: Loaded): Promise<Ready> {
  const toArray = ({ shape, data }: Entry) => np.array(data as Float32Array<ArrayBuffer>).reshape([...shape]);
  const names = [...weights.keys()];
  let values: Arrays = Object.fromEntries([...weights].map(([name, numbers]) => [name, toArray(numbers)]));
  const zeros = () => eachWeight(values, (name) => np.zeros(get(values, name).shape));
  let state: State =
    update?.type === "adam"
      ? { first: zeros(), second: zeros(), powers: [np.array(1), np.array(1)] }
      : { first: {}, second: {}, powers: [] };
  const loaded = batches.map((batch): Arrays => Object.fromEntries(Object.entries(batch).map(([name, each]) => [name, toArray(each)])));
  const forward = models[model];
  const infer = jit((weights: Arrays, batch: Arrays) => forward(settings, weights, batch));
  const differentiate = jit((weights: Arrays, batch: Arrays) => {
    const [loss, gradients] = valueAndGrad((weights: Arrays) => forward(settings, weights, batch))(weights);
    return { loss, gradients: gradients as Arrays };
  });
  const change = jit((weights: Arrays, gradients: Arrays, state: State) => {
    const [next, kept] = updated(update as NonNullable<typeof update>, weights, gradients, state);
    return { next, kept };
  });
  const withRows = (weights: Arrays, { ids }: Arrays): Arrays =>
    ids ? { ...tree.ref(weights), embedding: np.take(get(weights, "embedding").ref, ids.ref, 0) } : tree.ref(weights);
  const train = (batch: Arrays): np.Array => {
    const { loss, gradients } = differentiate(withRows(values, batch), tree.ref(batch));
    const { ids } = batch;
    if (ids) {
      const [rows, back] = vjp((table: np.Array) => np.take(table, ids.ref, 0), [get(values, "embedding").ref]);
      [gradients.embedding] = back(get(gradients, "embedding")) as [np.Array];
      rows.dispose();
      back.dispose();
    }
    const { next, kept } = change(values, gradients, state);
    [values, state] = [next, kept];
    return loss;
  };
  let done = 0;
  return {
    async run(steps) {
      let result: np.Array | undefined;
      for (let i = 0; i < steps; i++) {
        result?.dispose();
        const batch = loaded[done++ % loaded.length] as Arrays;
        result = update ? train(batch) : infer(withRows(values, batch), tree.ref(batch));
        // It does not compute what is never read.
        if (!update) await blockUntilReady(result);
      }
      await blockUntilReady(values);
      const numbers = (await (result as np.Array).data()) as Float32Array;
      return update ? (numbers[0] as number) : numbers;
    },
    weights: async () => Promise.all(names.map(async (name) => (await get(values, name).ref.data()) as Float32Array)),
    async dispose() {
      tree.dispose(values);
      tree.dispose(state as never);
      for (const batch of loaded) tree.dispose(batch);
      for (const compiled of [infer, differentiate, change]) compiled.dispose();
    },
  };
}

await init();
defaultDevice("wasm");
const { version } = createRequire(import.meta.url)("../node_modules/@jax-js/jax/package.json") as { version: string };
serve({
  versions: { "jax-js": version, Node: process.versions.node },
  prepare,
});

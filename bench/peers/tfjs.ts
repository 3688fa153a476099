/** TensorFlow.js with its own optimizers, by the backend named: `wasm` or `cpu`. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import type { Scalar, Tensor, Variable } from "@tensorflow/tfjs-core";
import type { Entry } from "../cases/case.js";
import type { Operation } from "../cases/network.js";
import { type Loaded, type Ready, serve } from "./protocol.js";

// Its packages are CommonJS for Node.
const require = createRequire(import.meta.url);
const tf = require("@tensorflow/tfjs-core") as typeof import("@tensorflow/tfjs-core");
require("@tensorflow/tfjs-core/dist/register_all_gradients.js");
const backend = process.argv[2] as "wasm" | "cpu";

type Arrays = Readonly<Record<string, Tensor>>;
type Settings = Loaded["settings"];
type Model = (settings: Settings, weights: Arrays, batch: Arrays) => Tensor;

/** `x Wᵀ + b` over the last axis, as one product of matrices. */
function linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
  const rows = tf.matMul(tf.reshape(x, [-1, x.shape.at(-1) as number]) as never, weight as never, false, true);
  return tf.reshape(bias ? tf.add(rows, bias) : rows, [...x.shape.slice(0, -1), weight.shape[0] as number]);
}

/** Rows of a table. TensorFlow.js's own gradient compares the ids with every row of the table; this one adds up the rows that are there. */
function lookUp(table: Tensor, ids: Tensor): Tensor {
  const look = tf.customGrad((...[x]) => ({
    value: tf.gather(x as Tensor, ids),
    gradFunc: (dy: Tensor) =>
      tf.scatterND(tf.reshape(ids, [-1, 1]), tf.reshape(dy, [-1, table.shape[1] as number]), table.shape as [number, number]),
  }));
  return look(table);
}

/** The cross entropy of targets that may be -1, which count for nothing; without targets the logits. */
function classify(logits: Tensor, targets: Tensor | undefined): Tensor {
  if (!targets) return logits;
  const classes = logits.shape.at(-1) as number;
  // Converted afterwards: the wasm backend's own float32 result holds the bits of integers.
  const hot = tf.cast(tf.oneHot(tf.reshape(targets, [-1]) as never, classes), "float32");
  const logarithms = tf.logSoftmax(tf.reshape(logits, [-1, classes]));
  return tf.neg(tf.div(tf.sum(tf.mul(logarithms, hot)), tf.sum(hot)));
}

const recurrence: Model = (s, w, { inputs, targets }) => {
  const activate = s.activation === "sigmoid" ? tf.sigmoid : tf.tanh;
  let state: Tensor = tf.zeros([1, w.hidden?.shape[0] as number]);
  const states = tf.unstack(inputs as Tensor).map((x) => {
    state = activate(tf.add(linear(x, w.input as Tensor), linear(state, w.hidden as Tensor)));
    return state;
  });
  const predicted = s.everyStep ? tf.sigmoid(linear(tf.stack(states), w.output as Tensor)) : linear(state, w.output as Tensor);
  return tf.mul(tf.sum(tf.square(tf.sub(predicted, targets as Tensor))), 0.5);
};

const mlp: Model = (s, w, { images, targets }) => {
  let x = images as Tensor;
  for (let i = 0; i < (s.layers as number); i++) {
    x = linear(x, w[`${i}.weight`] as Tensor, w[`${i}.bias`]);
    if (i < (s.layers as number) - 1) x = tf.relu(x);
  }
  return classify(x, targets);
};

type Step = (hiddenWeight: Tensor, hiddenBias: Tensor, state: readonly Tensor[], projected: Tensor) => Tensor[];

const lstmStep: Step = (hiddenWeight, _, [h, c], projected) => {
  const gates = tf.split(tf.add(projected, linear(h as Tensor, hiddenWeight)), 4, 1);
  const [i, f, g, o] = gates as [Tensor, Tensor, Tensor, Tensor];
  const next = tf.add(tf.mul(tf.sigmoid(f), c as Tensor), tf.mul(tf.sigmoid(i), tf.tanh(g)));
  return [tf.mul(tf.sigmoid(o), tf.tanh(next)), next];
};

const gruStep: Step = (hiddenWeight, hiddenBias, [h], projected) => {
  const [r, z, n] = tf.split(linear(h as Tensor, hiddenWeight, hiddenBias), 3, 1) as [Tensor, Tensor, Tensor];
  const [ri, zi, ni] = tf.split(projected, 3, 1) as [Tensor, Tensor, Tensor];
  const candidate = tf.tanh(tf.add(ni, tf.mul(tf.sigmoid(tf.add(ri, r)), n)));
  return [tf.add(candidate, tf.mul(tf.sigmoid(tf.add(zi, z)), tf.sub(h as Tensor, candidate)))];
};

/** One cell over all steps: `[time, batch, size]` to `[time, batch, hidden]`. */
function direction(s: Settings, w: Arrays, prefix: string, x: Tensor, lengths: Tensor | undefined, reverse: boolean): Tensor {
  const lstm = s.cell === "lstm";
  const step = lstm ? lstmStep : gruStep;
  const weight = (name: string) => w[prefix + name] as Tensor;
  const bias = lstm ? tf.add(weight("biasInput"), weight("biasHidden")) : weight("biasInput");
  const projected = tf.unstack(linear(x, weight("input"), bias));
  let state: Tensor[] = Array.from({ length: lstm ? 2 : 1 }, () => tf.zeros([x.shape[1] as number, s.hidden as number]));
  const outputs: Tensor[] = [];
  for (const t of reverse ? [...projected.keys()].reverse() : projected.keys()) {
    const after = step(weight("hidden"), weight("biasHidden"), state, projected[t] as Tensor);
    // Past a sequence's end its state stays.
    const within = lengths && tf.expandDims(tf.greater(lengths, t), 1);
    const before = state;
    state = within ? after.map((part, i) => tf.where(within, part, before[i] as Tensor)) : after;
    outputs[t] = state[0] as Tensor;
  }
  return tf.stack(outputs);
}

const language: Model = (s, w, { ids, targets, lengths }) => {
  let x = lookUp(w.embedding as Tensor, ids as Tensor);
  for (let layer = 0; layer < (s.layers as number); layer++) {
    const outputs = [direction(s, w, `${layer}.`, x, lengths, false)];
    if (s.bidirectional) outputs.push(direction(s, w, `${layer}.reverse.`, x, lengths, true));
    x = outputs.length > 1 ? tf.concat(outputs, 2) : (outputs[0] as Tensor);
  }
  return tf.mul(classify(linear(x, w.output as Tensor, w.bias), targets), s.lossScale as number);
};

function layerNorm(x: Tensor, scale: Tensor, shift: Tensor): Tensor {
  const centred = tf.sub(x, tf.mean(x, -1, true));
  const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), -1, true), 1e-5));
  return tf.add(tf.mul(tf.div(centred, deviation), scale), shift);
}

const transformer: Model = (s, w, { ids, targets }) => {
  let x = tf.add(lookUp(w.embedding as Tensor, ids as Tensor), w.position as Tensor);
  const [batch, tokens, width] = x.shape as [number, number, number];
  const heads = s.heads as number;
  for (let i = 0; i < (s.layers as number); i++) {
    const weight = (name: string) => w[`${i}.${name}`] as Tensor;
    const part = (input: Tensor, name: string) => linear(input, weight(name), weight(`${name}Bias`));
    const [q, k, v] = tf
      .split(part(x, "projection"), 3, 2)
      .map((each) => tf.transpose(tf.reshape(each, [batch, tokens, heads, width / heads]), [0, 2, 1, 3])) as [Tensor, Tensor, Tensor];
    const weights = tf.softmax(tf.mul(tf.matMul(q, k, false, true), Math.sqrt(heads / width)));
    const mixed = tf.reshape(tf.transpose(tf.matMul(weights, v), [0, 2, 1, 3]), [batch, tokens, width]);
    x = layerNorm(tf.add(x, part(mixed, "attended")), weight("scale1"), weight("shift1"));
    x = layerNorm(tf.add(x, part(tf.relu(part(x, "widen")), "narrow")), weight("scale2"), weight("shift2"));
  }
  return classify(linear(x, w.output as Tensor, w.bias), targets);
};

const bag: Model = (_, w, { ids, targets }) =>
  classify(linear(tf.mean(lookUp(w.embedding as Tensor, ids as Tensor), 1), w.output as Tensor, w.bias), targets);

const product: Model = (_, w, { x }) => tf.matMul(x as never, w.weight as never);

const channelsLast = (x: Tensor): Tensor => tf.transpose(x, [0, ...[...x.shape.keys()].slice(2), 1]);
const channelsFirst = (x: Tensor): Tensor => tf.transpose(x, [0, x.rank - 1, ...[...x.shape.keys()].slice(1, -1)]);

/** An operation of a network of convolutions. In TensorFlow.js channels come last. */
function applied(o: Operation, [x, other]: readonly [Tensor, Tensor?], weights: readonly Tensor[]): Tensor {
  const { op, kernel = 1, stride = 1, padding = [0, 0], dilation = 1, groups = 1 } = o;
  const [weight, second, ...statistics] = weights as [Tensor, Tensor, ...Tensor[]];
  const around = [[0, 0], [...padding], [...padding], [0, 0]] as never;
  switch (op) {
    case "conv": {
      const made =
        x.rank === 3
          ? tf.conv1d(tf.pad(x, [[0, 0], [...padding], [0, 0]]) as never, weight as never, stride, "valid", "NWC", dilation)
          : groups > 1
            ? tf.depthwiseConv2d(
                x as never,
                tf.reshape(weight, [...weight.shape.slice(0, 2), groups, 1]) as never,
                stride,
                around,
                "NHWC",
                dilation,
              )
            : tf.conv2d(x as never, weight as never, stride, around, "NHWC", dilation);
      return second ? tf.add(made, second) : made;
    }
    case "convTranspose": {
      const [batch, height, width] = x.shape as [number, number, number];
      const shape = [batch, height * stride, width * stride, weight.shape[2] as number];
      return tf.conv2dTranspose(x as never, weight as never, shape as never, stride, "valid");
    }
    case "norm": {
      const { mean, variance } = tf.moments(x, [...x.shape.keys()].slice(0, -1));
      return tf.batchNorm(
        x,
        (statistics[0] ?? mean) as never,
        (statistics[1] ?? variance) as never,
        second as never,
        weight as never,
        1e-5,
      );
    }
    case "maxPool":
      return tf.maxPool(x as never, kernel, stride, padding[0] === 0 ? "valid" : padding[0]);
    case "averagePool":
      return tf.avgPool(x as never, kernel, stride, "valid");
    case "mean":
      return tf.mean(x, [...x.shape.keys()].slice(1, -1));
    case "flatten":
      return tf.reshape(channelsFirst(x), [x.shape[0] as number, -1]);
    case "linear":
      return linear(x, weight, second);
    case "concat":
      return tf.concat([x, other as Tensor], -1);
    case "add":
      return tf.add(x, other as Tensor);
    case "multiply":
      return tf.mul(x, other as Tensor);
    case "relu":
    case "tanh":
    case "sigmoid":
      return tf[op](x);
  }
}

const network: Model = (s, w, { images, targets }) => {
  const values = [channelsLast(images as Tensor)];
  for (const operation of JSON.parse(s.operations as string) as Operation[]) {
    const inputs = operation.inputs.map((i) => values[i]) as [Tensor, Tensor?];
    values.push(
      applied(
        operation,
        inputs,
        (operation.weights ?? []).map((name) => w[name] as Tensor),
      ),
    );
  }
  const result = values.at(-1) as Tensor;
  return s.regression ? tf.mean(tf.square(tf.sub(channelsFirst(result), targets as Tensor))) : classify(result, targets);
};

/** Kernels `[outputs, inputs, ...places]` as TensorFlow.js has them, `[...places, inputs, outputs]`, and back. */
const ownLayout = (x: Tensor): Tensor => (x.rank > 2 ? tf.transpose(x, x.rank === 4 ? [2, 3, 1, 0] : [2, 1, 0]) : x);
const givenLayout = (x: Tensor): Tensor => (x.rank > 2 ? tf.transpose(x, x.rank === 4 ? [3, 2, 0, 1] : [2, 1, 0]) : x);

const models: Record<Loaded["model"], Model> = { recurrence, mlp, language, transformer, bag, product, network };

async function prepare({ model, settings, update, weights, batches }: Loaded): Promise<Ready> {
  tf.disposeVariables();
  const toTensor = ({ shape, data }: Entry) => tf.tensor(data, [...shape], data instanceof Int32Array ? "int32" : "float32");
  const variables: Variable[] = [...weights.values()].map((numbers) => tf.variable(ownLayout(toTensor(numbers))));
  const named = Object.fromEntries([...weights.keys()].map((name, i) => [name, variables[i] as Tensor]));
  const tensors = batches.map((batch) => Object.fromEntries(Object.entries(batch).map(([name, each]) => [name, toTensor(each)])));
  const optimizer =
    update?.type === "adam" ? tf.train.adam(update.learningRate, 0.9, 0.999, 1e-8) : update && tf.train.sgd(update.learningRate);
  const clipNorm = update?.type === "sgd" ? update.clipNorm : undefined;
  const train = (batch: Arrays): Tensor => {
    const { value, grads } = tf.variableGrads(() => models[model](settings, named, batch) as Scalar, variables);
    if (clipNorm) {
      const norm = tf.sqrt(tf.addN(Object.values(grads).map((g) => tf.sum(tf.square(g)))));
      const scale = tf.div(clipNorm, tf.maximum(norm, clipNorm));
      for (const name of Object.keys(grads)) grads[name] = tf.mul(grads[name] as Tensor, scale);
    }
    optimizer?.applyGradients(grads);
    return value;
  };
  let done = 0;
  return {
    async run(steps) {
      let result: Tensor | undefined;
      for (let i = 0; i < steps; i++) {
        result?.dispose();
        const batch = tensors[done++ % tensors.length] as Arrays;
        result = tf.tidy(() => (optimizer ? train(batch) : models[model](settings, named, batch)));
      }
      const values = (await result?.data()) as Float32Array;
      result?.dispose();
      return optimizer ? (values[0] as number) : values;
    },
    weights: async () => Promise.all(variables.map(async (variable) => (await givenLayout(variable).data()) as Float32Array)),
    async dispose() {
      for (const batch of tensors) tf.dispose(batch);
      optimizer?.dispose();
      tf.disposeVariables();
    },
  };
}

if (backend === "wasm") {
  const wasm = require("@tensorflow/tfjs-backend-wasm") as typeof import("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(`${dirname(require.resolve("@tensorflow/tfjs-backend-wasm"))}/`);
} else require("@tensorflow/tfjs-backend-cpu");
await tf.setBackend(backend);
await tf.ready();
serve({
  versions: { "TensorFlow.js": tf.version_core, Node: process.versions.node },
  prepare,
});

/** Kasane as an experiment uses it: modules, an optimizer, one compiled step. With `--single` every step is a call of its own. */
import { readFileSync } from "node:fs";
import {
  averagePool,
  batchNorm,
  compile,
  concat,
  conv,
  convTranspose,
  crossEntropy,
  maxPool,
  meanSquaredError,
  nn,
  optim,
  type Tensor,
  tensor,
  Variable,
  zeros,
} from "kasane";
import { profile } from "kasane/node";
import type { Entry, Update } from "../cases/case.js";
import type { Operation } from "../cases/network.js";
import { type Loaded, type Ready, serve, threads } from "./protocol.js";

type Batch = Readonly<Record<string, Tensor>>;

/** A model of the cases. */
abstract class Model extends nn.Module {
  /** The loss, or of a batch without targets the outputs. */
  abstract override forward(batch: Batch): Tensor;

  /** In the order of the case's weights. */
  variables(): Variable[] {
    return [...this.namedVariables().values()];
  }
}

/** The cross entropy of targets that may be -1, which count for nothing; without targets the logits. */
const classify = (logits: Tensor, targets: Tensor | undefined, ignoreIndex?: number): Tensor =>
  targets ? crossEntropy(logits, targets, { ignoreIndex }) : logits;

const lengthOf = ({ weights }: Loaded, name: string, axis: number): number => (weights.get(name) as Entry).shape[axis] as number;

class Recurrence extends Model {
  readonly recurrent: nn.Rnn;
  readonly output: nn.Linear;

  constructor(private readonly problem: Loaded) {
    super();
    const hidden = lengthOf(problem, "input", 0);
    const activation = problem.settings.activation as "sigmoid" | "tanh";
    this.recurrent = new nn.Rnn(lengthOf(problem, "input", 1), hidden, { activation, bias: false });
    this.output = new nn.Linear(hidden, 1, { bias: false });
  }

  override forward({ inputs, targets }: Batch): Tensor {
    const { outputs, state } = this.recurrent.forward(inputs as Tensor);
    const predicted = this.problem.settings.everyStep
      ? this.output.forward(outputs).sigmoid()
      : this.output.forward(state.hidden.reshape([-1, this.recurrent.hiddenSize]));
    return meanSquaredError(predicted, targets as Tensor, { reduction: "sum" }).mul(0.5);
  }
}

class Mlp extends Model {
  readonly layers: readonly nn.Linear[];

  constructor(problem: Loaded) {
    super();
    const sizes = (i: number) => [1, 0].map((axis) => lengthOf(problem, `${i}.weight`, axis)) as [number, number];
    this.layers = Array.from({ length: problem.settings.layers as number }, (_, i) => new nn.Linear(...sizes(i)));
  }

  override forward({ images, targets }: Batch): Tensor {
    const last = this.layers.length - 1;
    const forward = (x: Tensor, layer: nn.Linear, i: number) => (i < last ? layer.forward(x).relu() : layer.forward(x));
    return classify(this.layers.reduce(forward, images as Tensor), targets);
  }
}

class Language extends Model {
  readonly embedding: nn.Embedding;
  readonly recurrent: nn.Lstm | nn.Gru;
  readonly output: nn.Linear;

  constructor(private readonly problem: Loaded) {
    super();
    const { cell, bidirectional, ...sizes } = problem.settings as { cell: "lstm" | "gru"; bidirectional: boolean };
    const { hidden, layers, vocabulary, classes } = sizes as Readonly<Record<"hidden" | "layers" | "vocabulary" | "classes", number>>;
    const Recurrent = { lstm: nn.Lstm, gru: nn.Gru }[cell];
    this.embedding = new nn.Embedding(vocabulary, hidden);
    this.recurrent = new Recurrent(hidden, hidden, { layers, bidirectional });
    this.output = new nn.Linear(lengthOf(problem, "output", 1), classes);
  }

  override forward({ ids, targets, lengths }: Batch): Tensor {
    const { outputs } = this.recurrent.forward(this.embedding.forward(ids as Tensor), { lengths });
    const result = classify(this.output.forward(outputs), targets, lengths && -1);
    const { lossScale } = this.problem.settings;
    return lossScale === 1 ? result : result.mul(lossScale as number);
  }
}

class Transformer extends Model {
  readonly embedding: nn.Embedding;
  readonly position: Variable;
  readonly encoder: nn.TransformerEncoder;
  readonly output: nn.Linear;

  constructor(problem: Loaded) {
    super();
    const { heads, layers, inner } = problem.settings as { heads: number; layers: number; inner: number };
    const [vocabulary, width] = [0, 1].map((axis) => lengthOf(problem, "embedding", axis)) as [number, number];
    this.embedding = new nn.Embedding(vocabulary, width);
    this.position = new Variable(zeros([lengthOf(problem, "position", 0), width], "float32"));
    this.encoder = new nn.TransformerEncoder(width, { layers, heads, innerSize: inner });
    this.output = new nn.Linear(width, vocabulary);
  }

  override forward({ ids, targets }: Batch): Tensor {
    const first = this.embedding.forward(ids as Tensor).add(this.position);
    return classify(this.output.forward(this.encoder.forward(first).output), targets);
  }

  /** In PyTorch attention comes first. */
  override variables(): Variable[] {
    const layers = this.encoder.layers.flatMap(({ selfAttention, feedForward, norms }) => [
      ...[selfAttention.inputWeight as Variable, selfAttention.inputBias as Variable],
      ...[selfAttention.output, feedForward.inner, feedForward.outer, ...norms].flatMap((module) => [...module.namedVariables().values()]),
    ]);
    return [this.embedding.weight, this.position, ...layers, this.output.weight, this.output.bias as Variable];
  }
}

class Bag extends Model {
  readonly embedding: nn.Embedding;
  readonly output: nn.Linear;

  constructor(problem: Loaded) {
    super();
    const [vocabulary, width] = [0, 1].map((axis) => lengthOf(problem, "embedding", axis)) as [number, number];
    this.embedding = new nn.Embedding(vocabulary, width);
    this.output = new nn.Linear(width, lengthOf(problem, "output", 0));
  }

  override forward({ ids, targets }: Batch): Tensor {
    return classify(this.output.forward(this.embedding.forward(ids as Tensor).mean({ axis: 1 })), targets);
  }
}

class Product extends Model {
  readonly weight: Variable;

  constructor(problem: Loaded) {
    super();
    this.weight = new Variable(zeros((problem.weights.get("weight") as Entry).shape, "float32"));
  }

  override forward({ x }: Batch): Tensor {
    return (x as Tensor).matmul(this.weight);
  }
}

/** A network of convolutions, by the operations that the case lists. */
class Network extends Model {
  private readonly tensors: ReadonlyMap<string, Variable>;

  constructor(private readonly problem: Loaded) {
    super();
    this.tensors = new Map([...problem.weights].map(([name, { shape }]) => [name, new Variable(zeros(shape, "float32"))]));
  }

  override variables(): Variable[] {
    return [...this.tensors.values()];
  }

  override forward({ images, targets }: Batch): Tensor {
    const values: Tensor[] = [images as Tensor];
    for (const operation of JSON.parse(this.problem.settings.operations as string) as Operation[])
      values.push(this.apply(operation, values));
    const result = values.at(-1) as Tensor;
    return this.problem.settings.regression && targets ? meanSquaredError(result, targets) : classify(result, targets);
  }

  private apply(
    { op, inputs, weights = [], kernel = 1, stride = 1, padding = [0, 0], dilation, groups }: Operation,
    values: readonly Tensor[],
  ): Tensor {
    const [x, other] = inputs.map((i) => values[i]) as [Tensor, Tensor];
    const [weight, bias, mean, variance] = weights.map((name) => this.tensors.get(name)) as [Variable, ...(Variable | undefined)[]];
    const around = new Array<readonly [number, number]>(x.rank - 2).fill(padding);
    switch (op) {
      case "conv":
        return conv(x, weight, { bias, stride, padding: around, dilation, groups });
      case "convTranspose":
        return convTranspose(x, weight, { stride });
      case "norm":
        return batchNorm(x, { weight, bias, mean, variance });
      case "maxPool":
        return maxPool(x, kernel, { stride, padding: padding[0] });
      case "averagePool":
        return averagePool(x, kernel, { stride });
      case "mean":
        return x.mean({ axis: [...x.shape.keys()].slice(2) });
      case "flatten":
        return x.reshape([x.shape[0] as number, -1]);
      case "linear":
        return x.matmul(weight.transpose()).add(bias as Variable);
      case "concat":
        return concat([x, other], { axis: 1 });
      case "add":
        return x.add(other);
      case "multiply":
        return x.mul(other);
      case "relu":
        return x.relu();
      case "tanh":
        return x.tanh();
      case "sigmoid":
        return x.sigmoid();
    }
  }
}

const models = {
  recurrence: Recurrence,
  mlp: Mlp,
  language: Language,
  transformer: Transformer,
  bag: Bag,
  product: Product,
  network: Network,
};

const optimizerOf = (model: Model, { learningRate, ...update }: Update): optim.Optimizer =>
  update.type === "adam"
    ? new optim.Adam(model.variables(), { learningRate })
    : new optim.Sgd(model.variables(), { learningRate, clipGlobalNorm: update.clipNorm });

/** By default Kasane takes all cores, where it takes more than one. */
const allCores = process.env.BENCH_ALL_CORES === "1";
const single = process.argv.includes("--single");

async function prepare(problem: Loaded): Promise<Ready> {
  const model = new models[problem.model](problem);
  const variables = model.variables();
  const given = [...problem.weights.values()];
  await Promise.all(variables.map((variable, i) => variable.assign(toTensor(given[i] as Entry))));
  const { update } = problem;
  const optimizer = update && optimizerOf(model, update);
  const step = compile(
    (batch: Batch) => {
      const result = model.forward(batch);
      optimizer?.minimize(result);
      return result;
    },
    { training: update !== undefined, threads: allCores ? undefined : threads },
  );
  const together = problem.together > 1 && !single;
  const tensors = (batch: Readonly<Record<string, Entry>>): Batch =>
    Object.fromEntries(Object.entries(batch).map(([name, numbers]) => [name, toTensor(numbers)]));
  const calls = together ? [tensors(problem.batch)] : problem.batches.map(tensors);
  let call = 0;
  return {
    async run(steps) {
      let last: Tensor | undefined;
      for (let done = 0; done < steps; done += together ? problem.together : 1) {
        const batch = calls[call++ % calls.length] as Batch;
        last = await (together ? step.many(batch) : step(batch));
      }
      const values = (await last?.data()) as Float32Array;
      return update ? (values.at(-1) as number) : values;
    },
    weights: async () => Promise.all(variables.map(async (variable) => (await variable.data()) as Float32Array)),
    profile: async () => String(await profile(step, tensors(problem.batches[0] as Loaded["batches"][number]))),
    dispose: () => step.dispose(),
  };
}

const toTensor = ({ shape, data }: Entry): Tensor => tensor(data, { shape });

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
serve({ versions: { Kasane: version, Node: process.versions.node }, prepare });

import { check, compile, type Device, data, KasaneError, nn, optim, type Tensor, tensor } from "kasane";
import type { Context } from "../context.js";
import { Classifier, type ClassifierParts, featuresOf, Head } from "./classifier.js";
import { classIndices } from "./parts.js";
import type { Example, Inputs, Labelled, Reading } from "./reading.js";

/** What is trained: the head alone, the head and products of low rank that are added to the weights (LoRA), or all. */
export const methods = ["head", "lora", "full"] as const;
export type Method = (typeof methods)[number];

/** Settings of {@link tune}. */
export interface TuneOptions {
  readonly method: Method;
  readonly epochs: number;
  readonly batchSize: number;
  /** Of the model's weights; of the head where it is trained alone. */
  readonly learningRate: number;
  /** The head's rate beside them, as a multiple. */
  readonly headRate: number;
  readonly weightDecay: number;
  readonly rank: number;
  readonly alpha: number;
}

/** Lengths that batches are padded to: a graph is compiled for each. */
const lengthCount = 5;
/** Examples whose features are computed together. */
const featureBatch = 32;
/** Examples from which the head's means and deviations are computed where not all features are needed. */
const momentExamples = 512;

/** What is learnt, and how its batches are made. */
interface Learner {
  readonly module: nn.Module;
  logits(inputs: Inputs): Tensor;
  readonly reading: Pick<Reading, "batch" | "lengthsOf" | "doubt">;
}

/** Vectors in place of what they are the features of. */
const vectors: Learner["reading"] = {
  lengthsOf: () => [],
  batch: (examples) => {
    const width = examples[0]?.length ?? 0;
    const elements = new Float32Array(examples.length * width);
    examples.forEach((example, row) => elements.set(example, row * width));
    return { features: tensor(elements, { shape: [examples.length, width] }) };
  },
};

/** Examples in batches of like lengths; without a seed in their order within those of a length. */
const bucketed = (
  examples: readonly Example[],
  reading: Learner["reading"],
  buckets: readonly data.PaddedLengths[],
  options: Omit<data.BucketOptions, "buckets">,
) => data.bucketedBatches(examples.map(reading.lengthsOf), { ...options, buckets });

const bucketsOf = (examples: readonly Example[], { lengthsOf }: Learner["reading"]) =>
  data.lengthBuckets(examples.map(lengthsOf), lengthCount);

/** Computes a row for each example of what `compute` gives for a batch, `[batch, width]`. */
export type Rows = (examples: readonly Example[]) => Promise<Float32Array[]>;

/** {@link Rows} of a function. */
export function rowsOf(compute: (inputs: Inputs) => Tensor, reading: Learner["reading"], device: Device): Rows {
  const compiled = compile(compute, { device });
  const inDoubt = (error: unknown): never => {
    throw error instanceof KasaneError && reading.doubt ? new KasaneError(`${error.message}: ${reading.doubt}`) : error;
  };
  return async (examples) => {
    const rows: Float32Array[] = new Array(examples.length);
    if (examples.length === 0) return rows;
    for (const { places, padded } of bucketed(examples, reading, bucketsOf(examples, reading), { batchSize: featureBatch })) {
      const batch = Array.from(places, (place) => examples[place] as Example);
      const values = (await (await compiled(reading.batch(batch, padded)).catch(inDoubt)).data()) as Float32Array;
      const width = values.length / places.length;
      places.forEach((place, row) => {
        rows[place] = values.slice(row * width, (row + 1) * width);
      });
    }
    return rows;
  };
}

/** What {@link tune} gives. */
export interface Tuned {
  /** A batch of the reading to logits, with the best weights. */
  logits(inputs: Inputs): Tensor;
  /** The logits of other examples. */
  judge(examples: readonly Example[]): Promise<Float32Array[]>;
  /** Those of the validation examples. */
  readonly validation: readonly Float32Array[];
  /** How many elements were trained. */
  readonly trained: number;
}

/**
 * Trains a model of a file, with a new head, on labelled examples, and keeps the weights that are best on the validation examples.
 * @param names of the classes
 * @param beforeTraining is called with the model that will be trained, such as to try whether it can be written
 */
export async function tune(
  context: Context,
  parts: ClassifierParts,
  { train, validation }: { readonly train: Labelled; readonly validation: Labelled },
  names: readonly string[],
  options: TuneOptions,
  beforeTraining: (logits: Tuned["logits"]) => Promise<void> = async () => undefined,
): Promise<Tuned> {
  const { method, epochs, batchSize, learningRate, headRate, weightDecay } = options;
  const { device, seed } = context;
  const targets = { train: classIndices(names, train), validation: classIndices(names, validation) };
  const features = rowsOf((inputs) => featuresOf(parts, inputs), parts.reading, device);

  // Features of the model as it is: all that a head alone is trained on, and the scale of what any head is fed with.
  const isHead = method === "head";
  // Examples often come class by class: the scale is taken from some of all.
  const some = data.shuffledIndices(train.examples.length, seed, 0).slice(0, momentExamples);
  const known = await features(isHead ? train.examples : Array.from(some, (place) => train.examples[place] as Example));
  const classifier = new Classifier(parts, new Head(known, names.length));
  const examples = isHead
    ? { train: known, validation: await features(validation.examples) }
    : { train: train.examples, validation: validation.examples };
  const learner = learnerOf(classifier, parts, options);
  const logits = (inputs: Inputs) => (isHead ? classifier.forward(inputs) : learner.logits(inputs));
  await beforeTraining(logits);

  const buckets = bucketsOf(examples.train, learner.reading);
  const batchesOf = (epoch: number) => bucketed(examples.train, learner.reading, buckets, { batchSize, seed, epoch, dropLast: true });
  const perEpoch = batchesOf(0).length;
  check(perEpoch > 0, () => `${train.examples.length} examples to train on are no batch of ${batchSize}: lower --batch-size`);
  const optimizer = new optim.AdamW(learner.module, {
    learningRate: optim.warmUp(Math.ceil(perEpoch / 4), optim.cosine(learningRate, epochs * perEpoch)),
    weightDecay,
    clipGlobalNorm: 1,
    groups: isHead ? [] : [{ where: /^head\./, rateFactor: headRate }],
  });
  const step = compile(
    ({ inputs, target }: { inputs: Record<string, Tensor>; target: Tensor }) => {
      const loss = learner.logits(inputs).crossEntropy(target);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true, device },
  );
  const judge = rowsOf(learner.logits, learner.reading, device);

  await context.fit({
    state: { model: learner.module, optimizer },
    epochs,
    batches: batchesOf,
    step: async ({ places, padded }) => {
      const batch = Array.from(places, (place) => examples.train[place] as Example);
      return step({ inputs: learner.reading.batch(batch, padded), target: tensor(places.map((place) => targets.train[place] as number)) });
    },
    validate: async () => {
      const rows = await judge(examples.validation);
      return { accuracy: accuracyOf(rows, targets.validation), validationLoss: lossOf(rows, targets.validation) };
    },
    best: { metric: "accuracy", mode: "max", restore: true },
  });

  return {
    logits,
    judge: async (others) => judge(isHead ? await features(others) : others),
    validation: await judge(examples.validation),
    trained: learner.module.parameterCount(),
  };
}

function learnerOf(classifier: Classifier, { model, reading }: ClassifierParts, { method, rank, alpha }: TuneOptions): Learner {
  if (method === "head") {
    const { head } = classifier;
    return { module: head, logits: ({ features }) => head.forward(features as Tensor), reading: vectors };
  }
  if (method === "full") return { module: classifier, logits: (inputs) => classifier.forward(inputs), reading };
  check(model.factors.length > 0, () => "--method lora: the model has no products or convolutions by weights: use head or full");
  const targets = model.factors.map((name) => `model.${name}`);
  const adapted = nn.lora(classifier, { rank, alpha, targets, unfrozen: "head.*" });
  return { module: adapted, logits: (inputs) => adapted.forward(inputs), reading };
}

/** The index of the largest of some numbers. */
export const largest = (row: ArrayLike<number>): number => {
  let best = 0;
  for (let i = 1; i < row.length; i++) if ((row[i] as number) > (row[best] as number)) best = i;
  return best;
};

/** The share of rows of logits whose largest is the target's. */
export const accuracyOf = (rows: readonly Float32Array[], targets: ArrayLike<number>): number =>
  rows.filter((row, i) => largest(row) === targets[i]).length / rows.length;

/** The mean cross entropy of rows of logits, in nats. */
const lossOf = (rows: readonly Float32Array[], targets: ArrayLike<number>): number =>
  rows.reduce((sum, row, i) => sum - Math.log((probabilitiesOf(row)[targets[i] as number] as number) || Number.MIN_VALUE), 0) / rows.length;

/** The softmax of a row of logits. */
export function probabilitiesOf(row: Float32Array): number[] {
  const most = row.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const powers = Array.from(row, (value) => Math.exp(value - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

import { check, compile, data, metrics, optim, stack, type Tensor, tensor } from "kasane";
import { exportOnnx, train } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import type { Pictures } from "../generative/pictures.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import { averageOf, type Classifier, inputOf, judgeOf, logitsOf, plainView, type View } from "./classifier.js";
import { Hardest } from "./hardest.js";
import { type Judgement, judgementOf, reportMistakes } from "./mistakes.js";
import { oneCycle } from "./oneCycle.js";

/** How a classifier is trained. */
export interface Recipe {
  readonly epochs: number;
  readonly batchSize: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  /** The share of the pictures that the epochs in the middle learn from. */
  readonly hardest: number;
}

/** The options of a {@link Recipe}, of which a run keeps those that say which pictures each epoch learns from; `defaultsOf` says what each is where it is not given. */
export const recipeOptions = (defaultsOf: (name: keyof Recipe) => string) => {
  const described = <Option extends z.ZodNumber>(name: keyof Recipe, of: Option) =>
    of.optional().describe(`${of.description} ${defaultsOf(name)}`);
  return {
    epochs: option.fixed(described("epochs", option.epochs("the training pictures"))),
    batchSize: option.fixed(described("batchSize", option.batchSize("pictures"))),
    learningRate: described("learningRate", option.learningRate("gradient descent at its highest")),
    weightDecay: described("weightDecay", z.number().min(0).describe("share of the weights that is added to their gradients")),
    labelSmoothing: described("labelSmoothing", option.labelSmoothing()),
    hardest: option.fixed(
      described(
        "hardest",
        z
          .number()
          .min(0.2)
          .max(1)
          .describe(
            "share of the pictures, a random tenth of all and those of the greatest losses, that all but the first and the last epochs learn from",
          ),
      ),
    ),
  };
};

/** What is learnt from, and what the result is judged by. */
export interface Task {
  readonly classifier: Classifier;
  readonly classNames: readonly string[];
  readonly train: Pictures;
  readonly judged: Pictures;
  /** Whether `judged` was held out of the training pictures: then it is judged after each epoch too. */
  readonly isHeldOut: boolean;
  /** Whether each picture is mirrored in every other epoch, half of them in the first. */
  readonly mirrors: boolean;
  /** What else becomes of a picture in each epoch. */
  readonly transform: data.augment.Transform;
  /** What each picture is looked at as in the end. */
  readonly views: readonly View[];
}

interface Batch {
  readonly pixels: Tensor;
  readonly labels: Tensor;
}

/** A batch, with the indices of its pictures. */
interface PlacedBatch extends Batch {
  readonly places: Int32Array;
}

/** Trains a classifier, leaves the averages of its weights in it, says how good it is, and where it is wrong. */
export async function classify(context: Context, task: Task, recipe: Recipe): Promise<void> {
  const { classifier, train, isHeldOut, views } = task;
  const { epochs, batchSize, learningRate, weightDecay, labelSmoothing, hardest } = recipe;
  const { model } = classifier;
  const { device, seed } = context;

  // Data
  const pictures = data.augment.picturesOf(tensor(train.pixels, { shape: [train.count, train.height, train.width] }));
  const selection = new Hardest(train.count, { epochs, batchSize, share: hardest, seed });
  const perRecord = Math.floor((hardest * train.count) / batchSize);
  check(perRecord > 0, () => `--batch-size ${batchSize}: an epoch has ${Math.floor(hardest * train.count)} training pictures: lower it`);
  context.print(`${model.parameterCount()} parameters, ${train.count} pictures, ${selection.batches} steps`);

  // Step: weights decay, scales and shifts do not.
  const optimizer = new optim.Sgd(model, {
    learningRate: oneCycle(learningRate, selection.batches, 0.2),
    ...{ momentum: 0.9, nesterov: true, weightDecay },
    groups: [{ where: optim.isBiasOrNorm, weightDecay: 0 }],
  });
  const average = averageOf(classifier);
  const step = compile(
    ({ pixels, labels }: Batch) => {
      const each = model.memberLogits(inputOf(classifier, pixels));
      const losses = stack(each.map((logits) => logits.crossEntropy(labels, { labelSmoothing, reduction: "none" }))).mean({ axis: 0 });
      const loss = losses.mean();
      // Each member learns as it would alone.
      optimizer.minimize(loss.mul(each.length));
      average.update();
      return { loss, accuracy: stack(each.map((logits) => metrics.accuracy(logits, labels))).mean(), losses };
    },
    { training: true, device },
  );

  // Loop
  const judge = judgeOf(classifier, plainView, device, average);
  const { history, step: last } = await context.fit<PlacedBatch>({
    state: { model, optimizer, average, selection },
    // Epochs differ in length: how much is left is known of the steps.
    steps: selection.batches,
    *batches(epoch) {
      for (const places of selection.batchesOf(epoch)) yield { places, ...batchOf(task, pictures, places, { seed, epoch }) };
    },
    async step({ places, ...batch }) {
      const { losses, ...figures } = await step(batch);
      selection.see(places, (await losses.data()) as Float32Array);
      return figures;
    },
    work: { unit: "pictures", perStep: batchSize },
    recordEvery: perRecord,
    on: { record: (metrics) => context.print(lineOf(metrics, selection.batches)) },
    ...(isHeldOut ? { validate: async () => figuresOf(judgementOf(task.judged, await judge(task.judged))) } : {}),
  });
  await average.swap();

  // Report
  const plain = judgementOf(task.judged, await judgeOf(classifier, plainView, device)(task.judged));
  const judgement = judgementOf(task.judged, await judgeOf(classifier, views, device)(task.judged));
  const name = isHeldOut ? "held-out" : "test";
  context.print(
    `\n${name} pictures: ${percent(judgement.accuracy)} right by ${views.length} views of each, ${percent(plain.accuracy)} by one`,
    { event: name, accuracy: judgement.accuracy, plainAccuracy: plain.accuracy },
  );
  context.record(last, { [`${name} accuracy`]: judgement.accuracy, [`${name} accuracy by one view`]: plain.accuracy });
  await context.plot("accuracy", {
    title: "Pictures told rightly",
    xLabel: "steps",
    yLabel: "share",
    series: [
      seriesOf(history, "accuracy", "training, changed pictures"),
      ...(isHeldOut ? [seriesOf(history, "heldOutAccuracy", "held out")] : []),
    ],
  });
  await reportMistakes(context, task.judged, judgement, task.classNames);
  await exportOnnx(
    (pixels: Tensor) => ({ probabilities: logitsOf(classifier, pixels).softmax() }),
    { pixels: { shape: ["batch", 1, train.height, train.width] } },
    context.folder.file("classifier.onnx"),
  );
}

/** Pictures as they are in an epoch. */
function batchOf(
  { train, mirrors, transform }: Task,
  pictures: readonly data.augment.Picture[],
  places: Int32Array,
  { seed, epoch }: { readonly seed: number; readonly epoch: number },
): Batch {
  const samples = Array.from(places, (index) => {
    const sample = { picture: pictures[index] as data.augment.Picture };
    const turned = mirrors && (index + epoch) % 2 === 1 ? data.augment.turned(sample, 1) : sample;
    return transform(turned, data.augment.randomOf(seed, epoch, index)).picture;
  });
  return {
    pixels: data.augment.stackPictures(samples),
    labels: tensor(Int32Array.from(places, (index) => train.labels[index] as number)),
  };
}

const figuresOf = ({ accuracy, loss }: Judgement) => ({ heldOutAccuracy: accuracy, heldOutLoss: loss });

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

const lineOf = ({ step, ...figures }: train.Metrics, steps: number): string => `step ${step} of ${steps}: ${train.showFigures(figures)}`;

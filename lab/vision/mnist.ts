import { data, models } from "kasane";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { images, readPictures } from "../generative/pictureSources.js";
import * as option from "../options.js";
import { classify, type Recipe, recipeOptions, type Task } from "./classification.js";
import { movedViews, scaleOf } from "./classifier.js";
import { pictureFlags, pictureText, tell } from "./tell.js";

const recipe: Recipe = { epochs: 8, batchSize: 128, learningRate: 0.1, weightDecay: 0.0005, labelSmoothing: 0.1, hardest: 1 };

const schema = z.object({
  images: images().default("mnist"),
  ...recipeOptions((name) => `(default: ${recipe[name]})`),
  heldOut: option.heldOut(),
});

async function taskOf(context: PredictContext, options: z.output<typeof schema>): Promise<Task> {
  const { train, test, classNames } = await readPictures(context, options.images, options.heldOut);
  return {
    classifier: {
      model: new models.PooledResNet({ classes: classNames.length, imageChannels: 1, widths: [32, 64, 128], convolutions: [0, 1, 1] }),
      scale: scaleOf(train),
    },
    classNames,
    ...{ train, judged: test, isHeldOut: options.heldOut > 0 },
    mirrors: false,
    // As different as two people's hands: no 6 becomes a 9.
    transform: data.augment.randomAffine({
      ...{ degrees: 12, translate: [0.08, 0.08], scale: [0.88, 1.12], shearX: 10, interpolation: "bilinear" },
    }),
    views: movedViews,
  };
}

/** Reads handwritten digits. */
export const mnist = defineExperiment({
  name: "mnist",
  title: "MNIST: handwritten digits read by a small residual network in five minutes",
  chapter: "vision",
  options: schema,

  async run(context, given) {
    const options = { ...recipe, ...given };
    await context.folder.update({ options });
    await classify(context, await taskOf(context, options), options);
  },

  predict: {
    text: pictureText,
    options: pictureFlags,
    run: async (context, options, text, flags) => tell(context, await taskOf(context, options), text, flags),
  },
});

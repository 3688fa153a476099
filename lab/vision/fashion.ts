import { data, models } from "kasane";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import { defineExperiment } from "../experiment.js";
import { images, readPictures } from "../generative/pictureSources.js";
import * as option from "../options.js";
import { classify, type Recipe, recipeOptions, type Task } from "./classification.js";
import { mirroredToo, movedViews, scaleOf } from "./classifier.js";
import { pretrainedOptions, startFrom } from "./pretrained.js";
import { pictureFlags, pictureText, tell } from "./tell.js";

/** What a network is made for. */
interface Shown {
  readonly classes: number;
  readonly imageChannels: 1;
}

/** How a network is trained, and what becomes of its pictures. */
interface FashionRecipe extends Recipe {
  /** Pixels around a picture that a crop may reach into. */
  readonly padding: number;
  /** The probability that a rectangle of a picture is erased. */
  readonly erasing: number;
}

const recipe: FashionRecipe = {
  ...{ epochs: 20, batchSize: 128, learningRate: 0.1, weightDecay: 0.0005, labelSmoothing: 0.1 },
  // Half of the clothes are told without effort.
  ...{ hardest: 0.5, padding: 2, erasing: 0 },
};

interface Network {
  readonly make: (shown: Shown) => models.ImageClassifier;
  readonly recipe: FashionRecipe;
  /** Whether torchvision has weights for it. */
  readonly isPublished?: true;
}

/** The networks, each with the settings of its training. */
const networks = {
  resnet: {
    make: (shown: Shown) => new models.SmallResNet({ ...shown, depth: 20 }),
    recipe: { ...recipe, epochs: 70, erasing: 0.25 },
  },
  pooled: {
    make: (shown: Shown) => new models.PooledResNet({ ...shown, widths: [32, 64, 128] }),
    recipe: { ...recipe, epochs: 45, erasing: 0.25 },
  },
  small: {
    make: (shown: Shown) => new models.PooledResNet({ ...shown, widths: [32, 64, 128], convolutions: [0, 1, 1] }),
    recipe: { ...recipe, epochs: 12, padding: 1 },
  },
  mobilenet: {
    make: (shown: Shown) => new models.MobileNetV1({ ...shown, width: 0.5, firstStride: 1 }),
    recipe: { ...recipe, epochs: 30 },
  },
  "mobilenet-v2": { make: (shown: Shown) => new models.MobileNetV2({ ...shown, firstStride: 1 }), recipe, isPublished: true },
  resnet18: { make: (shown: Shown) => new models.ResNet({ ...shown, depth: 18 }), recipe, isPublished: true },
  densenet: {
    make: (shown: Shown) => new models.SmallDenseNet({ ...shown, depth: 40, growth: 12 }),
    recipe: { ...recipe, epochs: 30 },
  },
} satisfies Readonly<Record<string, Network>>;

type NetworkName = keyof typeof networks;

/** The network that a run learns, or an ensemble of several. */
function makeModel({ model, members }: { readonly model: NetworkName; readonly members: number }, classes: number): models.ImageClassifier {
  const each = Array.from({ length: members }, () => networks[model].make({ classes, imageChannels: 1 }));
  return members === 1 ? (each[0] as models.ImageClassifier) : new models.ClassifierEnsemble(each);
}

const networkNames = Object.keys(networks) as NetworkName[];
const published = networkNames.filter((name) => (networks[name] as Network).isPublished);

const defaultsOf = (name: keyof FashionRecipe) =>
  `(default: ${networkNames.map((network) => `${network} ${networks[network].recipe[name]}`).join(", ")})`;

const schema = z.object({
  images: images().default("fashion"),
  model: z.enum(networkNames).optional().describe("the network (default: resnet, of 20 layers)"),
  quick: z.boolean().default(false).describe("a small network in six minutes: the model small"),
  padding: z
    .int()
    .min(0)
    .max(8)
    .optional()
    .describe(`pixels around a picture that its crops reach into ${defaultsOf("padding")}`),
  erasing: z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe(`probability that a rectangle of a training picture is erased ${defaultsOf("erasing")}`),
  members: z.int().min(1).max(16).default(1).describe("networks that learn side by side, and whose mean judges"),
  ...recipeOptions(defaultsOf),
  ...pretrainedOptions,
  heldOut: option.heldOut(),
});

const checked = schema
  .refine(({ quick, model = "small" }) => !quick || model === "small", {
    path: ["quick"],
    message: "--quick has a network of its own: leave out --model",
  })
  .refine((given) => given.weights === undefined || published.includes(completed(given).model), {
    path: ["weights"],
    message: `torchvision has weights for --model ${published.join(" and ")} alone`,
  })
  .refine((given) => given.weights === undefined || completed(given).members === 1, {
    path: ["weights"],
    message: "the weights are those of one network: it needs --members 1",
  });

/** The options with the recipe of their network where none were given. */
function completed({ quick, ...given }: z.output<typeof schema>) {
  const model = given.model ?? (quick ? "small" : "resnet");
  return { ...networks[model].recipe, ...given, model };
}

async function taskOf(context: PredictContext, options: ReturnType<typeof completed>): Promise<Task> {
  const { train, test, classNames } = await readPictures(context, options.images, options.heldOut);
  const { augment } = data;
  return {
    classifier: { model: makeModel(options, classNames.length), scale: scaleOf(train) },
    classNames,
    ...{ train, judged: test, isHeldOut: options.heldOut > 0 },
    mirrors: true,
    transform: augment.compose(
      augment.randomCrop([train.height, train.width], { padding: options.padding }),
      augment.randomErasing({ probability: options.erasing, value: "random" }),
    ),
    views: mirroredToo(movedViews),
  };
}

/** Tells clothes apart. */
export const fashion = defineExperiment({
  name: "fashion",
  title: "Fashion-MNIST: small residual, mobile and dense networks tell clothes apart",
  chapter: "vision",
  options: checked,

  async run(context, given) {
    const options = completed(given);
    // A later version may have another recipe.
    await context.folder.update({ options });
    const task = await taskOf(context, options);
    await startFrom(context, task.classifier.model, options);
    await classify(context, task, options);
  },

  predict: {
    text: pictureText,
    options: pictureFlags,
    run: async (context, options, text, flags) => tell(context, await taskOf(context, completed(options)), text, flags),
  },
});

import { check, KasaneError, models, nn } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";
import * as option from "../options.js";

/** What training starts from. */
export const pretrainedOptions = {
  weights: option
    .path(
      z
        .string()
        .min(1)
        .describe(
          "safetensors file of torchvision's weights for the network, which training goes on from; other classes get a new last layer",
        ),
    )
    .optional(),
  freeze: z
    .string()
    .min(1)
    .optional()
    .describe('variables that are not trained: names with commas, in which * stands for any characters, such as "blocks.*"'),
};

/** Sets a network to the weights of a file and keeps what is not to be trained as it is. */
export async function startFrom(
  context: Context,
  model: models.ImageClassifier,
  { weights, freeze, model: name }: { readonly weights?: string | undefined; readonly freeze?: string | undefined; readonly model: string },
): Promise<void> {
  if (weights !== undefined) {
    const { tensors } = await files.readSafetensors(weights);
    const kept = await models.loadPretrained(model, tensors).catch((error: unknown) => {
      if (!(error instanceof KasaneError)) throw error;
      throw new KasaneError(`--weights ${weights}: expected those of --model ${name}: ${error.message}`, { cause: error });
    });
    const renewed = kept.length > 0 ? `, with new values of ${kept.join(", ")}` : "";
    context.print(`weights of ${weights}${renewed}`, { event: "weights", file: weights, renewed: kept });
  }
  if (freeze !== undefined) {
    const frozen = nn.freeze(
      model,
      freeze.split(",").map((name) => name.trim()),
    );
    const isLeft = [...model.namedVariables().values()].some(({ trainable }) => trainable);
    check(isLeft, () => `--freeze ${freeze}: it leaves nothing to train: name fewer variables`);
    context.print(`${frozen.length} of ${model.namedVariables().size} variables are not trained`, { event: "frozen", names: frozen });
  }
}

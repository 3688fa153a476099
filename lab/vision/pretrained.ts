import { models, nn } from "kasane";
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
  { weights, freeze }: { readonly weights?: string | undefined; readonly freeze?: string | undefined },
): Promise<void> {
  if (weights !== undefined) {
    const { tensors } = await files.readSafetensors(weights);
    const kept = await models.loadPretrained(model, tensors);
    const renewed = kept.length > 0 ? `, with new values of ${kept.join(", ")}` : "";
    context.print(`weights of ${weights}${renewed}`, { event: "weights", file: weights, renewed: kept });
  }
  if (freeze !== undefined) {
    const frozen = nn.freeze(
      model,
      freeze.split(",").map((name) => name.trim()),
    );
    context.print(`${frozen.length} of ${model.namedVariables().size} variables are not trained`, { event: "frozen", names: frozen });
  }
}

import { dirname, join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { check, type OnnxModule, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";
import { z } from "zod";
import { type Example, flatFeatures, type Reading } from "./reading.js";

/** Bytes that a `tokenizer.json` may have. */
export const largestTokenizer = 2 ** 28;

/** Tokens that are read of a text where its tokenizer names no limit. */
const usualLimit = 128;

/** What is read of a `tokenizer.json` beside what its library reads. */
const tokenizerSchema = z.looseObject({
  model: z.looseObject({}),
  truncation: z.object({ max_length: z.int().min(2) }).nullish(),
  padding: z.object({ pad_id: z.int().min(0) }).nullish(),
});

/** The inputs that models of texts have: ids, 1 for each token and 0 for padding, and which of two texts a token is of. */
const knownInputs = ["input_ids", "attention_mask", "token_type_ids"];

/** The name that a tokenizer's file has beside its model. */
export const tokenizerFile = "tokenizer.json";

/** The tokenizer of a model: that named, or the one beside it. */
export const tokenizerBeside = (model: string, given: string | undefined): string => given ?? join(dirname(model), tokenizerFile);

/**
 * Texts for a model that takes ids of tokens, as encoders of Hugging Face do.
 * @param file the model's `tokenizer.json`
 * @param limit tokens that are read of a text, at most; by default as the file says
 */
export function textReading(model: OnnxModule, file: string, limit?: number): Reading {
  const names = model.inputs.map(({ name }) => name);
  check(
    names.includes("input_ids") && names.every((name) => knownInputs.includes(name)),
    () => `the model has the inputs ${names.join(", ")}: expected for texts input_ids, and maybe attention_mask and token_type_ids`,
  );
  const json = files.readJson(file, largestTokenizer);
  check(json !== undefined, () => `--tokenizer: ${file}: no such file: expected the model's tokenizer.json`);
  const { truncation, padding } = files.parseAs(tokenizerSchema, json, `--tokenizer: ${file} is no tokenizer.json`);
  const tokenizer = tokenizerOf(json as object, file);
  const longest = limit ?? truncation?.max_length ?? usualLimit;
  const dtypes = new Map(model.inputs.map(({ name, dtype }) => [name, dtype ?? "int64"]));

  const encode = (text: string): Example => {
    const ids: number[] = tokenizer.encode(text).ids;
    if (ids.length <= longest) return Int32Array.from(ids);
    // The marks around a text stay; it is the text that is cut.
    const around: number[] = tokenizer.encode("").ids;
    const after = around.length - ids.findIndex((id, place) => id !== around[place]);
    return Int32Array.from([...ids.slice(0, longest - after), ...ids.slice(ids.length - after)]);
  };

  return {
    plural: "texts",
    doubt: `is ${file} the tokenizer of this model?`,
    inputs: Object.fromEntries([...dtypes].map(([name, dtype]) => [name, { shape: ["batch", "tokens"], dtype }])),
    limits: { tokens: longest },
    files: { [tokenizerFile]: JSON.stringify(json) },
    lengthsOf: (ids) => [Math.max(1, ids.length)],

    batch(examples, [length = 1]) {
      const shape = [examples.length, length];
      const filled = (padding: number, value: (example: Example, place: number) => number) => {
        const elements = new Int32Array(examples.length * length).fill(padding);
        examples.forEach((example, row) => {
          for (let place = 0; place < example.length; place++) elements[row * length + place] = value(example, place);
        });
        return tensor(elements, { shape });
      };
      const all = {
        input_ids: () => filled(padding?.pad_id ?? 0, (example, place) => example[place] as number),
        attention_mask: () => filled(0, () => 1),
        token_type_ids: () => filled(0, () => 0),
      };
      return Object.fromEntries(Object.entries(all).flatMap(([name, make]) => (dtypes.has(name) ? [[name, make()]] : [])));
    },

    pool(features, inputs, pool) {
      const flat = flatFeatures(features, pool);
      if (flat) return flat;
      check(
        features.rank === 3,
        () => `the features [${features.shape.join(", ")}]: expected [batch, tokens, width]: name others with --features`,
      );
      return pool === "first" ? features.slice([[], [0, 1]]).squeeze({ axis: 1 }) : meanOfTokens(features, inputs.attention_mask);
    },

    read: async (text) => encode(text),
  };
}

/** The mean over the tokens that are no padding, `[batch, tokens, width]` to `[batch, width]`. */
function meanOfTokens(features: Tensor, mask: Tensor | undefined): Tensor {
  if (!mask) return features.mean({ axis: 1 });
  const within = mask.cast(features.dtype).unsqueeze({ axis: 2 });
  return features
    .mul(within)
    .sum({ axis: 1 })
    .div(within.sum({ axis: 1 }));
}

function tokenizerOf(json: object, file: string): Tokenizer {
  try {
    return new Tokenizer(json, {});
  } catch (error) {
    check(false, () => `--tokenizer: ${file} cannot be used: ${(error as Error).message}`);
  }
}

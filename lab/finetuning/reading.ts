import { check, type DType, type OnnxModule, type Tensor } from "kasane";

/** An example as its reading keeps it: token ids, bytes of a picture, samples of a sound, or numbers. */
export type Example = ArrayLike<number>;

/** How examples of a kind are given to a model. */
export interface Reading {
  /** What an example is called, such as `texts`. */
  readonly plural: string;
  /** The model's inputs as they are exported; sizes that differ from call to call have names. */
  readonly inputs: Readonly<Record<string, { readonly shape: readonly (number | string)[]; readonly dtype: DType }>>;
  /** The largest sizes of those with names, where there are any. */
  readonly limits: Readonly<Record<string, number>>;
  /** What a batch must be padded to for the example: its length, or nothing where all examples have one shape. */
  lengthsOf(example: Example): readonly number[];
  /** A tensor for each of the model's inputs; `padded` holds the lengths that all examples are filled up to. */
  batch(examples: readonly Example[], padded: readonly number[]): Record<string, Tensor>;
  /**
   * The numbers by which the head judges an example.
   * @param features what the model gives, `[batch, ...]`
   * @returns `[batch, width]`
   */
  pool(features: Tensor, inputs: Readonly<Record<string, Tensor>>, pool: Pool): Tensor;
  /** The example that the user names for a prediction: a text itself, or the file that it is in. */
  read(text: string): Promise<Example>;
}

/** Ways to make one vector of several. */
export const pools = ["mean", "first", "flatten"] as const;
export type Pool = (typeof pools)[number];

/** Labelled examples. */
export interface Labelled {
  readonly examples: readonly Example[];
  /** The name of the class of each. */
  readonly labels: readonly string[];
}

/** `[batch, ...]` as `[batch, width]`, of features that need no more: all sizes but one are 1. Undefined for others. */
export function flatFeatures(features: Tensor, pool: Pool): Tensor | undefined {
  const places = features.shape.slice(1);
  const isVector = places.filter((size) => size !== 1).length <= 1;
  return isVector || pool === "flatten" ? features.reshape([features.shape[0] as number, -1]) : undefined;
}

/** Throws unless the model has one input. */
export function onlyInput(model: OnnxModule, plural: string) {
  const [input] = model.inputs;
  check(
    input !== undefined && model.inputs.length === 1,
    () => `the model has the inputs ${model.inputs.map(({ name }) => name).join(", ")}: expected one, for ${plural}`,
  );
  return input;
}

import { check, type DType, type OnnxModule, type OnnxValue, type Tensor, tensor } from "kasane";

/** An example as its reading keeps it: token ids, bytes of a picture, samples of a sound, or numbers. */
export type Example = ArrayLike<number>;

/** Tensors by the names of a model's inputs. */
export type Inputs = Readonly<Record<string, Tensor>>;

/** How examples of a kind are given to a model. */
export interface Reading {
  /** What the examples are called, such as `texts`. */
  readonly plural: string;
  /** The model's inputs as they are exported; sizes that differ from call to call have names. */
  readonly inputs: Readonly<Record<string, { readonly shape: readonly (number | string)[]; readonly dtype: DType }>>;
  /** The largest sizes of those with names, where there are any. */
  readonly limits: Readonly<Record<string, number>>;
  /** What examples are read by that the model does not hold, as files by name. */
  readonly files: Readonly<Record<string, string>>;
  /** What a batch must be padded to for the example: its length, or nothing where all examples have one shape. */
  lengthsOf(example: Example): readonly number[];
  /** A tensor for each of the model's inputs; `padded` holds the lengths that all examples are filled up to. */
  batch(examples: readonly Example[], padded: readonly number[]): Record<string, Tensor>;
  /**
   * The numbers by which the head judges an example.
   * @param features what the model gives, `[batch, ...]`
   * @returns `[batch, width]`
   */
  pool(features: Tensor, inputs: Inputs, pool: Pool): Tensor;
  /** What to ask where the model cannot compute with the examples. */
  readonly doubt?: string;
  /** The example that the user names for a prediction: itself, or the file that it is in. */
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

/** What a reading is where all examples have one shape and the model one input. */
export const fixedReading = (
  { name, dtype = "float32" }: OnnxValue,
  shape: readonly number[],
  own: Pick<Reading, "plural" | "read"> & Partial<Reading> & { readonly elementOf?: (value: number, place: number) => number },
): Reading => ({
  inputs: { [name]: { shape: ["batch", ...shape], dtype } },
  limits: {},
  files: {},
  lengthsOf: () => [],
  batch: (examples) => ({ [name]: stacked(examples, shape, own.elementOf) }),
  pool: (features, _, pool) => flatFeatures(features, pool) ?? meanOver(features, features.shape.map((_, axis) => axis).slice(2)),
  ...own,
});

/** Examples of one shape as a tensor `[batch, ...shape]`. */
export function stacked(
  examples: readonly Example[],
  shape: readonly number[],
  elementOf = (value: number, _place: number) => value,
): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const elements = new Float32Array(examples.length * size);
  examples.forEach((example, row) => {
    for (let place = 0; place < size; place++) elements[row * size + place] = elementOf(example[place] as number, place);
  });
  return tensor(elements, { shape: [examples.length, ...shape] });
}

const meanOver = (features: Tensor, axis: readonly number[]): Tensor => features.mean({ axis });

/** `[batch, ...]` as `[batch, width]`, where that needs no more: all sizes but one are 1, or all are to be kept. Undefined for others. */
export function flatFeatures(features: Tensor, pool: Pool): Tensor | undefined {
  const places = features.shape.slice(1);
  const isVector = places.filter((size) => size !== 1).length <= 1;
  return isVector || pool === "flatten" ? features.reshape([features.shape[0] as number, -1]) : undefined;
}

/** The only input of a model. */
export function onlyInput(model: OnnxModule, plural: string): OnnxValue {
  const [input] = model.inputs;
  check(
    input !== undefined && model.inputs.length === 1,
    () => `the model has the inputs ${model.inputs.map(({ name }) => name).join(", ")}: expected one for ${plural}`,
  );
  return input;
}

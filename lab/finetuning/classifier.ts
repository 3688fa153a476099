import { check, KasaneError, nn, type OnnxModule, type Tensor, tensor, Variable } from "kasane";
import type { Pool, Reading } from "./reading.js";

/** What a {@link Classifier} is put together from. */
export interface ClassifierParts {
  readonly model: OnnxModule;
  readonly reading: Reading;
  /** The name of the model's value that the head is fed with. */
  readonly value: string;
  readonly pool: Pool;
}

/** Deviations below this count as none: the feature is the same for all. */
const leastDeviation = 1e-6;

/** Class logits of features, each feature first brought to mean 0 and deviation 1 over the examples. */
export class Head extends nn.Module {
  readonly linear: nn.Linear;
  readonly mean: Variable;
  readonly deviation: Variable;

  /** @param rows features of examples, one row each */
  constructor(rows: readonly Float32Array[], classes: number) {
    super();
    const width = rows[0]?.length ?? 0;
    const moment = (of: (value: number, column: number) => number) =>
      Float32Array.from({ length: width }, (_, j) => rows.reduce((sum, row) => sum + of(row[j] as number, j), 0) / rows.length);
    const mean = moment((value) => value);
    const deviation = moment((value, j) => (value - (mean[j] as number)) ** 2).map((square) => {
      const root = Math.sqrt(square);
      return root < leastDeviation ? 1 : root;
    });
    this.mean = new Variable(tensor(mean), { trainable: false });
    this.deviation = new Variable(tensor(deviation), { trainable: false });
    this.linear = new nn.Linear(width, classes);
  }

  /** `[batch, width]` to `[batch, classes]`. */
  forward(features: Tensor): Tensor {
    return this.linear.forward(features.sub(this.mean).div(this.deviation));
  }
}

/** The features by which a head judges, `[batch, width]`. */
export function featuresOf({ model, reading, value, pool }: ClassifierParts, inputs: Readonly<Record<string, Tensor>>): Tensor {
  return reading.pool(model.values(inputs, [value])[value] as Tensor, inputs, pool);
}

/** A model of a file with a head for other classes. */
export class Classifier extends nn.Module {
  readonly model: OnnxModule;

  readonly #parts: ClassifierParts;

  constructor(
    parts: ClassifierParts,
    readonly head: Head,
  ) {
    super();
    this.#parts = parts;
    this.model = parts.model;
  }

  /** A batch of the reading to logits `[batch, classes]`. */
  forward(inputs: Readonly<Record<string, Tensor>>): Tensor {
    return this.head.forward(featuresOf(this.#parts, inputs));
  }
}

/**
 * The value that a new head is fed with: that named, or what an output of class scores (of two axes) is computed from by its last layer. Where
 * there is no such layer, or the output has more axes, the output itself.
 * @param named the option `output`, by default the first, and `features`
 */
export function valueOf(
  model: OnnxModule,
  named: { readonly output?: string | undefined; readonly features?: string | undefined },
): string {
  if (named.features !== undefined) {
    model.checkValue(named.features);
    return named.features;
  }
  const names = model.outputs.map(({ name }) => name);
  const output = named.output === undefined ? model.outputs[0] : model.outputs.find(({ name }) => name === named.output);
  check(output !== undefined, () => `--output: the model has no output "${named.output}": expected one of ${names.join(", ")}`);
  if (output.shape?.length !== 2) return output.name;
  try {
    return model.lastProductInput(output.name);
  } catch (error) {
    if (error instanceof KasaneError) return output.name;
    throw error;
  }
}

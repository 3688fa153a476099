import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { check } from "kasane";
import { fillUniform } from "../../src/random/uniform.js";

/** A weight: numbers uniform in `centre` ± `bound`. Layouts and the order of gates are PyTorch's. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly bound: number;
  readonly centre?: number;
}

/** An array of a batch. */
export interface Entry {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer> | Int32Array<ArrayBuffer>;
}

/** How the weights are updated. Plain gradient descent may first scale all gradients down together to the norm `clipNorm`. */
export type Update =
  | { readonly type: "adam"; readonly learningRate: number }
  | { readonly type: "sgd"; readonly learningRate: number; readonly clipNorm?: number };

/** One piece of work that every peer does: a step of training, or, without an update, what a model gives. */
export interface Case {
  readonly name: string;
  /** What it is, for tables and pages. */
  readonly title: string;
  /** What the peers know the model by, and its settings. */
  readonly model: "recurrence" | "mlp" | "language" | "transformer" | "bag" | "product" | "network";
  readonly settings: Readonly<Record<string, number | string | boolean>>;
  readonly update?: Update;
  /** How many different batches there are, and steps in a round of them; each array of the batch has them along its first axis. */
  readonly together: number;
  readonly weights: readonly Weight[];
  batch(draw: Draw): Readonly<Record<string, Entry>>;
  /** Multiply-adds of the matrix products of a step. */
  readonly multiplyAdds: number;
  /** What a step has to read and to write at least, in bytes. */
  readonly bytes: number;
}

/** Numbers that follow from the case's name alone. */
export class Draw {
  private stream = 0;
  constructor(private readonly seed: number) {}

  /** Uniform in `[low, high)`. */
  uniform(shape: readonly number[], low: number, high: number): Entry & { readonly data: Float32Array<ArrayBuffer> } {
    const data = new Float32Array(sizeOf(shape));
    fillUniform(data, [this.seed, 0], this.stream++);
    return { shape, data: data.map((number) => low + (high - low) * number) };
  }

  /** Integers in `[low, high)`. */
  whole(shape: readonly number[], low: number, high: number): Entry & { readonly data: Int32Array<ArrayBuffer> } {
    return { shape, data: Int32Array.from(this.uniform(shape, low, high).data, Math.floor) };
  }
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, length) => size * length, 1);

/** The bytes of an update's own reading and writing: Adam keeps two moments of each weight. */
export const updateBytes = (weights: readonly Weight[], { type }: Update): number =>
  weights.reduce((size, { shape }) => size + sizeOf(shape), 0) * 4 * 2 * (type === "adam" ? 3 : 1);

/** An array in `data.bin`: 4-byte little-endian numbers, one array after another. */
export interface Stored {
  readonly name: string;
  readonly dtype: "float32" | "int32";
  readonly shape: readonly number[];
}

/** What `case.json` says. */
export interface Problem extends Pick<Case, "name" | "model" | "settings" | "update" | "together"> {
  readonly weights: readonly Stored[];
  readonly batch: readonly Stored[];
}

/** Writes the weights and the batches of a case, for all peers to start from, into a new folder. */
export function writeCase({ name, model, settings, update, together, weights, batch }: Case, folder: string): void {
  const draw = new Draw([...name].reduce((seed, letter) => Math.imul(seed, 31) + letter.charCodeAt(0), 7));
  const arrays = weights.map(({ shape, bound, centre = 0 }) => draw.uniform(shape, centre - bound, centre + bound));
  const entries = Object.entries(batch(draw));
  for (const [entry, { shape, data }] of entries)
    check(data.length === sizeOf(shape) && shape[0] === together, () => `${name}: ${entry} [${shape}] has ${data.length} numbers`);
  const problem: Problem = {
    name,
    model,
    settings,
    update,
    together,
    weights: weights.map((weight) => ({ name: weight.name, dtype: "float32", shape: weight.shape })),
    batch: entries.map(([entry, { shape, data }]) => ({ name: entry, dtype: data instanceof Int32Array ? "int32" : "float32", shape })),
  };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "case.json"), JSON.stringify(problem));
  const all = [...arrays, ...entries.map(([, entry]) => entry)];
  writeFileSync(join(folder, "data.bin"), Buffer.concat(all.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))));
}

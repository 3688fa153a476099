import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Problem } from "../cases/case.js";
import { sizeOf } from "../cases/case.js";

/** A peer's results of the first round of batches. */
export interface Outcome {
  readonly loss: number;
  /** The updated weights, or what the model gave. */
  readonly values: Float32Array;
}

/** How far two outcomes are apart. */
export interface Difference {
  readonly loss: number;
  /** The largest difference of two elements, relative where they are above 1. */
  readonly element: number;
  /** The largest difference of a weight's whole change, relative to that change; 0 without an update. */
  readonly change: number;
}

/** Elements and losses may differ by this much; changes of whole weights by a hundred times as much, relative to them. */
const tolerance = 1e-4;

export function readOutcome(file: string, loss: number): Outcome {
  const bytes = readFileSync(file);
  return { loss, values: new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength)) };
}

/**
 * Compares a peer's outcome with the reference's. Small steps leave weights nearly what they were, so the changes are compared as well.
 * @param folder of the case
 */
export function differenceOf(folder: string, ours: Outcome, reference: Outcome): Difference {
  const { weights, update } = JSON.parse(readFileSync(join(folder, "case.json"), "utf8")) as Problem;
  if (ours.values.length !== reference.values.length)
    throw new Error(`gave ${ours.values.length} numbers, the reference ${reference.values.length}`);
  let element = 0;
  for (const [i, value] of reference.values.entries())
    element = worst(element, Math.abs((ours.values[i] as number) - value) / Math.max(1, Math.abs(value)));
  let change = 0;
  if (update) {
    const before = readOutcome(join(folder, "data.bin"), 0).values;
    let start = 0;
    for (const { shape } of weights) {
      const end = start + sizeOf(shape);
      let [apart, whole] = [0, 0];
      for (let i = start; i < end; i++) {
        const [a, b] = [ours.values[i] as number, reference.values[i] as number];
        apart += (a - b) ** 2;
        whole += (b - (before[i] as number)) ** 2;
      }
      change = worst(change, whole === 0 ? Math.sqrt(apart) : Math.sqrt(apart / whole));
      start = end;
    }
  }
  return { loss: Math.abs(ours.loss - reference.loss) / Math.max(1, Math.abs(reference.loss)), element, change };
}

/** The greater of the two; NaN is the worst of all. */
const worst = (a: number, b: number): number => (Number.isNaN(b) || b > a ? b : a);

/** How far two outcomes of the same arithmetic may be apart. */
export const usual: Difference = { loss: tolerance, element: tolerance, change: 100 * tolerance };

/**
 * How far an outcome may be from the reference's where that itself is so far from double precision. In a deep network rounding switches units, so
 * that two orders of the same sums differ by more than sums do. Another order may be three times as far from what is exact.
 */
export function allowed(rounding: Difference): Difference {
  const of = (key: keyof Difference) => Math.max(usual[key], 4 * rounding[key]);
  return { loss: of("loss"), element: of("element"), change: of("change") };
}

/** Whether both did the same arithmetic. */
export const agrees = ({ loss, element, change }: Difference, most = usual): boolean =>
  loss <= most.loss && element <= most.element && change <= most.change;

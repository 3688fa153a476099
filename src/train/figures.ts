import { check } from "../graph/error.js";
import type { Tensor } from "../graph/tensor.js";
import { checkFigures } from "./metricsFile.js";

/**
 * The scalars of a step's result.
 * @throws KasaneError where one is not finite, or has no name that a record can have
 */
export async function figuresOf(result: Readonly<Record<string, Tensor | number>>, step: number): Promise<Record<string, number>> {
  const scalars = Object.entries(result).filter(([, value]) => typeof value === "number" || value.size === 1);
  const values = scalars.map(async ([name, value]) => [name, typeof value === "number" ? value : await value.item()] as const);
  const figures = Object.fromEntries(await Promise.all(values));
  checkFigures(figures, "fit: step");
  for (const [name, figure] of Object.entries(figures)) {
    check(
      Number.isFinite(figure),
      () =>
        `fit: ${name} is ${figure} at step ${step}: lower the learning rate or clip the gradients; compile with detectAnomalies to see where`,
    );
  }
  return figures;
}

/** Which figure of a validation tells how good a model is. */
export interface Goal {
  readonly metric: string;
  readonly mode?: "min" | "max";
}

/** Whether figures are better than the best before; what is not finite never is. */
export function isBetter(figures: Readonly<Record<string, number>>, { metric, mode = "min" }: Goal, best?: number): boolean {
  const value = figures[metric];
  check(value !== undefined, () => `fit: best.metric is "${metric}", but validate gives ${Object.keys(figures).join(", ") || "nothing"}`);
  if (!Number.isFinite(value) || best === undefined) return Number.isFinite(value);
  return mode === "min" ? value < best : value > best;
}

import { readFileSync } from "node:fs";
import { type Outcome, relativeError } from "./evaluate.js";

const expected = JSON.parse(readFileSync(new URL("../fixtures/operators.json", import.meta.url), "utf8")) as Record<
  string,
  { values: number[][]; gradients: number[][] }
>;

/** How far values and gradients may be from PyTorch's, relative to the greatest element. */
export const tolerance = 1e-5;

/**
 * What is wrong with the outcome of a case, or undefined where it agrees with PyTorch (test/fixtures/operators.py).
 * @param least the size below which numbers count as 0
 */
export function disagreement(name: string, outcome: Outcome | undefined, least = 1e-12): string | undefined {
  const right = expected[name];
  if (!right) return "the fixture lacks it: run test/fixtures/make.sh operators.py";
  if (!outcome) return "was not computed";
  if ("error" in outcome) return outcome.error;
  for (const part of ["values", "gradients"] as const) {
    if (outcome[part].length !== right[part].length) return `${outcome[part].length} ${part}, expected ${right[part].length}`;
    for (const [i, numbers] of right[part].entries()) {
      const got = outcome[part][i] as number[];
      const error = relativeError(got, numbers, least);
      if (!(error <= tolerance)) return `${part}[${i}] are off by ${error}: got [${got}], expected [${numbers}]`;
    }
  }
  return undefined;
}

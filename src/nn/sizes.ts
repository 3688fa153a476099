import { check } from "../graph/error.js";

/** Throws unless all sizes of a layer are integers from `least` on. */
export function checkSizes(owner: string, sizes: Readonly<Record<string, number>>, least = 0): void {
  for (const [name, size] of Object.entries(sizes)) {
    check(Number.isInteger(size) && size >= least, () => `${owner}: ${name} ${size}: expected an integer from ${least}`);
  }
}

import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { checkSeed } from "../random/state.js";
import { fillUniform } from "../random/uniform.js";

/** The random stream that samples are drawn from. */
const bootstrapStream = 0xb007;

/** Where a figure probably is. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  /** Of the resampled figures. */
  readonly mean: number;
}

/**
 * The interval that holds 95 % of a figure's values when its examples are resampled with replacement (Efron 1979; for BLEU Koehn 2004,
 * Statistical significance tests for machine translation evaluation).
 * @param count the number of examples
 * @param figure computes the figure of the examples at the given indices, some of them several times
 */
export function bootstrap(
  count: number,
  figure: (places: Int32Array) => number,
  options: { readonly resamples?: number; readonly seed?: number } = {},
): Interval {
  checkOptions("bootstrap", options, { resamples: "optional", seed: "optional" });
  const { resamples = 1000, seed = 0 } = options;
  checkSeed("bootstrap", seed);
  check(
    count > 0 && Number.isInteger(resamples) && resamples > 0,
    () => `bootstrap: ${resamples} samples of ${count} examples, expected 1 or more of each`,
  );
  const uniform = new Float32Array(count);
  const figures = Float64Array.from({ length: resamples }, (_, i) => {
    fillUniform(uniform, [seed, i], bootstrapStream);
    return figure(Int32Array.from(uniform, (draw) => Math.floor(draw * count)));
  }).sort();
  const cut = Math.floor(resamples / 40);
  const mean = figures.reduce((sum, value) => sum + value, 0) / resamples;
  return { low: figures[cut] as number, high: figures[resamples - 1 - cut] as number, mean };
}

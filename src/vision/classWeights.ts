import { check } from "../graph/error.js";
import { checkChoice, checkOptions } from "../graph/options.js";

/** Settings of {@link classWeights}. */
export interface ClassWeightOptions {
  /** `median`: the median frequency over the class' own (after Eigen and Fergus 2015, section 6.3.1, with frequencies of all pixels); `logarithm`: `1 / ln(1.02 + p)` (Paszke et al. 2016, section 5.1). */
  readonly by: "median" | "logarithm";
}

/**
 * What each class shall count in a loss, so that frequent ones do not outweigh rare ones. A class that never occurs counts 0.
 * @param counts how often each class occurs, such as its pixels in the training images
 * @throws KasaneError where a count is no number from 0, or all are 0
 */
export function classWeights(counts: ArrayLike<number>, options: ClassWeightOptions): Float32Array<ArrayBuffer> {
  checkOptions("classWeights", options, { by: "required" });
  const { by } = options;
  checkChoice("classWeights", "by", by, ["median", "logarithm"]);
  const all = Array.from(counts);
  const total = all.reduce((sum, count) => sum + count, 0);
  check(
    all.every((count) => count >= 0) && total > 0 && Number.isFinite(total),
    () => `classWeights: got counts ${all.join(", ")}: expected numbers from 0, not all of them 0`,
  );
  const frequencies = all.map((count) => count / total);
  const there = frequencies.filter((frequency) => frequency > 0).sort((a, b) => a - b);
  const half = there.length >> 1;
  const median = there.length % 2 === 1 ? (there[half] as number) : ((there[half - 1] as number) + (there[half] as number)) / 2;
  const weightOf = (frequency: number) => (by === "median" ? median / frequency : 1 / Math.log(1.02 + frequency));
  return Float32Array.from(frequencies, (frequency) => (frequency === 0 ? 0 : weightOf(frequency)));
}

import { check } from "../graph/error.js";

/**
 * The area under the receiver operating characteristic: the probability that a positive example has a higher score than a negative one, where
 * equal scores count a half (Hanley and McNeil 1982).
 * @param scores higher for what is more likely positive
 * @param targets as many: 1 or true for positive, 0 or false for negative
 * @throws KasaneError where a score is NaN, a target is neither, or one class is missing
 */
export function rocAuc(scores: ArrayLike<number>, targets: ArrayLike<number | bigint | boolean>): number {
  check(scores.length === targets.length, () => `rocAuc: ${scores.length} scores for ${targets.length} targets`);
  const examples = Array.from(scores, (score, i) => ({ score, target: Number(targets[i]) }));
  const odd = examples.find(({ score, target }) => Number.isNaN(score) || (target !== 0 && target !== 1));
  check(odd === undefined, () => `rocAuc: a score of ${odd?.score} with the target ${odd?.target}: expected a number, and 0 or 1`);
  const positives = examples.filter(({ target }) => target === 1).length;
  const negatives = examples.length - positives;
  check(positives > 0 && negatives > 0, () => `rocAuc: ${positives} positive and ${negatives} negative examples: expected both`);
  // Mann and Whitney's statistic, by the mean rank of each group of equal scores.
  examples.sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let start = 0; start < examples.length; ) {
    let end = start;
    let found = 0;
    for (; end < examples.length && examples[end]?.score === examples[start]?.score; end++) found += examples[end]?.target as number;
    ranks += found * ((start + 1 + end) / 2);
    start = end;
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * Spearman's rank correlation, -1 to 1, where equal values share the mean of their ranks (Spearman 1904). NaN where all values of one are equal.
 * @throws KasaneError where a value is NaN, or there are not as many of both, two or more
 */
export function spearman(a: ArrayLike<number>, b: ArrayLike<number>): number {
  check(a.length === b.length && a.length > 1, () => `spearman: ${a.length} values and ${b.length}: expected as many of both, two or more`);
  const [x, y] = [ranksOf(a), ranksOf(b)];
  const middle = (a.length + 1) / 2;
  let [both, ofX, ofY] = [0, 0, 0];
  x.forEach((rank, i) => {
    const [dx, dy] = [rank - middle, (y[i] as number) - middle];
    both += dx * dy;
    ofX += dx * dx;
    ofY += dy * dy;
  });
  return both / Math.sqrt(ofX * ofY);
}

/** The rank of each value from 1, equal values the mean of theirs. */
function ranksOf(values: ArrayLike<number>): Float64Array {
  const sorted = Array.from(values, (value, index) => ({ value, index }));
  const wrong = sorted.find(({ value }) => Number.isNaN(value));
  check(wrong === undefined, () => `spearman: value ${wrong?.index} is NaN: expected a number`);
  sorted.sort((a, b) => a.value - b.value || a.index - b.index);
  const ranks = new Float64Array(sorted.length);
  for (let start = 0; start < sorted.length; ) {
    let end = start;
    while (end < sorted.length && sorted[end]?.value === sorted[start]?.value) end++;
    for (const { index } of sorted.slice(start, end)) ranks[index] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}

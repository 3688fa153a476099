import { check, optim } from "kasane";

/**
 * `optim.oneCycle` up to `--learning-rate`, the share `rise` of the updates long, and down again.
 * @throws KasaneError where the updates are too few for both
 */
export function oneCycle(learningRate: number, updates: number, rise: number): optim.Schedule {
  const least = Math.floor(1 / rise) + 1;
  check(
    updates >= least,
    () => `${updates} updates are too few for a rate that rises and falls: expected ${least} or more: lower --batch-size or raise --epochs`,
  );
  return optim.oneCycle(learningRate, updates, { rise });
}

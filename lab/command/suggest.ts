import { metrics } from "kasane";

/** The name that `typed` was probably meant to be: the one fewest letters away, if they are few. */
export function closest(typed: string, names: readonly string[]): string | undefined {
  const ranked = names
    .map((name) => ({ name, distance: metrics.editDistance([...typed], [...name]) }))
    .sort((a, b) => a.distance - b.distance);
  const [best] = ranked;
  return best && best.distance <= Math.max(2, Math.floor(best.name.length / 3)) ? best.name : undefined;
}

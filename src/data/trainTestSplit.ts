import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { Tensor } from "../graph/tensor.js";
import { shuffledIndices } from "./batches.js";
import { hostElements } from "./hostElements.js";
import { TensorDataset } from "./tensorDataset.js";

/** How {@link trainTestSplit} divides examples. */
export interface SplitOptions {
  /** The share of the examples that are tested on, above 0 and below 1. */
  readonly testShare?: number;
  readonly seed?: number;
  /** The class of each example. If given, each class is divided by itself, so that its share is the same in both parts. */
  readonly stratify?: Tensor | ArrayLike<number | bigint | string>;
}

/** What is trained on and what is tested on. */
export interface Split<T> {
  readonly train: T;
  readonly test: T;
}

/**
 * Divides examples at random into those to train on and those to test on. The same seed gives the same parts.
 * @param examples a dataset, or an array of anything
 * @throws KasaneError where a part, or a class's share of a part, would be empty
 */
export function trainTestSplit<Tensors extends readonly Tensor[]>(
  examples: TensorDataset<Tensors>,
  options?: SplitOptions,
): Split<TensorDataset<Tensors>>;
export function trainTestSplit<Example>(examples: readonly Example[], options?: SplitOptions): Split<Example[]>;
export function trainTestSplit(examples: TensorDataset | readonly unknown[], options: SplitOptions = {}): Split<unknown> {
  checkOptions("trainTestSplit", options, { testShare: "optional", seed: "optional", stratify: "optional" });
  if (examples instanceof TensorDataset) {
    const { train, test } = splitPlaces(examples.size, options);
    return { train: examples.at(train), test: examples.at(test) };
  }
  const { train, test } = splitPlaces(examples.length, options);
  const at = (places: readonly number[]) => places.map((place) => examples[place]);
  return { train: at(train), test: at(test) };
}

function splitPlaces(count: number, { testShare = 0.25, seed = 0, stratify }: SplitOptions): Split<number[]> {
  check(testShare > 0 && testShare < 1, () => `trainTestSplit: got testShare ${testShare}, expected a number above 0 and below 1`);
  const labels = stratify instanceof Tensor ? hostElements("trainTestSplit", stratify) : stratify;
  check(labels === undefined || labels.length === count, () => `trainTestSplit: ${labels?.length} labels for ${count} examples`);
  const tested = Math.round(testShare * count);
  check(
    tested > 0 && tested < count,
    () => `trainTestSplit: testShare ${testShare} of ${count} examples leaves a part empty: give more examples, or another share`,
  );
  const order = [...shuffledIndices(count, seed, 0)];
  const groups = new Map<unknown, number[]>();
  for (const place of order) {
    const label = labels?.[place];
    const known = groups.get(label);
    if (known) known.push(place);
    else groups.set(label, [place]);
  }
  const isTested = new Set<number>();
  for (const [label, share] of shares(groups, tested, count)) {
    const places = groups.get(label) as number[];
    check(
      share > 0 && share < places.length,
      () => `trainTestSplit: class ${String(label)} has ${places.length} examples: too few for both parts at testShare ${testShare}`,
    );
    for (const place of places.slice(0, share)) isTested.add(place);
  }
  return { train: order.filter((place) => !isTested.has(place)), test: order.filter((place) => isTested.has(place)) };
}

/** How many of each group are tested on, `tested` in all. Shares are rounded down; the groups that lost most by that get one more. */
function shares(groups: ReadonlyMap<unknown, readonly number[]>, tested: number, count: number): Map<unknown, number> {
  const wanted = [...groups].map(([label, { length }]) => ({ label, exact: (tested * length) / count }));
  const result = new Map(wanted.map(({ label, exact }) => [label, Math.floor(exact)]));
  const left = tested - [...result.values()].reduce((sum, share) => sum + share, 0);
  const byRest = wanted.sort((a, b) => (b.exact % 1) - (a.exact % 1));
  for (const { label } of byRest.slice(0, left)) result.set(label, (result.get(label) as number) + 1);
  return result;
}

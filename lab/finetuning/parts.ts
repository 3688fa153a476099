import { check, data } from "kasane";
import type { Labelled } from "./reading.js";

/** The names of the classes of labelled examples, in ascending order. */
export function classNames({ labels }: Labelled): string[] {
  const names = [...new Set(labels)].sort((a, b) => (a < b ? -1 : 1));
  check(names.length > 1, () => `all ${labels.length} examples are of the class "${names[0]}": expected two classes or more`);
  check(
    2 * names.length <= labels.length,
    () => `${labels.length} examples are of ${names.length} classes: expected two of a class or more: are these labels the classes?`,
  );
  return names;
}

/** The index of the class of each example. */
export function classIndices(names: readonly string[], { labels }: Labelled): Int32Array<ArrayBuffer> {
  const indices = new Map(names.map((name, i) => [name, i]));
  return Int32Array.from(labels, (label) => indices.get(label) as number);
}

const at = ({ examples, labels }: Labelled, places: readonly number[]): Labelled => ({
  examples: places.map((place) => examples[place] as Labelled["examples"][number]),
  labels: places.map((place) => labels[place] as string),
});

/** Takes a share of each class at random, one example at least, to validate with; of a class of one example none. */
export function heldOutOf(all: Labelled, share: number, seed: number): { train: Labelled; validation: Labelled } {
  const places = new Map<string, number[]>();
  for (const place of data.shuffledIndices(all.labels.length, seed, 0)) {
    const label = all.labels[place] as string;
    const known = places.get(label);
    if (known) known.push(place);
    else places.set(label, [place]);
  }
  const [train, validation]: number[][] = [[], []];
  for (const each of places.values()) {
    const held = each.length < 2 ? 0 : Math.min(each.length - 1, Math.max(1, Math.round(share * each.length)));
    validation?.push(...each.slice(0, held));
    train?.push(...each.slice(held));
  }
  return { train: at(all, train as number[]), validation: at(all, validation as number[]) };
}

/** Throws where examples to test with are of a class that is not learnt. */
export function checkClasses(names: readonly string[], { labels }: Labelled, source: string): void {
  const known = new Set(names);
  const unknown = labels.find((label) => !known.has(label));
  check(unknown === undefined, () => `--test: ${source} has the class "${unknown}", which no example to train on has`);
}

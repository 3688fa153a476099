import type { train } from "kasane/node";
import { printable } from "../light.js";
import type { RunFolder } from "../runFolder.js";

/** Prints a remark on stderr, apart from the result. */
export const note = (text: string): undefined => void process.stderr.write(`kasane: ${printable(text)}\n`);

/** A run's records. A remark says how many lines are damaged. */
export function readMetrics({ metrics }: RunFolder): train.Metrics[] {
  const damage = metrics.damage();
  if (damage !== undefined) note(damage);
  return metrics.read();
}

/** One figure over a run. */
export interface Summary {
  readonly name: string;
  readonly last: { readonly step: number; readonly value: number };
  readonly lowest: { readonly step: number; readonly value: number };
  readonly highest: { readonly step: number; readonly value: number };
}

/** Each figure of a run's, in the order in which they were first recorded. */
export function summarise(metrics: readonly train.Metrics[]): Summary[] {
  const names = new Set(metrics.flatMap((line) => Object.keys(line)));
  names.delete("step");
  return [...names].map((name) => {
    const points = metrics.filter((line) => Object.hasOwn(line, name)).map((line) => ({ step: line.step, value: line[name] as number }));
    const [first] = points as [Summary["last"], ...Summary["last"][]];
    return {
      name,
      last: points.at(-1) ?? first,
      lowest: points.reduce((a, b) => (b.value < a.value ? b : a), first),
      highest: points.reduce((a, b) => (b.value > a.value ? b : a), first),
    };
  });
}

/** The figures that have a curve: those recorded more than once. */
export const curvesOf = (metrics: readonly train.Metrics[]): string[] =>
  summarise(metrics)
    .map(({ name }) => name)
    .filter((name) => metrics.filter((line) => Object.hasOwn(line, name)).length > 1);

/** A figure in few digits. */
export const showNumber = (value: number): string => (Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(5))));

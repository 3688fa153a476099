import { printable } from "./light.js";

/** As {@link printable}, but new lines stay: the contents of a file must not move the cursor. */
export const printableLines = (text: string): string => text.split("\n").map(printable).join("\n");

/** Writes a line, or several, to stdout. */
export const print = (text: string): void => void process.stdout.write(`${printableLines(text)}\n`);

/** Writes a line of JSON to stdout. JSON has no infinities and no NaN: they are texts, as in `metrics.jsonl`. */
export const printJson = (record: Readonly<Record<string, unknown>>): void =>
  print(JSON.stringify(record, (_, value) => (typeof value === "number" && !Number.isFinite(value) ? String(value) : value)));

/** The width of the terminal in characters; infinite where stdout is no terminal and `COLUMNS` is not set. */
export function terminalColumns(): number {
  const { columns = Number(process.env.COLUMNS) } = process.stdout;
  return columns > 0 ? columns : Number.POSITIVE_INFINITY;
}

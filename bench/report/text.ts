/** A duration in nanoseconds, with a fitting unit and three digits. */
export function showTime(nanoseconds: number): string {
  const units = [
    ["ns", 1],
    ["µs", 1e3],
    ["ms", 1e6],
    ["s", 1e9],
  ] as const;
  const [unit, size] = units.findLast(([, size]) => nanoseconds >= size) ?? units[0];
  return `${showNumber(nanoseconds / size)} ${unit}`;
}

/** Three digits, without an exponent. */
export const showNumber = (value: number): string => (value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3))));

export const showThreads = (threads: number): string =>
  threads === 1 ? "one thread" : threads === 2 ? "two threads" : `${threads} threads`;

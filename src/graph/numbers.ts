import { check } from "./error.js";

/** How large numbers may be. */
export interface Bounds {
  /** They are less than this. */
  readonly below?: number;
  /** They are this at most. */
  readonly most?: number;
}

/** Throws unless each setting, where it is given, is a finite number from 0 on, within the bounds. */
export function checkNumbers(owner: string, settings: Readonly<Record<string, number | undefined>>, { below, most }: Bounds = {}): void {
  const bound = below === undefined ? (most === undefined ? "" : ` to ${most}`) : ` and below ${below}`;
  for (const [name, value] of Object.entries(settings)) {
    if (value === undefined) continue;
    const isWithin = value >= 0 && value < (below ?? Number.POSITIVE_INFINITY) && value <= (most ?? Number.MAX_VALUE);
    check(
      typeof value === "number" && isWithin,
      () => `${owner}: ${name} ${typeof value === "number" ? value : JSON.stringify(value)}: expected a number from 0${bound}`,
    );
  }
}

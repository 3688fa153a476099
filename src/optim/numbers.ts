import { check } from "../graph/error.js";

/** Throws unless each setting, where it is given, is a number from 0 on, and below `bound`. */
export function checkNumbers(
  owner: string,
  settings: Readonly<Record<string, number | undefined>>,
  bound = Number.POSITIVE_INFINITY,
): void {
  for (const [name, value] of Object.entries(settings)) {
    const below = Number.isFinite(bound) ? ` and below ${bound}` : "";
    check(value === undefined || (value >= 0 && value < bound), () => `${owner}: ${name} ${value}: expected a number from 0${below}`);
  }
}

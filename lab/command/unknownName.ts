import { closestName, KasaneError } from "../light.js";

/**
 * Says that there is no such thing, with the nearest one, or with all where none is near.
 * @param kind what it should have been, such as `command`
 * @param see the command that tells more
 */
export function unknownName(kind: string, typed: string, names: readonly string[], see: string): KasaneError {
  const near = closestName(typed, names);
  return new KasaneError(
    `unknown ${kind} "${typed}": ${near ? `did you mean ${near}?` : `expected one of ${names.join(", ")}`} (see ${see})`,
  );
}

import { z } from "zod";

/**
 * An option of several values with commas between them.
 * @param value a regular expression of one
 * @param expected what they are, for the error
 */
export const listOf = (value: string, expected: string): z.ZodString =>
  z
    .string()
    .regex(new RegExp(`^(${value})(,(${value}))*$`))
    .meta({ expected: `${expected}, with commas between them` });

/** {@link listOf} names. */
export const namesOf = (names: readonly string[]): z.ZodString => listOf(names.join("|"), `one or more of ${names.join(", ")}`);

/** Those of `names` that stand in such a list, in their own order. */
export function chosenOf<Name extends string>(names: readonly Name[], list: string): Name[] {
  const values = list.split(",");
  return names.filter((name) => values.includes(name));
}

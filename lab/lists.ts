/** What an option of several values with commas between them looks like; `value` is a regular expression of one. */
export const listOf = (value: string): RegExp => new RegExp(`^(${value})(,(${value}))*$`);

/** Those of `names` that stand in such a list, in their own order. */
export function chosenOf<Name extends string>(names: readonly Name[], list: string): Name[] {
  const values = list.split(",");
  return names.filter((name) => values.includes(name));
}

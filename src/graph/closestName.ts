/**
 * The name that `typed` was probably meant to be: the one with the fewest edits, where they are few; else the shortest one of which it is an
 * abbreviation, as `lr` is of `learningRate`.
 */
export function closestName(typed: string, names: readonly string[]): string | undefined {
  const ranked = names.map((name) => ({ name, distance: editDistance([...typed], [...name]) })).sort((a, b) => a.distance - b.distance);
  const isNear = ({ name, distance }: { name: string; distance: number }) =>
    distance < name.length && distance <= Math.max(2, Math.floor(name.length / 3));
  const abbreviated = names.filter((name) => abbreviates(typed, name)).sort((a, b) => a.length - b.length);
  return ranked.find(isNear)?.name ?? abbreviated[0];
}

/** Whether the letters of `short` stand in `name` in their order, from the first one on. */
function abbreviates(short: string, name: string): boolean {
  const letters = name.toLowerCase();
  let at = 0;
  for (const letter of short.toLowerCase()) at = letters.indexOf(letter, at) + 1 || Number.POSITIVE_INFINITY;
  return short !== "" && letters.startsWith(short.charAt(0).toLowerCase()) && Number.isFinite(at);
}

/** The least number of tokens put in, left out and replaced between two sequences (Levenshtein 1965). */
export function editDistance<Token>(hypothesis: readonly Token[], reference: readonly Token[]): number {
  // d[i, j] = min(d[i-1, j-1] + [rᵢ ≠ hⱼ], d[i-1, j] + 1, d[i, j-1] + 1), one row at a time
  let row = Array.from({ length: hypothesis.length + 1 }, (_, j) => j);
  reference.forEach((token, i) => {
    const next = [i + 1];
    hypothesis.forEach((other, j) => {
      next.push(Math.min((row[j] as number) + Number(token !== other), (row[j + 1] as number) + 1, (next[j] as number) + 1));
    });
    row = next;
  });
  return row.at(-1) as number;
}

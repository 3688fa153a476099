/**
 * Rows of cells under headings, in columns as wide as they need.
 * @param labels how many columns are text, by default all; those after them are numbers, set to the right
 */
export function textTable(headings: readonly string[], rows: readonly (readonly string[])[], labels = headings.length): string {
  const widths = headings.map((heading, column) =>
    rows.reduce((width, row) => Math.max(width, (row[column] ?? "").length), heading.length),
  );
  const line = (cells: readonly string[]) =>
    widths
      .map((width, column) => (column < labels ? (cells[column] ?? "").padEnd(width) : (cells[column] ?? "").padStart(width)))
      .join("  ")
      .trimEnd();
  return [headings, ...rows].map(line).join("\n");
}

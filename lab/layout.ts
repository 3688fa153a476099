import { textTable } from "./light.js";
import { terminalColumns } from "./output.js";

/** The least width of the last column, in characters. */
const narrowest = 20;

/**
 * A table that fits the width of the terminal. The last column is wrapped; where there is no room for it, each row becomes a paragraph.
 * A cell of the last column may have several lines.
 */
export function fittedTable(headings: readonly string[], rows: readonly (readonly string[])[], columns = terminalColumns()): string {
  const last = headings.length - 1;
  const others = textTable(
    headings.slice(0, last),
    rows.map((row) => row.slice(0, last)),
  );
  const room = columns - 2 - others.split("\n").reduce((width, line) => Math.max(width, line.length), 0);
  if (room < narrowest && last > 0) return paragraphs(headings, rows, columns);
  const lines = rows.flatMap((row) =>
    wrap(row[last] ?? "", room).map((line, i) => [...(i === 0 ? row.slice(0, last) : headings.slice(0, last).map(() => "")), line]),
  );
  return textTable(headings, lines);
}

/** Each row's first cell, and below it the others with their headings. */
function paragraphs(headings: readonly string[], rows: readonly (readonly string[])[], columns: number): string {
  const paragraph = ([first, ...rest]: readonly string[]) => [
    first,
    ...rest.flatMap((cell, i) => (cell === "" ? [] : wrap(`${headings[i + 1]}: ${cell}`, columns - 2).map((line) => `  ${line}`))),
  ];
  return rows.map((row) => paragraph(row).join("\n")).join("\n");
}

/** A text wrapped into lines of at most `columns` characters. Longer words are not broken. */
export function wrap(text: string, columns: number): string[] {
  return text.split("\n").flatMap((line) => {
    const lines = [""];
    for (const word of line.split(" ")) {
      const current = lines.at(-1) as string;
      if (current === "") lines[lines.length - 1] = word;
      else if (current.length + 1 + word.length <= columns) lines[lines.length - 1] = `${current} ${word}`;
      else lines.push(word);
    }
    return lines;
  });
}

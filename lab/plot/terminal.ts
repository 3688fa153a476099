import { wrap } from "../layout.js";
import { terminalColumns } from "../output.js";
import { type Axis, axesOf, type Chart, type Point, stretchesOf } from "./chart.js";

/** The bits of a braille character's dots, by row and column of the 4 by 2 dots. */
const dotBits = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;

/** What every series after the first is drawn with: shapes, so that no colour is needed to tell them apart. */
const marks = ["o", "x", "+", "*", "#"];

/**
 * Draws a chart in characters: the first series as a fine line of braille dots, each further one with a mark of its own.
 * @param columns the width of the whole chart; by default 78, or that of a narrower terminal
 * @param rows the height of the plot itself, without axis and labels
 */
export function drawTerminal(chart: Chart, columns = Math.min(78, terminalColumns()), rows = 16): string {
  const ticks = axesOf(chart, 1, Math.max(2, Math.floor(rows / 3)));
  const margin = Math.max(...ticks.y.ticks.map(({ label }) => label.length)) + 1;
  const width = Math.max(10, columns - margin - 1);
  const { x, y } = axesOf(chart, Math.max(2, Math.floor(width / 12)), Math.max(2, Math.floor(rows / 3)));
  const cells = drawSeries(chart, x, y, width, rows);

  const labels = new Map(y.ticks.map((tick) => [Math.round((1 - y.place(tick.value)) * (rows - 1)), tick.label]));
  const body = cells.map((row, i) => `${(labels.get(i) ?? "").padStart(margin)}${labels.has(i) ? "┤" : "│"}${row.join("").trimEnd()}`);

  const line = Array.from({ length: width }, () => "─");
  const numbers = Array.from({ length: margin + 1 + width + 12 }, () => " ");
  let free = 0;
  for (const { value, label } of x.ticks) {
    const column = Math.round(x.place(value) * (width - 1));
    line[column] = "┬";
    const start = Math.max(0, Math.min(margin + 1 + column - Math.floor(label.length / 2), margin + 1 + width - label.length));
    if (start < free) continue;
    for (const [i, character] of [...label].entries()) numbers[start + i] = character;
    free = start + label.length + 1;
  }
  const indent = " ".repeat(margin + 1);
  const names = chart.series.map(({ name }, i) => `${i === 0 ? "⠒⠒" : (marks[(i - 1) % marks.length] as string).repeat(2)} ${name}`);
  const texts = (text: string) => wrap(text, width).map((line) => `${indent}${line}`);
  return [
    ...texts(chart.title),
    ...texts(`${chart.yLabel}${chart.logarithmic ? ", logarithmic" : ""}`),
    ...body,
    `${" ".repeat(margin)}└${line.join("")}`,
    numbers.join("").trimEnd(),
    ...wrap(chart.xLabel, width).map((text) => `${indent}${text.padStart(Math.floor((width + text.length) / 2))}`),
    ...(names.length > 1 ? layNames(names, width).map((line) => `${indent}${line}`) : []),
  ].join("\n");
}

/** The legend, in as many lines as it needs. */
function layNames(names: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const name of names) {
    const longer = `${lines.at(-1)}   ${name}`;
    if (lines.length > 0 && [...longer].length <= width) lines[lines.length - 1] = longer;
    else lines.push(name);
  }
  return lines;
}

function drawSeries(chart: Chart, x: Axis, y: Axis, width: number, rows: number): string[][] {
  const bits = Array.from({ length: rows }, () => new Uint8Array(width));
  const marked = Array.from({ length: rows }, () => new Array<string | undefined>(width));
  const place = (point: Point, across: number, down: number) =>
    [Math.round(x.place(point.x) * (across - 1)), Math.round((1 - y.place(point.y)) * (down - 1))] as const;

  chart.series.forEach((series, index) => {
    const stretches = stretchesOf(series, chart);
    if (index === 0) {
      const dot = (column: number, row: number) => {
        const cells = bits[row >> 2] as Uint8Array;
        cells[column >> 1] = (cells[column >> 1] as number) | (dotBits[(row & 3) as 0][(column & 1) as 0] as number);
      };
      for (const points of stretches) {
        const dots = points.map((point) => place(point, width * 2, rows * 4));
        dots.forEach((end, i) => drawLine(dots[i - 1] ?? end, end, dot));
      }
      return;
    }
    // The marks of the series are in different columns, so that series of equal values stay visible.
    const own = (column: number) => column % chart.series.length === index % chart.series.length;
    const mark = (column: number, row: number, isPoint: boolean) => {
      if (isPoint || own(column)) (marked[row] as (string | undefined)[])[column] = marks[(index - 1) % marks.length];
    };
    for (const points of stretches) {
      const cells = points.map((point) => place(point, width, rows));
      cells.forEach((end, i) => drawLine(cells[i - 1] ?? end, end, (column, row) => mark(column, row, cells.length === 1)));
    }
  });
  return bits.map((row, i) => Array.from(row, (dots, j) => marked[i]?.[j] ?? (dots === 0 ? " " : String.fromCharCode(0x2800 + dots))));
}

/** Calls `dot` for every place on the line between two. */
function drawLine(from: readonly [number, number], to: readonly [number, number], dot: (column: number, row: number) => void): void {
  const length = Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]), 1);
  for (let i = 0; i <= length; i++) {
    dot(Math.round(from[0] + ((to[0] - from[0]) * i) / length), Math.round(from[1] + ((to[1] - from[1]) * i) / length));
  }
}

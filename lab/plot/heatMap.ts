import { escape, widest, widthOf, wrapText } from "./text.js";

/** Numbers in rows and columns, as colours: the darker a cell, the higher its value. */
export interface HeatMap {
  readonly title: string;
  /** `[rows][columns]`, from the top; a cell whose value is not finite is left grey. */
  readonly values: readonly (readonly number[])[];
  /** `[rows][columns]`: what is written in a cell, such as the arrow of the best action. */
  readonly marks?: readonly (readonly string[])[];
  /** Whether the values are written in their cells too. */
  readonly showValues?: boolean;
  /** The side of a square that is drawn in the middle, in cells, such as what a network can see. */
  readonly square?: number;
  /** What both rows and columns are, one by one, such as the classes of a confusion matrix: written beside the rows and below the columns. */
  readonly names?: readonly string[];
  /** What columns and rows are, and the values at their ends: from the left to the right, and from the bottom to the top. */
  readonly x?: MapAxis;
  readonly y?: MapAxis;
}

/** An axis of a {@link HeatMap}. */
interface MapAxis {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

const margin = 20;
const fontSize = 13;
const titleSize = 16;
const [titleLine, axisRoom] = [22, 40];
/** The most pixels that the longer side of all cells takes, and a cell with a value written in it and without. */
const [most, mostWithValue, mostWithout] = [700, 64, 36];

/** Draws maps in rows of so many as a stand-alone SVG image. All have one scale of colours. */
export function drawHeatMaps(maps: readonly HeatMap[], columns = 1): string {
  const scale = scaleOf(maps);
  const parts: string[] = [];
  let [top, width] = [margin, 260];
  for (let first = 0; first < maps.length; first += columns) {
    let [left, bottom] = [0, top];
    for (const map of maps.slice(first, first + columns)) {
      const drawn = drawMap(map, scale, top, most / columns);
      parts.push(`<g transform="translate(${left})">`, ...drawn.parts, "</g>");
      bottom = Math.max(bottom, drawn.bottom);
      left += drawn.right;
    }
    top = bottom + margin;
    width = Math.max(width, left + margin);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" font-family="sans-serif" font-size="${fontSize}" fill="#222222">
<title>${escape(maps.map(({ title }) => title).join("; "))}</title>
<rect width="${width}" height="${top}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

/** Places a value from 0 to 1 between the least and the greatest of all. */
function scaleOf(maps: readonly HeatMap[]): (value: number) => number {
  const values = maps.flatMap((map) => map.values.flat()).filter(Number.isFinite);
  const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  return (value) => (high > low ? (value - low) / (high - low) : 0.5);
}

function drawMap(
  { title, values, marks, showValues = false, square, names = [], x, y }: HeatMap,
  scale: (value: number) => number,
  start: number,
  room: number,
) {
  const columns = values.reduce((longest, row) => Math.max(longest, row.length), 0);
  const cell = Math.max(2, Math.min(showValues ? mostWithValue : mostWithout, Math.floor(room / Math.max(columns, values.length))));
  const nameRoom = Math.ceil(widest(names, fontSize)) + (names.length > 0 ? 8 : 0);
  const left = margin + nameRoom + (y ? 60 : 0);
  const titles = wrapText(title, Math.max(columns * cell, 240), titleSize);
  const top = start + titleLine * titles.length + 4;
  const [right, bottom] = [left + columns * cell, top + values.length * cell];
  const parts = titles.map(
    (line, i) => `<text x="${margin}" y="${start + 14 + titleLine * i}" font-size="${titleSize}">${escape(line)}</text>`,
  );
  const gap = marks || showValues ? 1 : 0;
  // Cells of one colour are one path: a surface has many.
  const paths = new Map<string, string>();
  const texts: string[] = [];
  values.forEach((row, i) => {
    row.forEach((value, j) => {
      const [cellLeft, cellTop] = [left + j * cell, top + i * cell];
      const isShown = Number.isFinite(value);
      const share = scale(value);
      const fill = isShown ? shade(share) : "#b8b8b8";
      paths.set(fill, `${paths.get(fill) ?? ""}M${cellLeft} ${cellTop}h${cell - gap}v${cell - gap}h${gap - cell}z`);
      const ink = isShown && share > 0.55 ? "#ffffff" : "#222222";
      const text = (content: string, height: number, size: number) =>
        texts.push(
          `<text x="${cellLeft + cell / 2}" y="${Math.round(cellTop + height * cell)}" font-size="${size}" text-anchor="middle" fill="${ink}">${escape(content)}</text>`,
        );
      const mark = marks?.[i]?.[j] ?? "";
      if (mark !== "") text(mark, showValues ? 0.5 : 0.66, Math.round(0.42 * cell));
      if (showValues && isShown) text(showValue(value), 0.85, Math.round(Math.min(13, 0.24 * cell)));
    });
  });
  for (const [fill, path] of paths) parts.push(`<path d="${path}" fill="${fill}"/>`);
  parts.push(...texts);
  if (square !== undefined) {
    const [squareLeft, squareTop] = [columns, values.length].map(
      (count, i) => (i === 0 ? left : top) + Math.ceil((count - square) / 2) * cell,
    );
    const side = square * cell;
    parts.push(
      `<rect x="${squareLeft}" y="${squareTop}" width="${side}" height="${side}" fill="none" stroke="#d55e00" stroke-width="1.5"/>`,
    );
  }
  names.forEach((name, i) => {
    const [across, down] = [left + (i + 0.5) * cell + 4, top + (i + 0.5) * cell + 4];
    parts.push(`<text x="${left - 6}" y="${down}" text-anchor="end">${escape(name)}</text>`);
    parts.push(
      `<text x="${across}" y="${bottom + 8}" text-anchor="end" transform="rotate(-90 ${across} ${bottom + 8})">${escape(name)}</text>`,
    );
  });
  if (x) {
    parts.push(
      `<text x="${left}" y="${bottom + 16}">${x.from}</text><text x="${right}" y="${bottom + 16}" text-anchor="end">${x.to}</text>`,
    );
    parts.push(`<text x="${(left + right) / 2}" y="${bottom + 32}" text-anchor="middle">${escape(x.label)}</text>`);
  }
  if (y) {
    const middle = (top + bottom) / 2;
    parts.push(
      `<text x="${left - 6}" y="${top + 10}" text-anchor="end">${y.to}</text><text x="${left - 6}" y="${bottom}" text-anchor="end">${y.from}</text>`,
    );
    parts.push(
      `<text x="${margin}" y="${middle}" text-anchor="middle" transform="rotate(-90 ${margin} ${middle})">${escape(y.label)}</text>`,
    );
  }
  return {
    parts,
    bottom: bottom + nameRoom + (x ? axisRoom : 0),
    right: Math.max(right, margin + widest(titles, titleSize), left + widthOf(x?.label ?? "", fontSize)),
  };
}

/** From nearly white to dark blue, in 64 steps. */
function shade(share: number): string {
  const between = (low: number, high: number) => Math.round(low + (Math.round(share * 63) / 63) * (high - low));
  return `rgb(${between(240, 8)},${between(246, 60)},${between(252, 125)})`;
}

const showValue = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2);

const shades = [" ", "░", "▒", "▓", "█"];

/** A map in characters: a mark and a value a cell, or a shade where there are neither. */
export function heatMapText({ title, values, marks, showValues = false, x, y }: HeatMap): string {
  const scale = scaleOf([{ title, values }]);
  const rows = values.map((row, i) =>
    row
      .map((value, j) => {
        const isShown = Number.isFinite(value);
        if (!marks && !showValues) return isShown ? (shades[Math.min(4, Math.floor(scale(value) * 5))] as string).repeat(2) : "  ";
        const number = showValues ? (isShown ? showValue(value) : "").padStart(7) : "";
        return `${(marks?.[i]?.[j] ?? "").padStart(2)}${number}`;
      })
      .join("")
      .trimEnd(),
  );
  const axes = [x && `across: ${x.label}, ${x.from} to ${x.to}`, y && `up: ${y.label}, ${y.from} to ${y.to}`].filter(
    (line) => line !== undefined,
  );
  return [title, ...rows, ...axes].join("\n");
}

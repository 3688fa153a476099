import { escape, widest, widthOf } from "./text.js";

/** How much each row saw of each column. */
export interface AttentionMap {
  readonly title: string;
  /** What looked, and what was looked at. */
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** `[rows][columns]`, 0 to 1. */
  readonly weights: readonly (readonly number[])[];
}

/** Maps that stand beside each other, such as those of a layer's heads. */
export interface AttentionRow {
  readonly title: string;
  readonly maps: readonly AttentionMap[];
}

const cell = 18;
const gap = 28;
const margin = 20;
/** Heights of the picture's head, of a row's title, and of a map's. */
const head = 84;
const rowTitle = 30;
const mapTitle = 20;
/** Sizes of the letters: of words, of a row's title, and of the picture's. */
const fontSize = { word: 12, row: 15, title: 17 };
const ink = "#08306b";
/** Weights below this are left white. */
const visible = 0.005;

/** Draws maps of attention as a stand-alone SVG image: the darker a square, the more its row saw of its column. */
export function drawAttentionMaps(title: string, rows: readonly AttentionRow[]): string {
  const parts: string[] = [];
  let top = head;
  let width =
    2 * margin +
    Math.max(
      460,
      widthOf(title, fontSize.title),
      widest(
        rows.map((row) => row.title),
        fontSize.row,
      ),
    );
  for (const row of rows) {
    parts.push(`<text x="${margin}" y="${top + 16}" font-size="${fontSize.row}">${escape(row.title)}</text>`);
    let left = margin;
    let height = 0;
    for (const map of row.maps) {
      const size = sizeOf(map);
      parts.push(drawMap(map, left, top + rowTitle));
      left += size.width + gap;
      height = Math.max(height, size.height);
    }
    width = Math.max(width, left - gap + margin);
    top += rowTitle + height + gap;
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.ceil(width)} ${Math.ceil(top)}" width="${Math.ceil(width)}" height="${Math.ceil(top)}" font-family="sans-serif" font-size="${fontSize.word}" fill="#222222">
<title>${escape(title)}</title>
<rect width="${Math.ceil(width)}" height="${Math.ceil(top)}" fill="#ffffff"/>
<text x="${margin}" y="30" font-size="${fontSize.title}">${escape(title)}</text>
<text x="${margin}" y="56">Each row is a word that looked, each column one that was looked at. Seen of it:</text>
${legend(margin, 62)}
${parts.join("\n")}
</svg>
`;
}

/** Of the labels beside and above a map. */
const labelsOf = ({ rows, columns }: AttentionMap) => ({
  beside: widest(rows, fontSize.word) + 6,
  above: widest(columns, fontSize.word) + 6,
});

function sizeOf(map: AttentionMap): { width: number; height: number } {
  const { beside, above } = labelsOf(map);
  return { width: beside + cell * map.columns.length, height: mapTitle + above + cell * map.rows.length };
}

function drawMap(map: AttentionMap, x: number, y: number): string {
  const { beside, above } = labelsOf(map);
  const [left, top] = [round(x + beside), round(y + mapTitle + above)];
  const [width, height] = [cell * map.columns.length, cell * map.rows.length];
  const parts = [`<text x="${left}" y="${round(y + 12)}" fill="#555555">${escape(map.title)}</text>`];
  map.columns.forEach((word, j) => {
    const across = round(left + cell * j + cell / 2 + 4);
    parts.push(`<text transform="translate(${across} ${top - 5}) rotate(-90)">${escape(word)}</text>`);
  });
  map.rows.forEach((word, i) => {
    const down = top + cell * i;
    parts.push(`<text x="${left - 5}" y="${round(down + cell / 2 + 4)}" text-anchor="end">${escape(word)}</text>`);
    map.columns.forEach((_, j) => {
      const weight = map.weights[i]?.[j] ?? 0;
      if (weight < visible) return;
      parts.push(
        `<rect x="${round(left + cell * j)}" y="${round(down)}" width="${cell}" height="${cell}" fill="${ink}" fill-opacity="${weight.toFixed(2)}"/>`,
      );
    });
  });
  parts.push(`<rect x="${left}" y="${top}" width="${width}" height="${height}" fill="none" stroke="#999999"/>`);
  return parts.join("\n");
}

/** Squares from nothing to all. */
function legend(x: number, y: number): string {
  return [0, 0.25, 0.5, 0.75, 1]
    .map((weight, i) => {
      const left = x + i * 76;
      const square = `<rect x="${left}" y="${y}" width="14" height="14" fill="${ink}" fill-opacity="${weight}" stroke="#999999"/>`;
      return `${square}<text x="${left + 20}" y="${y + 11}">${100 * weight} %</text>`;
    })
    .join("\n");
}

const round = (value: number): number => Math.round(value * 10) / 10;

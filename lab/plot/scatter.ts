import { escape, widthOf } from "./text.js";

/** A point that is shown as a text, in the colour of its group. */
export interface Labelled {
  readonly x: number;
  readonly y: number;
  readonly label: string;
  /** By default all points are of one group. */
  readonly group?: number;
}

/** Colours that colour-blind readers can tell apart (Okabe and Ito 2008); texts tell more groups apart than there are colours. */
const colours = ["#0072b2", "#d55e00", "#007a5a", "#a14a84", "#8a6d00", "#333333"];

const size = { width: 760, height: 620 };
const margin = 40;
const fontSize = 11;

/** Draws labels where their points lie, as a stand-alone SVG image, dark on white. Points that are not finite are left out. */
export function drawScatter(title: string, points: readonly Labelled[]): string {
  const shown = points.filter(({ x, y }) => Number.isFinite(x) && Number.isFinite(y));
  const placed = (values: readonly number[], length: number) => {
    const low = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
    const high = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    return (value: number) => Math.round(10 * (margin + ((value - low) / (high - low || 1)) * (length - 2 * margin))) / 10;
  };
  const across = placed(
    shown.map(({ x }) => x),
    Math.max(size.width, widthOf(title, 16) + 2 * margin),
  );
  const down = placed(
    shown.map(({ y }) => -y),
    size.height,
  );
  const width = Math.ceil(Math.max(size.width, widthOf(title, 16) + 2 * margin));
  const texts = shown.map(
    ({ x, y, label, group = 0 }) =>
      `<text x="${across(x)}" y="${down(-y) + 4}" fill="${colours[group % colours.length]}" text-anchor="middle">${escape(label)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${size.height}" width="${width}" height="${size.height}" font-family="sans-serif" font-size="${fontSize}">
<title>${escape(title)}</title>
<rect width="${width}" height="${size.height}" fill="#ffffff"/>
<text x="${margin}" y="24" font-size="16" fill="#222222">${escape(title)}</text>
${texts.join("\n")}
</svg>
`;
}

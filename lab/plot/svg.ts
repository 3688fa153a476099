import { type Axis, axesOf, type Chart, type Point, type Series, stretchesOf } from "./chart.js";
import { escape, widest, widthOf, wrapText } from "./text.js";

/** Colours that colour-blind readers can tell apart (Okabe and Ito 2008), each with a dash and a marker, so that none is needed. */
const styles = [
  { colour: "#0072b2", dash: "", marker: "circle" },
  { colour: "#d55e00", dash: "8 4", marker: "square" },
  { colour: "#007a5a", dash: "2 3", marker: "triangle" },
  { colour: "#a14a84", dash: "10 3 2 3", marker: "diamond" },
  { colour: "#8a6d00", dash: "5 2", marker: "cross" },
  { colour: "#333333", dash: "1 2", marker: "circle" },
] as const;

/** The least size of the picture, in pixels: long texts make it larger. */
const least = { width: 760, height: 440 };
const margin = 24;
const fontSize = 13;
const titleSize = 16;
const lineHeight = 18;
const legendRow = 20;
/** The number of markers on a line. */
const markersPerLine = 10;
/** The most points of a line. Of more, the least and the greatest of each stretch are drawn. */
const mostPoints = 2000;

/** Draws a chart as a stand-alone SVG image, dark on white. */
export function drawSvg(chart: Chart): string {
  const { x, y } = axesOf(chart, 8, 6);
  const room = least.width - 2 * margin;
  const titles = wrapText(chart.title, room, titleSize);
  const xLabels = wrapText(chart.xLabel, room, fontSize);
  const yLabels = wrapText(chart.logarithmic ? `${chart.yLabel}, logarithmic` : chart.yLabel, least.height - 120, fontSize);
  const yTicks = widest(
    y.ticks.map(({ label }) => label),
    fontSize,
  );
  const left = Math.ceil(18 + lineHeight * (yLabels.length - 1) + 14 + yTicks + 8);
  const entries = chart.series.length > 1 ? chart.series.map(({ name }) => 64 + widthOf(name, fontSize)) : [];
  const texts = Math.max(widest(titles, titleSize), widest(xLabels, fontSize)) + 2 * margin;
  const right = Math.ceil(Math.max(least.width, texts, left + Math.max(0, ...entries) + margin)) - rightMargin(x);
  const legend = layLegend(entries, left, right);
  const legendTop = 28 + lineHeight * (titles.length - 1) + 18;
  const top = legendTop - 2 + legendRow * ((legend.at(-1)?.row ?? -1) + 1);
  const bottom = least.height - 60 + (top - 44);
  const [width, height] = [right + rightMargin(x), bottom + 60 + lineHeight * (xLabels.length - 1)];

  const across = (value: number) => round(left + x.place(value) * (right - left));
  const up = (value: number) => round(bottom - y.place(value) * (bottom - top));
  const parts: string[] = [];
  for (const { value, label } of y.ticks) {
    parts.push(`<path d="M${left} ${up(value)}H${right}" stroke="#dddddd"/>`);
    parts.push(`<text x="${left - 8}" y="${up(value) + 4}" text-anchor="end">${escape(label)}</text>`);
  }
  for (const { value, label } of x.ticks) {
    parts.push(`<path d="M${across(value)} ${bottom}v6" stroke="#222222"/>`);
    parts.push(`<text x="${across(value)}" y="${bottom + 20}" text-anchor="middle">${escape(label)}</text>`);
  }
  parts.push(`<path d="M${left} ${top}V${bottom}H${right}" fill="none" stroke="#222222"/>`);
  chart.series.forEach((series, i) => parts.push(...drawSeries(series, i, chart, across, up)));
  legend.forEach(({ left: start, row }, i) => {
    const style = styleOf(i);
    const middle = legendTop + row * legendRow;
    parts.push(`<path d="M${start} ${middle}h32" stroke="${style.colour}" stroke-width="1.8" stroke-dasharray="${style.dash}"/>`);
    parts.push(drawMarker(style.marker, start + 16, middle, style.colour));
    parts.push(`<text x="${start + 40}" y="${middle + 4}">${escape(chart.series[i]?.name ?? "")}</text>`);
  });
  const [centre, middle] = [(left + right) / 2, (top + bottom) / 2];
  parts.push(...drawLines(titles, Math.min(centre, width - widest(titles, titleSize) / 2 - margin), 28, `font-size="${titleSize}"`));
  parts.push(...drawLines(xLabels, Math.min(centre, width - widest(xLabels, fontSize) / 2 - margin), bottom + 44));
  yLabels.forEach((line, i) => {
    const at = 18 + lineHeight * i;
    parts.push(`<text x="${at}" y="${middle}" text-anchor="middle" transform="rotate(-90 ${at} ${middle})">${escape(line)}</text>`);
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="${fontSize}" fill="#222222">
<title>${escape(chart.title)}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
${parts.join("\n")}
</svg>
`;
}

/** The colour, dash and marker of the series, class or line of an index. */
export const styleOf = (i: number) => styles[i % styles.length] as (typeof styles)[number];

/** Room for half of the last tick's label. */
const rightMargin = ({ ticks }: Axis): number => Math.max(margin, Math.ceil(widthOf(ticks.at(-1)?.label ?? "", fontSize) / 2) + 4);

/** Lines of text around a middle, below each other. */
const drawLines = (lines: readonly string[], middle: number, top: number, attributes = ""): string[] =>
  lines.map(
    (line, i) => `<text x="${round(middle)}" y="${top + lineHeight * i}" text-anchor="middle" ${attributes}>${escape(line)}</text>`,
  );

/** A series as lines between its gaps, with markers where there are several series, and where a point stands alone. */
function drawSeries(series: Series, i: number, chart: Chart, across: (x: number) => number, up: (y: number) => number): string[] {
  const { colour, dash, marker } = styleOf(i);
  const stretches = stretchesOf(series, chart).map((points) => thin(points).map((point) => [across(point.x), up(point.y)] as const));
  const line = stretches.flatMap((points) => points.map(([px, py], n) => `${n === 0 ? "M" : "L"}${px} ${py}`)).join("");
  const drawn = [
    ...drawBand(series, colour, chart, across, up),
    `<path d="${line}" fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round" stroke-dasharray="${dash}"/>`,
  ];
  const alone = stretches.filter(({ length }) => length === 1).flat();
  const all = chart.series.length === 1 ? [] : stretches.filter(({ length }) => length > 1).flat();
  const stride = Math.max(1, Math.ceil(all.length / markersPerLine));
  // The markers of the series are offset, so that series of equal values stay visible.
  const first = Math.floor((i * stride) / chart.series.length);
  for (const [px, py] of [...alone, ...all.filter((_, n) => n % stride === first)]) drawn.push(drawMarker(marker, px, py, colour));
  return drawn;
}

/** The area around a series: along its upper edge, and back along the lower. */
function drawBand(
  { band, ...series }: Series,
  colour: string,
  chart: Chart,
  across: (x: number) => number,
  up: (y: number) => number,
): string[] {
  if (!band) return [];
  const edge = (y: readonly number[]) => stretchesOf({ ...series, y }, chart).flatMap(thin);
  const points = [...edge(band.high), ...edge(band.low).reverse()].map((point) => `${across(point.x)} ${up(point.y)}`);
  return points.length === 0 ? [] : [`<path d="M${points.join("L")}Z" fill="${colour}" opacity="0.18"/>`];
}

/** Where the legend's entries stand: in rows between the title and the plot, where they cover no line. */
function layLegend(widths: readonly number[], from: number, to: number) {
  let left = from;
  let row = 0;
  return widths.map((width) => {
    if (left > from && left + width > to) {
      left = from;
      row++;
    }
    const entry = { left, row };
    left += width;
    return entry;
  });
}

function drawMarker(marker: (typeof styles)[number]["marker"], x: number, y: number, colour: string): string {
  const paths = {
    circle: `M${x - 4} ${y}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0z`,
    square: `M${x - 3.5} ${y - 3.5}h7v7h-7z`,
    triangle: `M${x} ${y - 4.5}l4.5 8h-9z`,
    diamond: `M${x} ${y - 5}l5 5l-5 5l-5 -5z`,
    cross: `M${x - 4} ${y - 4}l8 8m0 -8l-8 8`,
  };
  return `<path d="${paths[marker]}" fill="${marker === "cross" ? "none" : "#ffffff"}" stroke="${colour}" stroke-width="1.5"/>`;
}

/** The points, or where they are too many, the least and the greatest of each stretch of them. */
function thin(points: readonly Point[]): readonly Point[] {
  if (points.length <= mostPoints) return points;
  const stretch = Math.ceil((2 * points.length) / mostPoints);
  const kept = [];
  for (let start = 0; start < points.length; start += stretch) {
    const part = points.slice(start, start + stretch);
    const ends = [part.reduce((a, b) => (b.y < a.y ? b : a)), part.reduce((a, b) => (b.y > a.y ? b : a))];
    kept.push(...ends.sort((a, b) => a.x - b.x));
  }
  return kept;
}

const round = (value: number): number => Math.round(value * 10) / 10;

import { axesOf, type Chart, pointsOf } from "./chart.js";

/** Colours that colour-blind readers can tell apart (Okabe and Ito 2008), each with a dash and a marker, so that none is needed. */
const styles = [
  { colour: "#0072b2", dash: "", marker: "circle" },
  { colour: "#d55e00", dash: "8 4", marker: "square" },
  { colour: "#007a5a", dash: "2 3", marker: "triangle" },
  { colour: "#a14a84", dash: "10 3 2 3", marker: "diamond" },
  { colour: "#8a6d00", dash: "5 2", marker: "cross" },
  { colour: "#333333", dash: "1 2", marker: "circle" },
] as const;

const width = 760;
const height = 440;
const plot = { left: 82, right: width - 24, bottom: height - 60 };
const legendRow = 20;
/** Markers a line carries: enough to follow it, few enough to see it. */
const markersPerLine = 10;
/** Above so many points a line is drawn by the least and the greatest of each stretch. */
const mostPoints = 2000;

/** Draws a chart as a stand-alone SVG image, dark on white. */
export function drawSvg(chart: Chart): string {
  const { x, y } = axesOf(chart, 8, 6);
  const legend = chart.series.length > 1 ? layLegend(chart) : [];
  const top = 44 + legendRow * ((legend.at(-1)?.row ?? -1) + 1);
  const across = (value: number) => round(plot.left + x.place(value) * (plot.right - plot.left));
  const up = (value: number) => round(plot.bottom - y.place(value) * (plot.bottom - top));
  const parts: string[] = [];
  for (const { value, label } of y.ticks) {
    parts.push(`<path d="M${plot.left} ${up(value)}H${plot.right}" stroke="#dddddd"/>`);
    parts.push(`<text x="${plot.left - 8}" y="${up(value) + 4}" text-anchor="end">${escape(label)}</text>`);
  }
  for (const { value, label } of x.ticks) {
    parts.push(`<path d="M${across(value)} ${plot.bottom}v6" stroke="#222222"/>`);
    parts.push(`<text x="${across(value)}" y="${plot.bottom + 20}" text-anchor="middle">${escape(label)}</text>`);
  }
  parts.push(`<path d="M${plot.left} ${top}V${plot.bottom}H${plot.right}" fill="none" stroke="#222222"/>`);
  chart.series.forEach((series, i) => {
    const { colour, dash, marker } = styles[i % styles.length] as (typeof styles)[number];
    const points = thin(pointsOf(series, chart)).map((point) => [across(point.x), up(point.y)] as const);
    const line = points.map(([px, py], n) => `${n === 0 ? "M" : "L"}${px} ${py}`).join("");
    parts.push(`<path d="${line}" fill="none" stroke="${colour}" stroke-width="1.8" stroke-linejoin="round" stroke-dasharray="${dash}"/>`);
    if (chart.series.length === 1) return;
    const stride = Math.max(1, Math.ceil(points.length / markersPerLine));
    // Each series starts its markers elsewhere, so that one lying on another hides nothing.
    const first = Math.floor((i * stride) / chart.series.length);
    points.forEach(([px, py], n) => n % stride === first && parts.push(drawMarker(marker, px, py, colour)));
  });
  for (const { name, left, row, style } of legend) {
    const middle = 46 + row * legendRow;
    parts.push(`<path d="M${left} ${middle}h32" stroke="${style.colour}" stroke-width="1.8" stroke-dasharray="${style.dash}"/>`);
    parts.push(drawMarker(style.marker, left + 16, middle, style.colour));
    parts.push(`<text x="${left + 40}" y="${middle + 4}">${escape(name)}</text>`);
  }
  const middle = (top + plot.bottom) / 2;
  const yLabel = chart.logarithmic ? `${chart.yLabel}, logarithmic` : chart.yLabel;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="13" fill="#222222">
<title>${escape(chart.title)}</title>
<rect width="${width}" height="${height}" fill="#ffffff"/>
<text x="${(plot.left + plot.right) / 2}" y="28" text-anchor="middle" font-size="16">${escape(chart.title)}</text>
<text x="${(plot.left + plot.right) / 2}" y="${height - 16}" text-anchor="middle">${escape(chart.xLabel)}</text>
<text x="18" y="${middle}" text-anchor="middle" transform="rotate(-90 18 ${middle})">${escape(yLabel)}</text>
${parts.join("\n")}
</svg>
`;
}

/** Where the legend's entries stand: in rows between the title and the plot, where they cover no line. */
function layLegend({ series }: Chart) {
  let left: number = plot.left;
  let row = 0;
  return series.map(({ name }, i) => {
    const room = 64 + name.length * 7.5;
    if (left > plot.left && left + room > plot.right) {
      left = plot.left;
      row++;
    }
    const entry = { name, left, row, style: styles[i % styles.length] as (typeof styles)[number] };
    left += room;
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
function thin(points: { x: number; y: number }[]): { x: number; y: number }[] {
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

/** A text as SVG holds it. */
export const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

import type { train } from "kasane/node";
import { describe, expect, it } from "vitest";
import { axesOf, type Chart, meanSeries, seriesOf } from "../../lab/plot/chart.js";
import { drawHeatMaps, type HeatMap, heatMapText } from "../../lab/plot/heatMap.js";
import { drawSvg } from "../../lab/plot/svg.js";
import { drawTerminal } from "../../lab/plot/terminal.js";

const chartOf = (...ys: number[][]): Chart => ({
  title: "A & B",
  xLabel: "time (s)",
  yLabel: "height <m>",
  series: ys.map((y, i) => ({ name: `series ${i}`, x: y.map((_, j) => j), y })),
});
const labels = (chart: Chart) => axesOf(chart, 8, 4).y.ticks.map(({ label }) => label);

describe("axes", () => {
  it("have round ticks around the values", () => {
    expect(labels(chartOf([0.02, 1.24]))).toEqual(["0", "0.5", "1.0", "1.5"]);
    expect(labels(chartOf([-1, 1]))).toEqual(["-1.0", "-0.5", "0", "0.5", "1.0"]);
    expect(labels(chartOf([0, 9]))).toEqual(["0", "5", "10"]);
    expect(labels(chartOf([3e-6, 8e-6]))).toEqual(["2e-6", "4e-6", "6e-6", "8e-6"]);
    expect(labels(chartOf([0, 4e6]))).toEqual(["0", "1e6", "2e6", "3e6", "4e6"]);
  });

  it("stand for one value, or none, too", () => {
    const { low, high } = axesOf(chartOf([3, 3]), 8, 4).y;
    expect(low).toBeLessThan(3);
    expect(high).toBeGreaterThan(3);
    expect(axesOf(chartOf([]), 8, 4).y).toMatchObject({ low: 0, high: 1 });
    expect(axesOf(chartOf([Number.NaN, Number.POSITIVE_INFINITY, 1, 2]), 8, 4).y).toMatchObject({ low: 1, high: 2 });
  });

  it("are logarithmic in 1, 2 and 5 times powers of ten where these have room", () => {
    expect(labels({ ...chartOf([42, 279]), logarithmic: true })).toEqual(["20", "50", "100", "200", "500"]);
    expect(labels({ ...chartOf([50, 50]), logarithmic: true })).toEqual(["50", "100"]);
    expect(labels({ ...chartOf([0, -1]), logarithmic: true })).toEqual(["1", "2", "5", "10"]);
  });

  it("are logarithmic in powers of ten, of positive values", () => {
    const chart = { ...chartOf([1000, 0.5, 0, -3]), logarithmic: true };
    expect(labels(chart)).toEqual(["0.1", "1", "10", "100", "1000"]);
    expect(axesOf(chart, 8, 4).y.place(10)).toBeCloseTo(0.5, 12);
  });
});

it("seriesOf takes one figure of the records that have it", () => {
  const records: train.Metrics[] = [
    { step: 1, loss: 3 },
    { step: 2, rate: 1 },
    { step: 5, loss: 2 },
  ];
  expect(seriesOf(records, "loss")).toEqual({ name: "loss", x: [1, 5], y: [3, 2] });
});

it("meanSeries is the mean where all curves have a point, in a band of the standard deviation, which the axes hold", () => {
  const curve = (x: number[], y: number[]) => ({ name: "", x, y });
  const series = meanSeries([curve([0, 1, 2], [0, 1, 7]), curve([1, 2, 3], [3, 7, 9])], "mean");
  // Of 1 and 3 the sample's standard deviation is the root of 2.
  const band = { low: [2 - Math.SQRT2, 7], high: [2 + Math.SQRT2, 7] };
  expect(series).toEqual({ name: "mean", x: [1, 2], y: [2, 7], band });
  const chart = { ...chartOf(), series: [series] };
  expect(axesOf(chart, 8, 4).y).toMatchObject({ low: 0, high: 8 });
  // The band's corners are those of the line's ends: one point at the second, where both values are the same.
  expect(drawSvg(chart)).toMatch(/<path d="M([\d.]+) ([\d.]+)L([\d.]+ [\d.]+)L\3L\1 [\d.]+Z" fill="#0072b2" opacity/);
});

describe("in the terminal", () => {
  it("a rising line goes from the lower left to the upper right", () => {
    const lines = drawTerminal(chartOf([0, 1]), 30, 6).split("\n");
    expect(lines.slice(0, 2).map((line) => line.trim())).toEqual(["A & B", "height <m>"]);
    const body = lines.slice(2, 8).map((line) => line.slice(5));
    expect(body.map((row) => row.search(/[⠁-⣿]/u))).toEqual([...body.map((row) => row.search(/[⠁-⣿]/u))].sort((a, b) => b - a));
    expect(body[0]).toMatch(/[⠁-⣿]$/u);
    expect(body[5]).toMatch(/^[⠁-⣿]/u);
    expect(lines[2]).toMatch(/^ 1\.0┤/);
    expect(lines[7]).toMatch(/^ +0┤/);
    expect(lines[8]).toMatch(/^ +└[─┬]+$/);
    expect(lines.slice(9).join()).toContain("time (s)");
  });

  it("series differ by their marks, and one that lies on another hides nothing", () => {
    const text = drawTerminal(chartOf([0, 1, 2], [0, 1, 2], [2, 1, 0]));
    const plot = text.split("\n").slice(2, -3).join("\n");
    for (const mark of [/[⠁-⣿]/u, /o/, /x/]) expect(plot).toMatch(mark);
    expect(text).toMatch(/⠒⠒ series 0 +oo series 1 +xx series 2$/);
  });

  it("no line is wider than asked", () => {
    for (const columns of [20, 50, 120]) {
      for (const line of drawTerminal(chartOf([0, 100], [5, 3]), columns)
        .split("\n")
        .slice(2, -1))
        expect([...line].length).toBeLessThanOrEqual(columns);
    }
  });

  it("an empty chart has its axes", () => {
    expect(drawTerminal(chartOf([]))).toContain("┤");
  });
});

/** The numbers that the groups of `pattern` catch. */
const numbersIn = (text: string, pattern: RegExp): number[] => (pattern.exec(text) ?? []).slice(1).map(Number);

describe("as SVG", () => {
  const svg = drawSvg(chartOf([0, 1], [1, 0]));

  it("carries its labels, escaped", () => {
    for (const text of ["A &amp; B", "time (s)", "height &lt;m>", "series 0", "series 1"]) expect(svg).toContain(`>${text}</text>`);
  });

  it("tells series apart by dash and marker", () => {
    const dashes = [...svg.matchAll(/fill="none" stroke="(#\w+)" stroke-width="1.8" stroke-linejoin="round" stroke-dasharray="([\d ]*)"/g)];
    expect(new Set(dashes.map(([, colour]) => colour)).size).toBe(2);
    expect(new Set(dashes.map(([, , dash]) => dash)).size).toBe(2);
    expect(svg).toMatch(/a4 4 0 1 0 8 0/);
    expect(svg).toMatch(/h7v7h-7z/);
  });

  it("puts the values in their places", () => {
    const [x1, y1, x2, y2] = numbersIn(svg, /<path d="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)" fill="none"/);
    const [left, top, bottom, right] = numbersIn(svg, /<path d="M(\d+) (\d+)V(\d+)H(\d+)"/);
    expect([x1, y1, x2, y2]).toEqual([left, bottom, right, top]);
  });

  it("keeps the least and the greatest of many points", () => {
    const many = Array.from({ length: 100_000 }, (_, i) => (i === 77_777 ? 9 : i === 33_333 ? -9 : Math.sin(i)));
    const text = drawSvg(chartOf(many));
    expect(text.length).toBeLessThan(60_000);
    const [top = 0, bottom = 0] = numbersIn(text, /M\d+ (\d+)V(\d+)H/);
    const ys = [...text.matchAll(/[ML][\d.]+ ([\d.]+)(?=[L"])/g)].map(([, y]) => Number(y));
    // The axis goes from -10 to 10.
    expect(Math.min(...ys.slice(-2000))).toBeCloseTo(top + (bottom - top) * 0.05, 0);
  });
});

describe("nothing is lost", () => {
  const onePoint = { ...chartOf([0.5]), series: [{ name: "only", x: [3], y: [0.5] }] };

  it("one point is a point, in the picture and in the terminal, also between gaps", () => {
    expect(drawSvg(onePoint)).toMatch(/a4 4 0 1 0 8 0/);
    expect(drawTerminal(onePoint)).toMatch(/[⠁-⣿]/u);
    expect(drawSvg(chartOf([1, 2, Number.NaN, 4, Number.NaN, 2, 1])).match(/a4 4 0 1 0 8 0/g)).toHaveLength(1);
    expect(drawTerminal(chartOf([1, 2], [Number.NaN, 1.5]))).toMatch(/│.*o/);
  });

  it("a gap is no line", () => {
    const [, line = ""] = /<path d="(M[^"]*)" fill="none" stroke="#0072b2"/.exec(drawSvg(chartOf([1, 2, Number.NaN, 3, 4]))) ?? [];
    expect(line.match(/M/g)).toHaveLength(2);
    expect(line.match(/L/g)).toHaveLength(2);
  });

  it.each([[[1, 1]], [[0, 0]], [[0.97, 1]], [[0.9]], [[0, 1]]])("an axis of shares lies in 0 to 1: %j", (values) => {
    const { low, high } = axesOf(chartOf(values), 8, 6).y;
    expect(low).toBeGreaterThanOrEqual(0);
    expect(high).toBeLessThanOrEqual(1);
    expect(low).toBeLessThan(high);
  });

  it.each([[[1]], [[1, 2]], [[1, 2, 3]], [[5, 300]]])("ticks of epochs are integers: %j", (epochs) => {
    const chart = { ...chartOf([]), series: [{ name: "a", x: epochs, y: epochs.map(() => 1) }] };
    const { ticks } = axesOf(chart, 8, 6).x;
    expect(ticks.length).toBeGreaterThan(0);
    for (const { value, label } of ticks) expect([Number.isInteger(value), label]).toEqual([true, String(value)]);
  });

  it("axes hold what lies at the end of the range, and what hardly differs", () => {
    for (const values of [
      [1e308, -1e308],
      [Number.MAX_VALUE, 0],
      [Number.MIN_VALUE, 0],
      [1, 1 + Number.EPSILON],
    ]) {
      for (const logarithmic of [false, true]) {
        const { low, high, ticks, place } = axesOf({ ...chartOf(values), logarithmic }, 8, 6).y;
        expect(low).toBeLessThan(high);
        expect(ticks.length).toBeLessThan(20);
        for (const value of values.filter((each) => !logarithmic || each > 0)) {
          expect(place(value)).toBeGreaterThanOrEqual(0);
          expect(place(value)).toBeLessThanOrEqual(1 + 1e-12);
        }
      }
    }
  });

  it("long texts are wrapped or make the picture larger", () => {
    const word = "x".repeat(150);
    const long = {
      ...chartOf([1, 2], [2, 1]),
      title: `${"word ".repeat(60)}${word}`,
      yLabel: "label ".repeat(40),
      xLabel: "axis ".repeat(60),
    };
    const svg = drawSvg({ ...long, series: long.series.map((each) => ({ ...each, name: `${each.name} ${"n".repeat(140)}` })) });
    const [width = 0] = numbersIn(svg, /width="(\d+)"/);
    for (const [, attributes = "", text = ""] of svg.matchAll(/<text ([^>]*)>([^<]*)<\/text>/g)) {
      const [x = 0] = numbersIn(attributes, /x="([\d.]+)"/);
      // Latin letters of 13 to 16 pixels are about half as wide as high.
      const half = attributes.includes("middle") ? (text.length * 7) / 2 : 0;
      const [left, right] = attributes.includes("rotate")
        ? [0, 0]
        : attributes.includes('"end"')
          ? [x, x]
          : [x - half, x + half + (half ? 0 : text.length * 7)];
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right, text).toBeLessThanOrEqual(width);
    }
    for (const line of drawTerminal({ ...long, title: "word ".repeat(60) }, 40).split("\n"))
      expect([...line].length).toBeLessThanOrEqual(40);
  });
});

describe("heat maps", () => {
  const map: HeatMap = {
    title: "A <b>",
    values: [
      [0, 1],
      [Number.NaN, 10],
    ],
    marks: [
      ["→", "↓"],
      ["H", "G"],
    ],
    showValues: true,
    x: { label: "position", from: -1, to: 1 },
  };

  it("are darker where values are higher, and grey where there are none", () => {
    const drawn = drawHeatMaps([map]);
    const fills = [...drawn.matchAll(/<path d="[^"]*" fill="([^"]*)"/g)].map(([, fill]) => fill);
    expect(fills).toEqual(["rgb(240,246,252)", "rgb(218,228,240)", "#b8b8b8", "rgb(8,60,125)"]);
    for (const text of ["A &lt;b>", "→", "10.0", "position"]) expect(drawn).toContain(`>${text}</text>`);
    expect(drawn).not.toContain("NaN");
  });

  it("stand side by side, with a square around the middle", () => {
    const plain: HeatMap = { title: "t", values: Array.from({ length: 5 }, () => [0, 0, 1, 0, 0]), square: 3 };
    // Cells of 36 pixels, below a title of 26 and a margin of 20; they are 180 wide.
    const square = '<rect x="56" y="82" width="108" height="108" fill="none"';
    expect(drawHeatMaps([plain])).toContain(square);
    const three = drawHeatMaps([plain, plain, plain, plain], 3);
    expect([...three.matchAll(/translate\((\d+)\)/g)].map(([, left]) => left)).toEqual(["0", "200", "400", "0"]);
    expect(three).toContain(square);
  });

  it("have names beside the rows and below the columns", () => {
    const values = [
      [Number.NaN, 1],
      [2, Number.NaN],
    ];
    const drawn = drawHeatMaps([{ title: "t", values, names: ["a & b", "c"] }]);
    // Each name stands in the row's line and along the column's; the five letters of the longer one take 39 pixels and 8 between.
    expect([...drawn.matchAll(/>a &amp; b<\/text>/g)]).toHaveLength(2);
    expect(drawn).toContain('<text x="61" y="68" text-anchor="end">a &amp; b</text>');
    expect(drawn).toContain("M67 46h36");
    expect(drawn).toContain('height="185"');
  });

  it("are marks and values, or shades, in the terminal", () => {
    expect(heatMapText(map).split("\n")).toEqual(["A <b>", " →   0.00 ↓   1.00", " H        G   10.0", "across: position, -1 to 1"]);
    expect(heatMapText({ title: "t", values: [[0, 5, 10]] })).toBe("t\n  ▒▒██");
  });
});

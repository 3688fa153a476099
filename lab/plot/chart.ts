import type { train } from "kasane/node";

/** One line of a chart: points `(x[i], y[i])`, in the order of `x`. Points that are not finite leave a gap. */
export interface Series {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
  /** An area around the line, from `low[i]` to `high[i]`: drawn in SVG. */
  readonly band?: { readonly low: readonly number[]; readonly high: readonly number[] };
}

/** One figure of a run's records by step. Records without it are skipped. */
export function seriesOf(records: readonly train.Metrics[], figure: string, name = figure): Series {
  const points = records.filter((record) => record[figure] !== undefined);
  return { name, x: points.map(({ step }) => step), y: points.map((record) => record[figure] as number) };
}

/** The mean of several curves at the places that all have, in a band of one standard deviation on either side. */
export function meanSeries(curves: readonly Series[], name: string): Series {
  const values = curves.map(({ x, y }) => new Map(x.map((place, i) => [place, y[i] as number])));
  const x = (curves[0]?.x ?? []).filter((place) => values.every((each) => each.has(place)));
  const at = x.map((place) => values.map((each) => each.get(place) as number));
  const y = at.map(mean);
  const squares = at.map((each, i) => each.reduce((sum, value) => sum + (value - (y[i] as number)) ** 2, 0));
  const deviations = squares.map((sum) => Math.sqrt(sum / Math.max(1, curves.length - 1)));
  const shifted = (sign: number) => y.map((value, i) => value + sign * (deviations[i] as number));
  return { name, x, y, band: { low: shifted(-1), high: shifted(1) } };
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** What a chart shows, in the terminal or as SVG. */
export interface Chart {
  readonly title: string;
  /** What the axis counts, with its unit, such as `time lag (steps)`. */
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly Series[];
  /** Whether the y axis is logarithmic; values that are not positive are left out. */
  readonly logarithmic?: boolean;
}

/** An axis: what it covers, where its ticks stand, and where a value falls, from 0 to 1. */
export interface Axis {
  readonly low: number;
  readonly high: number;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
  place(value: number): number;
}

/** A point that can be shown. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** The axes of a chart, with about `xTicks` and `yTicks` ticks. */
export function axesOf(chart: Chart, xTicks: number, yTicks: number): { x: Axis; y: Axis } {
  const lines = chart.series.flatMap(({ band, ...line }) => [
    line,
    ...(band
      ? [
          { ...line, y: band.low },
          { ...line, y: band.high },
        ]
      : []),
  ]);
  const points = lines.flatMap((line) => stretchesOf(line, chart).flat());
  const x = points.map((point) => point.x);
  const y = points.map((point) => point.y);
  // Epochs and steps are integers, and so are their ticks.
  const xAxis = linearAxis(extent(x), xTicks, { integers: x.every(Number.isInteger) });
  // An axis without points has ends too. Those of a logarithmic one are above 0.
  if (chart.logarithmic) return { x: xAxis, y: logarithmicAxis(y.length === 0 ? [1, 10] : extent(y), yTicks) };
  return { x: xAxis, y: linearAxis(extent(y), yTicks, { widen: true }) };
}

/** The points of a series that its chart can show, in stretches with gaps between them. */
export function stretchesOf({ x, y }: Series, { logarithmic }: Chart): Point[][] {
  const stretches: Point[][] = [];
  let isGap = true;
  x.forEach((value, i) => {
    const point = { x: value, y: y[i] ?? Number.NaN };
    const isShown = Number.isFinite(point.x) && Number.isFinite(point.y) && (!logarithmic || point.y > 0);
    if (isShown && isGap) stretches.push([]);
    if (isShown) stretches.at(-1)?.push(point);
    isGap = !isShown;
  });
  return stretches;
}

/** The least and the greatest value; 0 to 1 where there is none. */
function extent(values: readonly number[]): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 1];
}

/** Settings of {@link linearAxis}. */
interface AxisOptions {
  /** Whether the ends are ticks. */
  readonly widen?: boolean;
  /** Whether ticks are integers. */
  readonly integers?: boolean;
}

/** The least range of an axis, relative to its values: closer ticks are equal in double precision. */
const leastSpan = 1e-9;

function linearAxis([least, greatest]: [number, number], count: number, { widen = false, integers = false }: AxisOptions): Axis {
  const [from, to] = spread(least, greatest, integers);
  // Divided before subtracting: the difference of numbers near the largest double is infinite.
  const step = Math.max(niceStep(to / count - from / count), integers ? 1 : 0);
  const most = Number.MAX_VALUE;
  const low = widen ? Math.max(-most, Math.floor(from / step + 1e-9) * step) : from;
  const high = widen ? Math.min(most, Math.ceil(to / step - 1e-9) * step) : to;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i <= Math.floor(high / step + 1e-9); i++) {
    ticks.push({ value: i * step, label: tickLabel(i * step, step) });
  }
  return { low, high, ticks, place: (value) => (value / 2 - low / 2) / (high / 2 - low / 2) };
}

/** The range of an axis. If all values are equal, it is widened around them, but within 0 to 1 if they lie there. */
function spread(least: number, greatest: number, integers: boolean): [number, number] {
  const size = Math.max(Math.abs(least), Math.abs(greatest));
  const isTiny = size < 1e-300;
  if (!isTiny && greatest / 2 - least / 2 > (leastSpan * size) / 2) return [least, greatest];
  if (integers) return [least - Math.max(1, size / 2), greatest + Math.max(1, size / 2)];
  const half = isTiny ? 0.5 : size / 2;
  const isShare = least >= 0 && greatest <= 1;
  const [low, high] = isShare ? [0, 1] : [-Number.MAX_VALUE, Number.MAX_VALUE];
  return [Math.max(low, least - half), Math.min(high, greatest + half)];
}

/** Its ends and ticks are 1, 2 and 5 times powers of ten where there is room for these, else powers of ten. */
function logarithmicAxis([lowest, greatest]: [number, number], count: number): Axis {
  const least = Math.min(lowest, 1e308); // Above it there is no rung.
  const first = Math.floor(Math.log10(least) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(greatest) - 1e-9));
  const factors = 3 * (Math.log10(greatest) - Math.log10(least)) <= count ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil((last - first) / count));
  const rungs = [];
  for (let power = first; power <= last; power++) {
    for (const factor of factors) {
      const value = Math.min(Number.MAX_VALUE, Math.max(Number.MIN_VALUE, Number(`${factor}e${power}`)));
      rungs.push({ power, value });
    }
  }
  const low = rungs.findLast(({ value }) => value <= least * (1 + 1e-9))?.value ?? least;
  const high = rungs.find(({ value }) => value > low && value >= greatest * (1 - 1e-9))?.value ?? Number.MAX_VALUE;
  const ticks = rungs
    .filter(({ power, value }) => value >= low && value <= high && power % stride === 0)
    .map(({ value }) => ({ value, label: tickLabel(value, value) }));
  const [start, span] = [Math.log(low), Math.log(high) - Math.log(low)];
  return { low, high, ticks, place: (value) => (Math.log(value) - start) / span };
}

/** The least of 1, 2, 5 times a power of ten that is at least `step`. */
function niceStep(step: number): number {
  const power = 10 ** Math.floor(Math.log10(step));
  return power * ([1, 2, 5].find((factor) => factor * power >= step * (1 - 1e-9)) ?? 10);
}

/** A tick's number with the digits that its step needs and no more. */
function tickLabel(value: number, step: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) return Number(value.toPrecision(12)).toExponential().replace("e+", "e");
  return value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))).replace(/^-0(\.0*)?$/, "0");
}

import type { train } from "kasane/node";

/** One line of a chart: points `(x[i], y[i])`, in the order of `x`. Points that are not finite leave a gap. */
export interface Series {
  readonly name: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/** One figure of a run's records, by their steps; records without it are passed over. */
export function seriesOf(records: readonly train.Metrics[], figure: string, name = figure): Series {
  const points = records.filter((record) => record[figure] !== undefined);
  return { name, x: points.map(({ step }) => step), y: points.map((record) => record[figure] as number) };
}

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

/** The axes of a chart, each about `xTicks` and `yTicks` ticks long. */
export function axesOf(chart: Chart, xTicks: number, yTicks: number): { x: Axis; y: Axis } {
  const points = chart.series.flatMap((series) => pointsOf(series, chart));
  const y = points.map((point) => point.y);
  // Without a point an axis still has ends, and here they are above 0.
  if (chart.logarithmic && y.length === 0) y.push(1, 10);
  const x = linearAxis(extent(points.map((point) => point.x)), xTicks, false);
  return { x, y: chart.logarithmic ? logarithmicAxis(extent(y), yTicks) : linearAxis(extent(y), yTicks, true) };
}

/** The points of a series that its chart can show. */
export function pointsOf({ x, y }: Series, { logarithmic }: Chart): { x: number; y: number }[] {
  return x
    .map((value, i) => ({ x: value, y: y[i] ?? Number.NaN }))
    .filter((point) => Number.isFinite(point.x) && Number.isFinite(point.y) && (!logarithmic || point.y > 0));
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

/** @param widen whether the ends move out to whole ticks */
function linearAxis([least, greatest]: [number, number], count: number, widen: boolean): Axis {
  const flat = least === greatest;
  const [from, to] = flat ? [least - (Math.abs(least) || 1) / 2, least + (Math.abs(least) || 1) / 2] : [least, greatest];
  const step = niceStep((to - from) / count);
  const low = widen ? Math.floor(from / step + 1e-9) * step : from;
  const high = widen ? Math.ceil(to / step - 1e-9) * step : to;
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    ticks.push({ value: i * step, label: tickLabel(i * step, step) });
  }
  return { low, high, ticks, place: (value) => (value - low) / (high - low) };
}

/** Its ends and ticks are 1, 2 and 5 times powers of ten where there is room for these, else powers of ten. */
function logarithmicAxis([least, greatest]: [number, number], count: number): Axis {
  const first = Math.floor(Math.log10(least) + 1e-9);
  const last = Math.max(first + 1, Math.ceil(Math.log10(greatest) - 1e-9));
  const factors = 3 * Math.log10(greatest / least) <= count ? [1, 2, 5] : [1];
  const stride = Math.max(1, Math.ceil((last - first) / count));
  const rungs = [];
  for (let power = first; power <= last; power++) for (const factor of factors) rungs.push({ power, value: Number(`${factor}e${power}`) });
  const low = rungs.findLast(({ value }) => value <= least * (1 + 1e-9))?.value as number;
  const high = rungs.find(({ value }) => value > low && value >= greatest * (1 - 1e-9))?.value as number;
  const ticks = rungs
    .filter(({ power, value }) => value >= low && value <= high && power % stride === 0)
    .map(({ value }) => ({ value, label: tickLabel(value, value) }));
  const span = Math.log(high / low);
  return { low, high, ticks, place: (value) => Math.log(value / low) / span };
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
  if (size >= 1e6 || size < 1e-4) return value.toExponential().replace("e+", "e");
  return value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9))).replace(/^-0(\.0*)?$/, "0");
}

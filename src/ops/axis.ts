import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { normalizeAxes, normalizeAxis } from "../graph/shape.js";

/** Along which axis an operator works; a negative one counts from the end. */
export interface AxisOptions {
  readonly axis?: number;
}

/** Along which axes an operator works: one or several; negative ones count from the end. */
export interface AxesOptions {
  readonly axis?: number | readonly number[];
}

/** {@link checkOptions} of options with an axis; the error of an axis in their place says how it is written. */
export function checkAxisOptions<Options extends AxesOptions>(operation: string, options: Options, names: OptionNames<Options>): void {
  check(typeof options !== "number" && !Array.isArray(options), () => {
    const axis = Array.isArray(options) ? `[${options.join(", ")}]` : String(options);
    return `${operation}: got ${axis} where its options belong: write { axis: ${axis} }`;
  });
  checkOptions(operation, options, names);
}

/** The axis that `options` name of a tensor of rank `rank`, counted from the front. */
export function axisOf(operation: string, options: AxisOptions, rank: number, byDefault: number): number {
  checkAxisOptions(operation, options, { axis: "optional" });
  return normalizeAxis(operation, options.axis ?? byDefault, rank);
}

/** The axes that `options` name of a tensor of rank `rank`, by default all, counted from the front in ascending order. */
export function axesOf(operation: string, options: AxesOptions, rank: number): number[] {
  checkAxisOptions(operation, options, { axis: "optional" });
  return normalizeAxes(operation, options.axis, rank);
}

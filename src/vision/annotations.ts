import { closestName } from "../graph/closestName.js";
import { check, excerpt } from "../graph/error.js";
import type { Box } from "./boxes.js";
import type { Truth } from "./detections.js";

/** An image's objects as a file of annotations has them. */
export interface AnnotatedImage {
  /** The name of the image's file. */
  readonly file: string;
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  readonly objects: readonly Omit<Truth, "image">[];
}

/** More pixels than any side of an image has. */
const longestSide = 1_000_000;

/** Throws unless an image's side is a number of pixels; `where` begins the error. */
export function checkSide(where: string, name: string, value: unknown): asserts value is number {
  check(
    typeof value === "number" && Number.isInteger(value) && value > 0 && value <= longestSide,
    () => `${where}: ${name} ${shown(value)}, expected an integer from 1 to ${longestSide}`,
  );
}

/** A box of a file, which may reach beyond the image, as it does in published data sets: `clipBox` cuts it. */
export function boxOf(where: string, box: Box): Box {
  const [x1, y1, x2, y2] = box;
  check(
    box.every((value) => Number.isFinite(value) && Math.abs(value) <= 2 * longestSide) && x1 <= x2 && y1 <= y2,
    () => `${where}: box from (${x1}, ${y1}) to (${x2}, ${y2}), expected finite corners in order`,
  );
  return box;
}

/** The index of a class by its name. */
export function classOf(where: string, name: string, classes: readonly string[]): number {
  const index = classes.indexOf(name);
  check(index >= 0, () => {
    const near = closestName(name, classes);
    return `${where}: unknown class ${excerpt(name)}: ${near ? `did you mean ${near}?` : `expected one of ${excerpt(classes.join(", "), 200)}`}`;
  });
  return index;
}

/** A value of a file, short, as an error shows it. */
export function shown(value: unknown): string {
  if (value === undefined) return "missing";
  if (typeof value === "number") return `${value}`;
  if (typeof value !== "object" || value === null) return excerpt(JSON.stringify(value));
  if (!Array.isArray(value)) return "an object";
  // Only what is flat is written out: JSON.stringify may not reach the end of what is nested deep.
  const isShort = value.length <= 8 && value.every((each) => typeof each !== "object" || each === null);
  return isShort ? excerpt(JSON.stringify(value)) : `an array of ${value.length}`;
}

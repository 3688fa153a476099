import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type Box, checkBox, plainArea } from "./boxes.js";
import { background } from "./match.js";

/** The places of a map: `height` times `width`, the first centred at half a stride, each `stride` pixels from the next. */
export interface Places {
  readonly height: number;
  readonly width: number;
  /** In pixels. */
  readonly stride: number;
}

/** What each place of a map is trained to find, row by row. */
export interface PlaceTargets {
  /** The class of the object, or {@link background}. */
  readonly classes: Int32Array<ArrayBuffer>;
  /** Four corners a place, zeros where there is no object. */
  readonly boxes: Float32Array<ArrayBuffer>;
}

/** How {@link assignPlaces} decides. */
export interface PlaceOptions {
  /** How far the places of an object lie from its centre at most, along each axis, in strides; by default 1.5. */
  readonly radius?: number;
}

/**
 * The object of each place of a map: centre sampling, in the manner of Tian et al. 2019, FCOS (section 3.2 and the authors' later improvement). A
 * place near an object's centre and within its box belongs to it, and so does the place nearest to its centre; of several objects, the smallest gets it.
 */
export function assignPlaces(
  objects: readonly { readonly class: number; readonly box: Box }[],
  { height, width, stride }: Places,
  options: PlaceOptions = {},
): PlaceTargets {
  checkOptions<PlaceOptions>("assignPlaces", options, { radius: "optional" });
  const { radius = 1.5 } = options;
  check(radius >= 0 && Number.isFinite(radius), () => `assignPlaces: radius ${radius}, expected a number from 0`);
  check(
    [height, width].every((size) => Number.isInteger(size) && size >= 0),
    () => `assignPlaces: ${height} x ${width} places, expected integers from 0`,
  );
  check(stride > 0 && Number.isFinite(stride), () => `assignPlaces: stride ${stride}, expected a number above 0`);
  const classes = new Int32Array(height * width).fill(background);
  const boxes = new Float32Array(4 * height * width);
  const areas = new Float64Array(height * width).fill(Number.POSITIVE_INFINITY);
  for (const { class: of, box } of objects) {
    checkBox("assignPlaces", box);
    check(Number.isInteger(of) && of >= 0, () => `assignPlaces: class ${of}, expected an index from 0`);
    const area = plainArea(box);
    const columns = placesAlong(box[0], box[2], width, stride, radius);
    for (const y of placesAlong(box[1], box[3], height, stride, radius)) {
      for (const x of columns) {
        const place = y * width + x;
        if (area >= (areas[place] as number)) continue;
        areas[place] = area;
        classes[place] = of;
        boxes.set(box, 4 * place);
      }
    }
  }
  return { classes, boxes };
}

/** The indices along an axis of the places near the middle of an interval and in it, at least that of the nearest place. */
function placesAlong(from: number, to: number, size: number, stride: number, radius: number): number[] {
  const middle = (from + to) / 2;
  const nearest = Math.min(size - 1, Math.max(0, Math.floor(middle / stride)));
  const indices: number[] = [];
  for (let i = Math.max(0, Math.floor(middle / stride - radius) - 1); i <= Math.min(size - 1, Math.ceil(middle / stride + radius)); i++) {
    const centre = (i + 0.5) * stride;
    if (i === nearest || (Math.abs(centre - middle) <= radius * stride && centre > from && centre < to)) indices.push(i);
  }
  return indices;
}

import { check } from "../../graph/error.js";
import { checkSample, type LabelledBox, type Picture, type Sample } from "./sample.js";

type Corners = LabelledBox["box"];

/** Where the pixels of a sample go. */
export interface Movement {
  /** The size of the result. */
  readonly height: number;
  readonly width: number;
  /** Fills a plane `[height, width]` of the result from one of the sample; `fill` is for pixels that come from outside. */
  plane(source: Uint8Array, target: Uint8Array, fill: number): void;
  /** Does the same for classes of pixels, which have no values between them; by default {@link plane}. */
  mask?(source: Uint8Array, target: Uint8Array, fill: number): void;
  /** Where the corners of a box go. It may reach beyond the picture. */
  box(box: Corners): Corners;
}

/** What stands where a movement brings nothing, and which boxes are kept. */
export interface MovementOptions {
  /** The value of pixels from outside the picture, 0 to 255, by default 0; or one for each channel. */
  readonly fill?: number | readonly number[];
  /** The class of pixels from outside the mask, by default 255, which losses are commonly told to ignore. */
  readonly maskFill?: number;
  /** Boxes of which a smaller share stays in the picture are left out, by default only those of which nothing stays. */
  readonly leastVisible?: number;
}

/** The names of {@link MovementOptions}, for `checkOptions`. */
export const movementOptions = { fill: "optional", maskFill: "optional", leastVisible: "optional" } as const;

/** Throws unless the options are in their bounds. */
export function checkMovementOptions(owner: string, { fill = 0, maskFill = 0, leastVisible = 0 }: MovementOptions): void {
  for (const value of [maskFill, ...(typeof fill === "number" ? [fill] : fill)])
    check(Number.isInteger(value) && value >= 0 && value <= 255, () => `${owner}: got fill ${value}, expected an integer from 0 to 255`);
  check(leastVisible >= 0 && leastVisible <= 1, () => `${owner}: got leastVisible ${leastVisible}, expected a share from 0 to 1`);
}

/** The sample after a movement: picture, mask and boxes go together. */
export function moved<S extends Sample>(owner: string, sample: S, movement: Movement, options: MovementOptions = {}): S {
  checkSample(owner, sample);
  const { picture, boxes, mask } = sample;
  const { height, width } = movement;
  const { maskFill = 255, leastVisible = 0 } = options;
  const parts: { picture: Picture; boxes?: readonly LabelledBox[]; mask?: Uint8Array } = {
    picture: { ...picture, height, width, pixels: movedPixels(owner, picture, movement, options.fill ?? 0) },
  };
  if (mask) {
    parts.mask = new Uint8Array(height * width);
    (movement.mask ?? movement.plane)(mask, parts.mask, maskFill);
  }
  if (boxes) parts.boxes = boxes.flatMap((each) => movedBox(each, movement, leastVisible));
  return { ...sample, ...parts };
}

function movedPixels(owner: string, picture: Picture, movement: Movement, fill: number | readonly number[]): Uint8Array {
  const { channels } = picture;
  check(
    typeof fill === "number" || fill.length === channels,
    () => `${owner}: got ${(fill as readonly number[]).length} values to fill with, expected one for each of ${channels} channels`,
  );
  const [from, to] = [picture.height * picture.width, movement.height * movement.width];
  const pixels = new Uint8Array(channels * to);
  for (let channel = 0; channel < channels; channel++) {
    const source = picture.pixels.subarray(channel * from, (channel + 1) * from);
    const target = pixels.subarray(channel * to, (channel + 1) * to);
    movement.plane(source, target, typeof fill === "number" ? fill : (fill[channel] as number));
  }
  return pixels;
}

/** The box after the movement, cut to the picture; nothing where too little of it is there. */
function movedBox(each: LabelledBox, movement: Movement, leastVisible: number): LabelledBox[] {
  const [x1, y1, x2, y2] = movement.box(each.box);
  const within = (value: number, size: number) => Math.min(Math.max(value, 0), size);
  const [left, right] = [within(x1, movement.width), within(x2, movement.width)];
  const [top, bottom] = [within(y1, movement.height), within(y2, movement.height)];
  const visible = (right - left) * (bottom - top);
  if (!(visible > 0) || visible < leastVisible * (x2 - x1) * (y2 - y1)) return [];
  return [{ ...each, box: [left, top, right, bottom] }];
}

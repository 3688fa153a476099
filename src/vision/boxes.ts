import { check } from "../graph/error.js";

/** The corners `[x1, y1, x2, y2]` of a rectangle, in pixels from the upper left corner of the image; `x1 <= x2` and `y1 <= y2`. */
export type Box = readonly [x1: number, y1: number, x2: number, y2: number];

/** The largest `ln(width / anchor width)` that is decoded, the bound of Detectron and torchvision: `exp` of far larger ones overflows. */
export const largestLogRatio = Math.log(1000 / 16);

/** Throws unless the corners are numbers in order; `owner` begins the error. */
export function checkBox(owner: string, box: Box): void {
  const [x1, y1, x2, y2] = box;
  check(
    box.length === 4 && box.every(Number.isFinite) && x1 <= x2 && y1 <= y2,
    () => `${owner}: box [${box.join(", ")}], expected [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2, in finite numbers`,
  );
}

/** What two boxes share and what they cover, of boxes that are known to be in order. */
function areas(a: Box, b: Box): { readonly intersection: number; readonly union: number } {
  const width = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]));
  const height = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));
  const intersection = width * height;
  return { intersection, union: plainArea(a) + plainArea(b) - intersection };
}

/** Width times height of a box that was checked before. */
export const plainArea = ([x1, y1, x2, y2]: Box): number => (x2 - x1) * (y2 - y1);

const ratio = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/** {@link iou} of boxes that were checked before. */
export function checkedIou(a: Box, b: Box): number {
  const { intersection, union } = areas(a, b);
  return ratio(intersection, union);
}

/** The share of `part` that lies in `whole`, of boxes that were checked before: how COCO compares a detection with a crowd. */
export const shareWithin = (part: Box, whole: Box): number => ratio(areas(part, whole).intersection, plainArea(part));

/** Width times height. */
export function area(box: Box): number {
  checkBox("area", box);
  return plainArea(box);
}

/** Intersection over union, 0 to 1; 0 where both boxes are without area. */
export function iou(a: Box, b: Box): number {
  checkBox("iou", a);
  checkBox("iou", b);
  return checkedIou(a, b);
}

/**
 * Generalized intersection over union, -1 to 1 (Rezatofighi et al. 2019, Generalized Intersection over Union, algorithm 1): IoU less the
 * share of the smallest box around both that neither covers.
 */
export function giou(a: Box, b: Box): number {
  checkBox("giou", a);
  checkBox("giou", b);
  const { intersection, union } = areas(a, b);
  const around = plainArea([Math.min(a[0], b[0]), Math.min(a[1], b[1]), Math.max(a[2], b[2]), Math.max(a[3], b[3])]);
  return ratio(intersection, union) - ratio(around - union, around);
}

/** The part of a box that lies in an image; a box outside becomes one without area on the border. */
export function clipBox(box: Box, width: number, height: number): Box {
  checkBox("clipBox", box);
  const within = (value: number, size: number) => Math.min(Math.max(value, 0), size);
  return [within(box[0], width), within(box[1], height), within(box[2], width), within(box[3], height)];
}

const centred = ([x1, y1, x2, y2]: Box) => ({ x: (x1 + x2) / 2, y: (y1 + y2) / 2, width: x2 - x1, height: y2 - y1 });

/**
 * The offsets from an anchor to a box: the centre's in sizes of the anchor, then the logarithms of the ratios of width and height
 * (Ren et al. 2015, Faster R-CNN, section 3.1.2, equation 2).
 * @throws KasaneError where a box or an anchor is without area: its offsets are infinite
 */
export function encodeBox(box: Box, anchor: Box): readonly [number, number, number, number] {
  for (const each of [box, anchor]) {
    checkBox("encodeBox", each);
    check(plainArea(each) > 0, () => `encodeBox: box [${each.join(", ")}] is without area, expected x1 < x2 and y1 < y2`);
  }
  const [b, a] = [centred(box), centred(anchor)];
  return [(b.x - a.x) / a.width, (b.y - a.y) / a.height, Math.log(b.width / a.width), Math.log(b.height / a.height)];
}

/** The box at offsets from an anchor: what {@link encodeBox} turns round. A side is at most 62.5 times as long as the anchor's. */
export function decodeBox(offsets: readonly [number, number, number, number], anchor: Box): Box {
  checkBox("decodeBox", anchor);
  const a = centred(anchor);
  const [x, y] = [a.x + offsets[0] * a.width, a.y + offsets[1] * a.height];
  const halfWidth = (Math.exp(Math.min(offsets[2], largestLogRatio)) * a.width) / 2;
  const halfHeight = (Math.exp(Math.min(offsets[3], largestLogRatio)) * a.height) / 2;
  return [x - halfWidth, y - halfHeight, x + halfWidth, y + halfHeight];
}

import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { RandomGenerator } from "../random/generator.js";

/** The random stream that first anchors are drawn from. */
const anchorStream = 0xa9c4;

/** A width and a height, in pixels. */
export type BoxSize = readonly [width: number, height: number];

/** How {@link clusterAnchors} searches. */
export interface AnchorOptions {
  /** Of the first anchors; by default 0. */
  readonly seed?: number;
  /** Rounds at most; by default 100. The search ends when no box changes its anchor. */
  readonly rounds?: number;
}

/** What {@link clusterAnchors} finds. */
export interface Anchors {
  /** In ascending order of areas. */
  readonly sizes: readonly BoxSize[];
  /** The mean over the boxes of the IoU with their best anchor, centres together. */
  readonly meanIou: number;
}

/**
 * Sizes of anchors by k-means with `1 - IoU` as the distance, centres together (Redmon and Farhadi 2017, YOLO9000, section 2). The first ones
 * are drawn among the boxes, far ones more probably (k-means++, Arthur and Vassilvitskii 2007).
 * @param sizes of the boxes of a training set
 * @param count how many anchors, at most as many as there are different sizes
 */
export function clusterAnchors(sizes: readonly BoxSize[], count: number, options: AnchorOptions = {}): Anchors {
  const owner = "clusterAnchors";
  checkOptions<AnchorOptions>(owner, options, { seed: "optional", rounds: "optional" });
  const { seed = 0, rounds = 100 } = options;
  for (const [width, height] of sizes) {
    check(
      width > 0 && height > 0 && Number.isFinite(width) && Number.isFinite(height),
      () => `${owner}: size ${width} x ${height}, expected more than 0`,
    );
  }
  const different = new Set(sizes.map(String)).size;
  check(Number.isInteger(count) && count > 0 && count <= different, () => `${owner}: ${count} anchors of ${different} different sizes`);
  check(Number.isInteger(rounds) && rounds > 0, () => `${owner}: rounds ${rounds}, expected an integer from 1`);

  let anchors = firstAnchors(sizes, count, new RandomGenerator(undefined, seed, anchorStream));
  let places = sizes.map((size) => nearest(size, anchors));
  for (let round = 0; round < rounds; round++) {
    anchors = anchors.map((anchor, i) => meanSize(sizes.filter((_, s) => places[s] === i)) ?? anchor);
    const next = sizes.map((size) => nearest(size, anchors));
    const isSame = next.every((place, s) => place === places[s]);
    places = next;
    if (isSame) break;
  }
  const meanIou = sizes.reduce((sum, size, s) => sum + sizeIou(size, anchors[places[s] as number] as BoxSize), 0) / sizes.length;
  return { sizes: [...anchors].sort((a, b) => a[0] * a[1] - b[0] * b[1]), meanIou };
}

/** IoU of two boxes with one centre. */
function sizeIou(a: BoxSize, b: BoxSize): number {
  const intersection = Math.min(a[0], b[0]) * Math.min(a[1], b[1]);
  return intersection / (a[0] * a[1] + b[0] * b[1] - intersection);
}

/** Each is drawn with a probability in proportion to the square of its distance from those drawn before. */
function firstAnchors(sizes: readonly BoxSize[], count: number, random: RandomGenerator): BoxSize[] {
  const anchors = [sizes[random.integer(sizes.length)] as BoxSize];
  while (anchors.length < count) {
    const weights = sizes.map((size) => Math.min(...anchors.map((anchor) => 1 - sizeIou(size, anchor))) ** 2);
    let left = random.uniform() * weights.reduce((sum, weight) => sum + weight, 0);
    let chosen = weights.findIndex((weight) => {
      left -= weight;
      return weight > 0 && left < 0;
    });
    // Rounding may leave a rest after the last.
    if (chosen === -1) chosen = weights.findLastIndex((weight) => weight > 0);
    anchors.push(sizes[chosen] as BoxSize);
  }
  return anchors;
}

/** The anchor of the largest IoU, the first of equals. */
function nearest(size: BoxSize, anchors: readonly BoxSize[]): number {
  const overlaps = anchors.map((anchor) => sizeIou(size, anchor));
  return overlaps.indexOf(Math.max(...overlaps));
}

/** The mean width and height, or nothing of no sizes. */
function meanSize(sizes: readonly BoxSize[]): BoxSize | undefined {
  if (sizes.length === 0) return undefined;
  const mean = (side: 0 | 1) => sizes.reduce((sum, size) => sum + size[side], 0) / sizes.length;
  return [mean(0), mean(1)];
}

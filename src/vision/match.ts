import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type Box, checkBox, checkedIou } from "./boxes.js";

/** What {@link matchAnchors} gives an anchor of the background. */
export const background = -1;
/** What {@link matchAnchors} gives an anchor between the thresholds, which no loss should count. */
export const ignored = -2;

/** How {@link matchAnchors} decides; the defaults are those of Faster R-CNN's proposals. */
export interface MatchOptions {
  /** An anchor of this IoU or more with a truth is matched to the truth it overlaps most; by default 0.7. */
  readonly positive?: number;
  /** An anchor whose IoU with all truths is less is {@link background}; by default 0.3. */
  readonly negative?: number;
  /** Whether the anchors that overlap a truth most are matched to it whatever their IoU, unless it is 0; by default true. */
  readonly everyTruth?: boolean;
}

/**
 * The truth of each anchor: its index, {@link background} or {@link ignored} (Ren et al. 2015, Faster R-CNN, section 3.1.2).
 * Of truths that an anchor overlaps equally, it gets the first.
 */
export function matchAnchors(anchors: readonly Box[], truths: readonly Box[], options: MatchOptions = {}): Int32Array {
  const owner = "matchAnchors";
  checkOptions<MatchOptions>(owner, options, { positive: "optional", negative: "optional", everyTruth: "optional" });
  const { positive = 0.7, negative = 0.3, everyTruth = true } = options;
  check(
    0 <= negative && negative <= positive && positive <= 1,
    () => `${owner}: thresholds negative ${negative}, positive ${positive}, expected 0 <= negative <= positive <= 1`,
  );
  for (const box of [...anchors, ...truths]) checkBox(owner, box);

  const overlaps = truths.map((truth) => Float64Array.from(anchors, (anchor) => checkedIou(anchor, truth)));
  const matches = Int32Array.from(anchors, (_, a) => {
    const best = largest(overlaps, a);
    const overlap = best === background ? 0 : at(overlaps, best, a);
    if (best !== background && overlap >= positive) return best;
    return overlap < negative || best === background ? background : ignored;
  });
  if (everyTruth) {
    const forced = new Int32Array(anchors.length).fill(background);
    overlaps.forEach((row, truth) => {
      const most = row.reduce((a, b) => Math.max(a, b), 0);
      if (most === 0) return;
      row.forEach((overlap, a) => {
        const before = forced[a] as number;
        if (overlap === most && (before === background || overlap > at(overlaps, before, a))) forced[a] = truth;
      });
    });
    forced.forEach((truth, a) => {
      if (truth !== background) matches[a] = truth;
    });
  }
  return matches;
}

const at = (overlaps: readonly Float64Array[], truth: number, anchor: number): number =>
  (overlaps[truth] as Float64Array)[anchor] as number;

/** The truth that an anchor overlaps most, the first of equals. */
function largest(overlaps: readonly Float64Array[], anchor: number): number {
  let best = background;
  for (let truth = 0; truth < overlaps.length; truth++) {
    if (best === background || at(overlaps, truth, anchor) > at(overlaps, best, anchor)) best = truth;
  }
  return best;
}

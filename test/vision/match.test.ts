import { vision } from "kasane";
import { describe, expect, it } from "vitest";

type Box = vision.Box;

describe("matchAnchors", () => {
  const truths: Box[] = [
    [0, 0, 10, 10],
    [20, 0, 30, 10],
  ];
  // IoU with the first truth: 1, 0.8, 0.5, 0.1, 0; with the second: 0.4 for the last but one, 0 for the others.
  const anchors: Box[] = [
    [0, 0, 10, 10],
    [0, 0, 10, 8],
    [0, 0, 10, 5],
    [0, 0, 10, 1],
    [20, 0, 30, 4],
    [50, 0, 60, 4],
  ];

  it("follows the thresholds, and gives every truth the anchor that overlaps it most", () => {
    const { background, ignored } = vision;
    expect([...vision.matchAnchors(anchors, truths)]).toEqual([0, 0, ignored, background, 1, background]);
    expect([...vision.matchAnchors(anchors, truths, { everyTruth: false })]).toEqual([0, 0, ignored, background, ignored, background]);
    expect([...vision.matchAnchors(anchors, truths, { positive: 0.5, negative: 0.5, everyTruth: false })]).toEqual([0, 0, 0, -1, -1, -1]);
    expect([...vision.matchAnchors(anchors.slice(0, 2), [])]).toEqual([background, background]);
    expect(vision.matchAnchors([], truths)).toHaveLength(0);
  });

  it("gives an anchor that is best for two truths the one it overlaps more", () => {
    const both: Box[] = [
      [0, 0, 10, 4],
      [0, 0, 10, 6],
    ];
    expect([...vision.matchAnchors([[0, 0, 10, 10]], both)]).toEqual([1]);
    expect(() => vision.matchAnchors(anchors, truths, { positive: 0.2 })).toThrow(
      "matchAnchors: thresholds negative 0.3, positive 0.2, expected 0 <= negative <= positive <= 1",
    );
  });
});

describe("nonMaximumSuppression", () => {
  // IoU of 0 and 1: 90 / 110; of 0 and 2: 0.5, exactly the threshold; 3 is apart.
  const boxes: Box[] = [
    [0, 0, 10, 10],
    [1, 0, 11, 10],
    [0, 0, 10, 5],
    [20, 0, 30, 10],
  ];
  const scores = [0.8, 0.9, 0.7, 0.1];
  const indices = (kept: readonly vision.KeptBox[]) => kept.map(({ index }) => index);

  it("keeps the largest score of boxes that overlap by more than the threshold", () => {
    expect(vision.nonMaximumSuppression(boxes, scores)).toEqual([
      { index: 1, score: 0.9 },
      { index: 2, score: 0.7 },
      { index: 3, score: 0.1 },
    ]);
    expect(indices(vision.nonMaximumSuppression(boxes, [0.9, 0.8, 0.7, 0.1]))).toEqual([0, 2, 3]);
    expect(indices(vision.nonMaximumSuppression(boxes, scores, { iouThreshold: 0.4 }))).toEqual([1, 3]);
    expect(indices(vision.nonMaximumSuppression(boxes, scores, { classes: [0, 1, 0, 0], scoreThreshold: 0.1 }))).toEqual([1, 0, 2]);
    expect(indices(vision.nonMaximumSuppression(boxes, scores, { limit: 1 }))).toEqual([1]);
    expect(vision.nonMaximumSuppression([], [])).toEqual([]);
  });

  it("lowers scores softly by the paper's formula", () => {
    const kept = vision.nonMaximumSuppression(boxes, scores, { softSigma: 0.5 });
    const decay = (a: number, b: number) => Math.exp(-(vision.iou(boxes[a] as Box, boxes[b] as Box) ** 2) / 0.5);
    const second = 0.7 * decay(1, 2);
    expect(indices(kept)).toEqual([1, 2, 0, 3]);
    expect(kept[1]?.score).toBeCloseTo(second, 12);
    expect(kept[2]?.score).toBeCloseTo(0.8 * decay(1, 0) * decay(2, 0), 12);
    expect(indices(vision.nonMaximumSuppression(boxes, scores, { softSigma: 0.5, scoreThreshold: 0.2 }))).toEqual([1, 2]);
  });

  it("refuses what does not fit", () => {
    expect(() => vision.nonMaximumSuppression(boxes, [1])).toThrow("nonMaximumSuppression: 1 scores for 4 boxes");
    expect(() => vision.nonMaximumSuppression(boxes, [1, Number.NaN, 1, 1])).toThrow("score NaN of box 1, expected a finite number");
    expect(() => vision.nonMaximumSuppression(boxes, scores, { classes: [1] })).toThrow("1 classes for 4 boxes");
    expect(() => vision.nonMaximumSuppression(boxes, scores, { softSigma: 0.5, iouThreshold: 0.5 })).toThrow("expected one of them");
    expect(() => vision.nonMaximumSuppression(boxes, scores, { softSigma: 0 })).toThrow("softSigma 0, expected more than 0");
  });
});

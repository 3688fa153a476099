import { readFileSync } from "node:fs";
import { vision } from "kasane";
import { describe, expect, it } from "vitest";

/** Written by test/fixtures/detection.py: 55 truths, among them crowds, difficult ones and areas of outlines, and 225 detections. */
const fixture = JSON.parse(readFileSync(new URL("../fixtures/detection.json", import.meta.url), "utf8")) as {
  readonly truths: readonly vision.Truth[];
  readonly detections: readonly vision.Detection[];
  readonly coco: Readonly<Record<string, number>> & { readonly byClass: readonly number[] };
  readonly voc11: readonly number[];
  readonly vocAll: readonly number[];
};

describe("average precision", () => {
  it("is pycocotools', by threshold, size and class", () => {
    const found = vision.cocoAveragePrecision(fixture.detections, fixture.truths);
    for (const name of ["ap", "ap50", "ap75", "apSmall", "apMedium", "apLarge", "averageRecall"] as const) {
      expect(found[name], name).toBeCloseTo(fixture.coco[name] as number, 12);
    }
    expect([...found.byClass.keys()]).toEqual([0, 1, 2]);
    fixture.coco.byClass.forEach((expected, c) => expect(found.byClass.get(c)).toBeCloseTo(expected, 12));
  });

  it("is Pascal VOC's, at 11 points and at all", () => {
    for (const [points, expected] of [
      [11, fixture.voc11],
      ["all", fixture.vocAll],
    ] as const) {
      const found = vision.vocAveragePrecision(fixture.detections, fixture.truths, { points });
      expected.forEach((value, c) => expect(found.byClass.get(c)).toBeCloseTo(value, 12));
      expect(found.mean).toBeCloseTo(expected.reduce((sum, value) => sum + value, 0) / 3, 12);
    }
  });

  it("is right by hand: one of two found, after one that is wrong", () => {
    const truths = [
      { image: 0, class: 4, box: [0, 0, 10, 10] },
      { image: 1, class: 4, box: [0, 0, 10, 10] },
    ] as const;
    const detections = [
      { image: 1, class: 4, box: [20, 0, 30, 10], score: 0.9 },
      { image: 0, class: 4, box: [0, 0, 10, 10], score: 0.8 },
      { image: 0, class: 4, box: [0, 0, 10, 9], score: 0.7 },
    ] as const;
    // Precision 1/2 up to recall 1/2: at 51 of 101 recalls, at 6 of 11, over half of the axis.
    expect(vision.cocoAveragePrecision(detections, truths).ap).toBeCloseTo((51 / 101) * 0.5, 12);
    expect(vision.vocAveragePrecision(detections, truths, { points: 11 }).mean).toBeCloseTo((6 / 11) * 0.5, 12);
    expect(vision.vocAveragePrecision(detections, truths).mean).toBeCloseTo(0.25, 12);
    expect(vision.cocoAveragePrecision([], truths)).toMatchObject({ ap: 0, averageRecall: 0, apLarge: Number.NaN });
    expect(vision.vocAveragePrecision(detections, []).mean).toBeNaN();
  });

  it("refuses what it does not understand", () => {
    const [detection] = fixture.detections as [vision.Detection];
    expect(() => vision.cocoAveragePrecision([{ ...detection, score: Number.NaN }], [])).toThrow(
      "cocoAveragePrecision: score NaN, expected a finite number",
    );
    expect(() => vision.cocoAveragePrecision([{ ...detection, class: -1 }], [])).toThrow("class -1, expected an index from 0");
    expect(() => vision.vocAveragePrecision([], [], { iouThreshold: 50 })).toThrow("iouThreshold 50, expected more than 0, and at most 1");
  });
});

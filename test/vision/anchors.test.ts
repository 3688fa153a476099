import { vision } from "kasane";
import { describe, expect, it } from "vitest";

describe("clusterAnchors", () => {
  // Two clusters whose means are known: flat ones around 40 x 10, high ones around 10 x 40.
  const sizes: vision.BoxSize[] = [
    [38, 10],
    [40, 9],
    [42, 11],
    [10, 39],
    [11, 40],
    [9, 41],
  ];

  it("finds clusters of shapes, whatever the seed", () => {
    for (const seed of [0, 1, 2, 3]) {
      const { sizes: found, meanIou } = vision.clusterAnchors(sizes, 2, { seed });
      const flatFirst = [...found].sort((a, b) => b[0] - a[0]);
      expect(flatFirst).toEqual([
        [40, 10],
        [10, 40],
      ]);
      // IoU with 40 x 10: 38/40, 36/40, 400/462; with 10 x 40: 39/40, 40/44, 9 * 40 / (369 + 400 - 360).
      expect(meanIou).toBeCloseTo((38 / 40 + 36 / 40 + 400 / 462 + 39 / 40 + 40 / 44 + 360 / 409) / 6, 12);
    }
  });

  it("gives every size its anchor where there are as many", () => {
    const { sizes: found, meanIou } = vision.clusterAnchors(
      [
        [4, 4],
        [1, 1],
        [2, 2],
        [1, 1],
      ],
      3,
    );
    expect(found).toEqual([
      [1, 1],
      [2, 2],
      [4, 4],
    ]);
    expect(meanIou).toBe(1);
  });

  it("refuses more anchors than sizes, and sizes of 0", () => {
    expect(() =>
      vision.clusterAnchors(
        [
          [1, 1],
          [1, 1],
        ],
        2,
      ),
    ).toThrow("clusterAnchors: 2 anchors of 1 different sizes");
    expect(() => vision.clusterAnchors([[0, 1]], 1)).toThrow("clusterAnchors: size 0 x 1, expected more than 0");
  });
});

import { readFileSync } from "node:fs";
import { compile, grad, sum, type Tensor, tensor, vision } from "kasane";
import { describe, expect, it } from "vitest";

/** Written by test/fixtures/roiAlign.py: maps `[2, 3, 5, 6]`, four boxes for each, some beyond the border or without area. */
const fixture = JSON.parse(readFileSync(new URL("../fixtures/roiAlign.json", import.meta.url), "utf8")) as {
  readonly x: number[];
  readonly boxes: number[][][];
  readonly cases: readonly {
    readonly size: number;
    readonly samplingRatio: number;
    readonly values: number[];
    readonly gradient: number[];
  }[];
};

describe("roiAlign", () => {
  it.each(fixture.cases)(
    "is torchvision's, of $size x $size cells with $samplingRatio samples a side",
    async ({ size, samplingRatio, values, gradient }) => {
      const weights = Float32Array.from(values, (_, i) => Math.sin(i));
      const run = compile((x: Tensor, boxes: Tensor) => {
        const y = vision.roiAlign(x, boxes, size, { scale: 0.25, samplingRatio });
        const [byMap, byBoxes] = grad(sum(y.mul(tensor(weights, { shape: y.shape }))), [x, boxes]) as [Tensor, Tensor];
        return { y, byMap, byBoxes };
      });
      const { y, byMap, byBoxes } = await run(tensor(fixture.x, { shape: [2, 3, 5, 6] }), fixture.boxes);
      expect(y.shape).toEqual([2, 4, 3, size, size]);
      ((await y.data()) as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(values[i] as number, 5));
      ((await byMap.data()) as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(gradient[i] as number, 5));
      expect(((await byBoxes.data()) as Float32Array).every((value) => value === 0)).toBe(true);
    },
  );

  it.each([
    [() => vision.roiAlign(tensor([[[[1]]]]), tensor([[0, 0, 1, 1]]), 2), "roiAlign: maps [1, 1, 1, 1] and boxes [1, 4], expected"],
    [() => vision.roiAlign(tensor([[[[1]]]]), tensor([[[0, 0, 1, 1]]]), 0), "roiAlign: size 0, expected an integer from 1"],
    [() => vision.roiAlign(tensor([[[[1]]]]), tensor([[[0, 0, 1, 1]]]), 1, { scale: 0 }), "roiAlign: scale 0, expected a number above 0"],
  ])("refuses what it cannot do", (call, message) => expect(call).toThrow(message));
});

describe("assignBoxes", () => {
  it("gives each box the object that it overlaps most, unless that is too little", async () => {
    const objects = {
      classes: tensor([[2, 0, -1]], { dtype: "int32" }),
      boxes: tensor([
        [
          [0, 0, 4, 4],
          [10, 10, 14, 14],
          [0, 0, 0, 0],
        ],
      ]),
    };
    const boxes = tensor([
      [
        [0, 0, 4, 5],
        [10, 11, 14, 15],
        [0, 0, 1, 1],
        [0, 0, 0, 0],
      ],
    ]);
    const { classes, boxes: corners } = vision.assignBoxes(boxes, objects, 0.6);
    // IoUs of 0.8, 0.6 (just enough), 1/16 and 0.
    expect(await classes.array()).toEqual([[2, 0, -1, -1]]);
    expect(((await corners.array()) as number[][][])[0]?.slice(0, 2)).toEqual([
      [0, 0, 4, 4],
      [10, 10, 14, 14],
    ]);
    expect(() => vision.assignBoxes(boxes, { ...objects, classes: tensor([2], { dtype: "int32" }) })).toThrow(
      "assignBoxes: boxes [1, 4, 4], objects [1]",
    );
    expect(() => vision.assignBoxes(boxes, objects, 0)).toThrow("assignBoxes: threshold 0, expected more than 0");
  });
});

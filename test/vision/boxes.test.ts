import { grad, type Tensor, tensor, vision } from "kasane";
import { describe, expect, it } from "vitest";

type Box = vision.Box;
const floats = async (values: Tensor) => (await values.data()) as Float32Array;
const first: Box[] = [
  [0, 0, 4, 4],
  [0, 0, 2, 2],
  [1, 1, 5, 3],
];
const second: Box[] = [
  [2, 2, 6, 6],
  [3, 4, 5, 7],
  [0, 0, 5, 3.5],
];
// By hand: intersections 4, 0, 8; unions 28, 10, 17.5; areas around 36, 35, 17.5.
const ious = [4 / 28, 0, 8 / 17.5];
const gious = [4 / 28 - 8 / 36, -25 / 35, 8 / 17.5];

describe("boxes", () => {
  it("measures areas and overlaps, by hand", () => {
    expect(vision.area([1, 2, 4, 8])).toBe(18);
    first.forEach((a, i) => {
      expect(vision.iou(a, second[i] as Box)).toBeCloseTo(ious[i] as number, 12);
      expect(vision.giou(second[i] as Box, a)).toBeCloseTo(gious[i] as number, 12);
    });
    expect(vision.iou([1, 1, 1, 1], [1, 1, 1, 1])).toBe(0);
    expect(vision.giou([1, 1, 1, 1], [1, 1, 1, 1])).toBe(0);
    expect(() => vision.iou([2, 0, 1, 1], [0, 0, 1, 1])).toThrow(
      "iou: box [2, 0, 1, 1], expected [x1, y1, x2, y2] with x1 <= x2 and y1 <= y2",
    );
    expect(() => vision.area([0, 0, Number.NaN, 1])).toThrow("in finite numbers");
  });

  it("clips to the image", () => {
    expect(vision.clipBox([-3, 2, 12, 9], 10, 5)).toEqual([0, 2, 10, 5]);
    expect(vision.clipBox([11, 6, 12, 9], 10, 5)).toEqual([10, 5, 10, 5]);
  });

  it("encodes against anchors by the paper's formula and decodes again", () => {
    const offsets = vision.encodeBox([2, 2, 10, 4], [0, 0, 4, 4]);
    [1, 0.25, Math.log(2), Math.log(0.5)].forEach((expected, i) => expect(offsets[i]).toBeCloseTo(expected, 12));
    vision.decodeBox(offsets, [0, 0, 4, 4]).forEach((value, i) => expect(value).toBeCloseTo([2, 2, 10, 4][i] as number, 12));
    expect(vision.decodeBox([0, 0, 99, 0], [0, 0, 4, 4])[2]).toBeCloseTo(2 + 125, 9);
    expect(() => vision.encodeBox([2, 2, 2, 4], [0, 0, 4, 4])).toThrow(
      "encodeBox: box [2, 2, 2, 4] is without area, expected x1 < x2 and y1 < y2",
    );
  });

  it("does the same on tensors", async () => {
    const [a, b] = [tensor(first), tensor(second)];
    const close = (got: ArrayLike<number>, expected: readonly number[]) =>
      expected.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 6));
    close(await floats(vision.iouOfBoxes(a, b)), ious);
    close(await floats(vision.giouOfBoxes(a, b)), gious);
    const pairs = vision.iouOfBoxes(tensor(first.map((box) => [box])), tensor(second.slice(0, 2)));
    expect(pairs.shape).toEqual([3, 2]);
    close(
      await floats(pairs),
      first.flatMap((box) => second.slice(0, 2).map((other) => vision.iou(box, other))),
    );
    const offsets = vision.encodeBoxes(b, a);
    close(
      await floats(offsets),
      second.flatMap((box, i) => [...vision.encodeBox(box, first[i] as Box)]),
    );
    close(await floats(vision.decodeBoxes(offsets, a)), second.flat());
    // A width of 62.5 times the anchor's width, in float32.
    const longest = await floats(vision.decodeBoxes(tensor([[0, 0, 99, 0]]), tensor([[0, 0, 4, 4]])));
    [-123, 0, 127, 4].forEach((value, i) => expect(longest[i]).toBeCloseTo(value, 4));
    const empty = tensor([[1, 1, 1, 1]]);
    expect(await vision.giouOfBoxes(empty, empty).item()).toBe(0);
    const halves = empty.cast("float16");
    expect(await vision.giouOfBoxes(halves, halves).item()).toBe(0);
    expect(await vision.iouOfBoxes(tensor([[0, 0, Number.NaN, 1]]), empty).item()).toBeNaN();
    expect(() => vision.iouOfBoxes(tensor([[1, 2, 3]]), b)).toThrow("iouOfBoxes: boxes [1, 3], expected [..., 4]");
  });

  it("has gradients also of boxes apart", async () => {
    const predicted = tensor(first);
    const loss = vision.giouLoss(predicted, tensor(second));
    expect(await loss.item()).toBeCloseTo(1 - gious.reduce((sum, value) => sum + value, 0) / 3, 6);
    // PyTorch 2.15 of the same formula in float64.
    const expected = [
      -0.01297556, -0.01297556, -0.03892668, -0.03892668, 0, 0.00544218, -0.01904762, -0.01904762, 0.03809524, 0.07619048, 0.00394558,
      -0.07619048,
    ];
    const gradients = grad(loss, predicted);
    const got = await floats(gradients);
    expected.forEach((value, i) => expect(got[i]).toBeCloseTo(value, 5));
  });
});

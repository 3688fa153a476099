import { compile, grad, type Tensor, tensor, vision } from "kasane";
import { describe, expect, it } from "vitest";

describe("assignPlaces", () => {
  const places = { height: 4, width: 6, stride: 8 };

  it("gives an object the places near its centre and in its box, and the smaller of two objects those that both would have", () => {
    const large = { class: 0, box: [0, 0, 32, 32] as const };
    const small = { class: 1, box: [13, 13, 27, 19] as const };
    const { classes, boxes } = vision.assignPlaces([small, large], places, { radius: 1 });
    // The large one's centre is (16, 16), between the places at 12 and 20; the small one's is (20, 16), its box holds no row of places.
    expect([...classes]).toEqual([
      ...[-1, -1, -1, -1, -1, -1],
      ...[-1, 0, 0, -1, -1, -1],
      ...[-1, 0, 1, -1, -1, -1],
      ...[-1, -1, -1, -1, -1, -1],
    ]);
    expect([...boxes.slice(4 * 14, 4 * 15)]).toEqual([13, 13, 27, 19]);
    expect([...boxes.slice(4 * 7, 4 * 8)]).toEqual([0, 0, 32, 32]);
    expect(boxes.filter((value) => value !== 0)).toHaveLength(4 + 3 * 2);
  });

  it("gives every object at least the place nearest to it, also at the border", () => {
    const { classes } = vision.assignPlaces([{ class: 2, box: [47, 31, 48, 32] }], places);
    expect(classes.indexOf(2)).toBe(23);
    expect(classes.filter((of) => of >= 0)).toHaveLength(1);
  });

  it("refuses boxes and classes that are none", () => {
    expect(() => vision.assignPlaces([{ class: 0, box: [5, 0, 1, 9] }], places)).toThrow("assignPlaces: box [5, 0, 1, 9], expected");
    expect(() => vision.assignPlaces([{ class: 0.5, box: [0, 0, 1, 9] }], places)).toThrow("assignPlaces: class 0.5, expected an index");
    expect(() => vision.assignPlaces([], places, { radius: -1 })).toThrow("assignPlaces: radius -1, expected a number from 0");
  });
});

describe("placeLoss", () => {
  const boxes = [
    [
      [0, 0, 4, 4],
      [0, 0, 4, 4],
    ],
  ];
  const targets = {
    classes: tensor([[1, -1]], { dtype: "int32" }),
    boxes: tensor([
      [
        [0, 0, 4, 8],
        [0, 0, 0, 0],
      ],
    ]),
  };

  it("is the closed form", async () => {
    const logits = tensor([
      [
        [0, 0],
        [-2, 1],
      ],
    ]);
    const { classLoss, boxLoss } = vision.placeLoss({ logits, boxes: tensor(boxes) }, targets);
    // The IoU of the first box is 1/2, so its score has reached its target. Elsewhere the target is 0: σ² ln(1 + eˣ).
    const entropy = (x: number) => (1 / (1 + Math.exp(-x))) ** 2 * Math.log(1 + Math.exp(x));
    expect(await classLoss.item()).toBeCloseTo(entropy(0) + entropy(-2) + entropy(1), 6);
    // 1 - GIoU is 1/2, weighted by 1/2 and divided by the sum of the weights, at least 1.
    expect(await boxLoss.item()).toBeCloseTo(0.25, 6);
  });

  it("has finite gradients where no place has an object", async () => {
    const none = {
      classes: tensor([[-1, -1]], { dtype: "int32" }),
      boxes: tensor([
        [
          [0, 0, 0, 0],
          [0, 0, 0, 0],
        ],
      ]),
    };
    const gradients = compile((logits: Tensor, found: Tensor) => {
      const { classLoss, boxLoss } = vision.placeLoss({ logits, boxes: found }, none);
      const [byLogits, byBoxes] = grad(classLoss.add(boxLoss), [logits, found]) as [Tensor, Tensor];
      return { boxLoss, byLogits, byBoxes };
    });
    const { boxLoss, byLogits, byBoxes } = await gradients(
      [
        [
          [0, 0],
          [-2, 1],
        ],
      ],
      boxes,
    );
    expect(await boxLoss.item()).toBe(0);
    expect(((await byLogits.data()) as Float32Array).every((value) => value > 0)).toBe(true);
    expect([...((await byBoxes.data()) as Float32Array)]).toEqual(new Array(8).fill(0));
  });

  it("refuses targets of another shape", () => {
    const logits = tensor([[[0, 0]]]);
    expect(() => vision.placeLoss({ logits, boxes: tensor([[[0, 0, 1, 1]]]) }, targets)).toThrow("placeLoss: targets [1, 2] and [1, 2, 4]");
  });
});

describe("qualityFocalLoss", () => {
  it("is 0 where the score is the target, and plain cross entropy with beta 0", async () => {
    const logits = tensor([0, 2]);
    const loss = (await vision.qualityFocalLoss(logits, tensor([0.5, 1])).data()) as Float32Array;
    expect(loss[0]).toBe(0);
    // |1 - σ(2)|² ln(1 + e⁻²)
    expect(loss[1]).toBeCloseTo((1 - 1 / (1 + Math.exp(-2))) ** 2 * Math.log(1 + Math.exp(-2)), 7);
    const plain = (await vision.qualityFocalLoss(logits, tensor([0.5, 1]), 0).data()) as Float32Array;
    expect(plain[0]).toBeCloseTo(Math.LN2, 6);
    expect(() => vision.qualityFocalLoss(logits, tensor([0, 1]), -1)).toThrow("qualityFocalLoss: beta -1, expected a number from 0");
  });
});

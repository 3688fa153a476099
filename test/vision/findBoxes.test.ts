import { compile, type Tensor, tensor, vision, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { RandomGenerator } from "../../src/random/generator.js";

/** Boxes `[2, 60, 4]` in one corner of an image, so that many overlap, and scores `[2, 3, 60]`, none of which are equal. */
function predictions() {
  const generator = new RandomGenerator(undefined, 3);
  const boxes = Array.from({ length: 2 }, () =>
    Array.from({ length: 60 }, (): vision.Box => {
      const [x, y] = [30 * generator.uniform(), 30 * generator.uniform()];
      return [x, y, x + 4 + 12 * generator.uniform(), y + 4 + 12 * generator.uniform()].map(Math.fround) as unknown as vision.Box;
    }),
  );
  const scores = boxes.map(() => Array.from({ length: 3 }, () => Array.from({ length: 60 }, () => Math.fround(generator.uniform()))));
  return { boxes, scores };
}

describe("suppressBoxes and findBoxes", () => {
  const { boxes, scores } = predictions();

  it("find nothing among no predictions", async () => {
    for (const [places, classes] of [
      [0, 3],
      [4, 0],
    ] as const) {
      const found = vision.findBoxes(zeros([2, places, 4]), zeros([2, classes, places]));
      expect([found.boxes.shape, found.scores.shape, found.classes.shape]).toEqual([
        [2, 0, 4],
        [2, 0],
        [2, 0],
      ]);
      const three = vision.findBoxes(zeros([1, places, 4]), zeros([1, classes, places]), { limit: 3 });
      expect(await three.classes.array()).toEqual([[-1, -1, -1]]);
    }
  });

  it("keep what suppression outside the graph keeps, in its order", async () => {
    const find = compile((b: Tensor, s: Tensor) => vision.findBoxes(b, s, { iouThreshold: 0.4, scoreThreshold: 0.3, limit: 20 }));
    const found = await find(
      boxes.map((each) => each.map((box) => [...box])),
      scores,
    );
    const classes = (await found.classes.array()) as number[][];
    const corners = (await found.boxes.array()) as number[][][];
    const values = (await found.scores.array()) as number[][];
    for (const image of [0, 1]) {
      const flat = (scores[image] as number[][]).flatMap((row, of) =>
        row.map((score, i) => ({ score, of, box: boxes[image]?.[i] as vision.Box })),
      );
      const kept = vision.nonMaximumSuppression(
        flat.map(({ box }) => box),
        flat.map(({ score }) => score),
        { classes: flat.map(({ of }) => of), iouThreshold: 0.4, scoreThreshold: 0.3, limit: 20 },
      );
      expect(kept).toHaveLength(20);
      expect(classes[image]).toEqual(kept.map(({ index }) => flat[index]?.of));
      expect(values[image]).toEqual(kept.map(({ score }) => score));
      expect(corners[image]).toEqual(kept.map(({ index }) => flat[index]?.box));
    }
  });

  it("fill up with what is no box", async () => {
    const rows = vision.suppressBoxes(
      tensor([
        [
          [0, 0, 4, 4],
          [0, 0, 4, 5],
          [6, 6, 7, 7],
        ],
      ]),
      tensor([[[0.5, 0.9, 0.1]]]),
      {
        scoreThreshold: 0.2,
        limit: 3,
      },
    );
    expect(await rows.array()).toEqual([
      [0, 0, 1],
      [-1, -1, -1],
      [-1, -1, -1],
    ]);
    expect(await vision.suppressBoxes(zeros([1, 0, 4]), zeros([1, 1, 0]), { limit: 2 }).array()).toEqual(new Array(2).fill([-1, -1, -1]));
    const found = vision.findBoxes(tensor([[[0, 0, 4, 4]], [[1, 1, 2, 2]]]), tensor([[[0.01]], [[0.7]]]));
    expect(await found.classes.array()).toEqual([[-1], [0]]);
    expect(await found.boxes.array()).toEqual([[[0, 0, 0, 0]], [[1, 1, 2, 2]]]);
    expect(await found.scores.array()).toEqual([[0], [Math.fround(0.7)]]);
  });

  it.each([
    [() => vision.suppressBoxes(tensor([[[0, 0, 1, 1]]]), tensor([[0.5]])), "suppressBoxes: boxes [1, 1, 4] and scores [1, 1], expected"],
    [
      () => vision.suppressBoxes(tensor([[[0, 0, 1, 1]]]), tensor([[[0.5]]]), { limit: 0 }),
      "suppressBoxes: limit 0, expected an integer from 1",
    ],
    [
      () => vision.suppressBoxes(tensor([[[0, 0, 1, 1]]]), tensor([[[0.5]]]), { iouThreshold: 2 }),
      "suppressBoxes: iouThreshold 2, expected 0 to 1",
    ],
    [
      () => vision.findBoxes(tensor([[[0, 0, 1, 1]]]), tensor([[[0.5]]]), { scoreThreshold: -1 }),
      "findBoxes: scoreThreshold -1, expected a number",
    ],
  ])("refuse what they cannot do", (call, message) => expect(call).toThrow(message));
});

import { compile, models, onnxModel, optim, random, seed, setThreads, type Tensor, tensor, vision } from "kasane";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RandomGenerator } from "../../src/random/generator.js";

// Graphs this small gain nothing by a second thread.
beforeAll(() => setThreads(1));
afterAll(() => setThreads());

const [height, width] = [32, 40];

/** Bytes `[2, 3, 32, 40]`: a light square on a dark ground, in another place on each image. */
const squares: vision.Box[] = [
  [4, 6, 18, 20],
  [20, 12, 36, 28],
];

function images(): Float32Array<ArrayBuffer> {
  const noise = new RandomGenerator(undefined, 5);
  return Float32Array.from({ length: 2 * 3 * height * width }, (_, i) => {
    const [x, y, image] = [i % width, Math.floor(i / width) % height, Math.floor(i / (3 * height * width))];
    const [x1, y1, x2, y2] = squares[image] as vision.Box;
    return (x >= x1 && x < x2 && y >= y1 && y < y2 ? 1 : -1) + 0.1 * noise.normal();
  });
}

describe("detectors", () => {
  it.each([models.OneStageDetector, models.TwoStageDetector])(
    "%o learn two images, and their files find the same boxes by ONNX Runtime alone",
    async (Detector) => {
      seed(0);
      const model = new Detector({ classes: 2, width: 4 });
      const optimizer = new optim.Adam(model, { learningRate: 0.005 });
      const step = compile(
        (x: Tensor, targets: models.DetectionTargets) => {
          const loss = Object.values(model.losses(x, targets)).reduce((sum, part) => sum.add(part));
          optimizer.minimize(loss);
          return loss;
        },
        { training: true },
      );
      const x = tensor(images(), { shape: [2, 3, height, width] });
      const places = squares.map((box, of) => vision.assignPlaces([{ class: of, box }], { height: 4, width: 5, stride: 8 }));
      const targets = {
        places: {
          classes: tensor(Int32Array.from(places.flatMap((each) => [...each.classes])), { shape: [2, 20] }),
          boxes: tensor(Float32Array.from(places.flatMap((each) => [...each.boxes])), { shape: [2, 20, 4] }),
        },
        objects: {
          classes: tensor([[0], [1]], { dtype: "int32" }),
          boxes: tensor(squares.map((box) => [[...box]])),
        },
      };
      for (let i = 0; i < 120; i++) await step(x, targets);

      const detect = (pixels: Tensor) => model.detect(pixels, { limit: 5, scoreThreshold: 0.3 });
      const found = await compile(detect)(x);
      const bestBoxes = (await found.boxes.array()) as number[][][];
      squares.forEach((box, i) => expect(vision.iou(bestBoxes[i]?.[0] as unknown as vision.Box, box)).toBeGreaterThan(0.7));
      expect(((await found.classes.array()) as number[][]).map(([first]) => first)).toEqual([0, 1]);

      const file = await onnxModel(detect, { pixels: { shape: [2, 3, height, width] } });
      const session = await ort.InferenceSession.create(file);
      const outputs = await session.run({ pixels: new ort.Tensor("float32", images(), [2, 3, height, width]) });
      expect(Object.keys(outputs).sort()).toEqual(["boxes", "classes", "scores"]);
      expect(Array.from(outputs.classes?.data as Int32Array)).toEqual([...((await found.classes.data()) as Int32Array)]);
      const expected = (await found.scores.data()) as Float32Array;
      Array.from(outputs.scores?.data as Float32Array).forEach((score, i) => expect(score).toBeCloseTo(expected[i] as number, 5));
      const corners = (await found.boxes.data()) as Float32Array;
      Array.from(outputs.boxes?.data as Float32Array).forEach((value, i) => expect(value).toBeCloseTo(corners[i] as number, 3));
      await session.release();
    },
  );

  it("begins with scores of 1 in 100 at every place, and sizes that are no multiples of 32 do", async () => {
    const model = new models.OneStageDetector({ classes: 3, width: 4, imageChannels: 1 });
    const { logits, boxes } = model.predictions(random.normal([1, 1, 41, 50]));
    expect([logits.shape, boxes.shape]).toEqual([
      [1, 6 * 7, 3],
      [1, 6 * 7, 4],
    ]);
    const scores = (await logits.sigmoid().data()) as Float32Array;
    for (const score of scores) expect(Math.abs(score - 0.01)).toBeLessThan(0.01);
  });

  it("refuses options that are none", () => {
    expect(() => new models.OneStageDetector({ classes: 0 })).toThrow("OneStageDetector: classes");
    expect(() => new models.OneStageDetector({ classes: 1, widths: 4 } as never)).toThrow("did you mean width");
  });
});

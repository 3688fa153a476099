import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { onnxTypes } from "./cast.js";
import { checkTensors } from "./constants.js";
import { full } from "./create.js";
import { apply, declare, family } from "./operator.js";

interface SuppressionAttributes {
  readonly limit: number;
  readonly iouThreshold: number;
  readonly scoreThreshold: number;
}

/** How many rows the result has: those of all classes of all images. */
const rowsOf = (scores: readonly number[], limit: number): number => (scores[0] as number) * (scores[1] as number) * limit;

/** Choosing among boxes. */
export const suppression = family({
  // ONNX's result has as many rows as boxes were kept; here it is filled up with -1, so that its shape is known.
  NonMaxSuppression: declare<SuppressionAttributes>({
    infer: ([, scores], { limit }) => ({ dtype: "int32", shape: [rowsOf(scores.shape, limit), 3] }),
    kind: { is: "opaque" },
    gradient: "nonDifferentiable",
    emit: (emitter, [boxes, scores], { limit, iouThreshold, scoreThreshold }, { inputs }) => {
      const rows = rowsOf((inputs[1] as Tensor).shape, limit);
      const settings = [emitter.int64([limit]), emitter.scalar(iouThreshold, "float32"), emitter.scalar(scoreThreshold, "float32")];
      const [kept] = emitter.node("NonMaxSuppression", [boxes as string, scores as string, ...settings]);
      const [cast] = emitter.node("Cast", [kept as string], { to: onnxTypes.int32 });
      const [filling] = emitter.node("Expand", [emitter.scalar(-1, "int32"), emitter.int64([rows, 3])]);
      const [filled] = emitter.node("Concat", [cast as string, filling as string], { axis: 0 });
      return emitter.node("Slice", [filled as string, emitter.int64([0]), emitter.int64([rows]), emitter.int64([0])]);
    },
  }),
});

/** How {@link suppressBoxes} chooses. */
export interface SuppressBoxesOptions {
  /** Boxes whose IoU with a kept one of their class is larger go; by default 0.5. */
  readonly iouThreshold?: number;
  /** Boxes of this score or less go; by default 0. */
  readonly scoreThreshold?: number;
  /** The most boxes of a class that are kept on an image; by default 100. */
  readonly limit?: number;
}

/**
 * Non-maximum suppression in the graph, each class by itself, by ONNX's operator: of boxes on one object the one with the largest score stays.
 * No gradient flows through it. It runs on the CPU and on CUDA.
 * @param boxes float32 `[batch, boxes, 4]`: two opposite corners
 * @param scores float32 `[batch, classes, boxes]`
 * @returns int32 `[batch * classes * limit, 3]`: image, class and box of each box kept, by image, class and descending score; then rows of -1
 */
export function suppressBoxes(boxes: Tensor, scores: Tensor, options: SuppressBoxesOptions = {}): Tensor {
  const owner = "suppressBoxes";
  checkTensors(owner, boxes, scores);
  checkOptions<SuppressBoxesOptions>(owner, options, { iouThreshold: "optional", scoreThreshold: "optional", limit: "optional" });
  const { iouThreshold = 0.5, scoreThreshold = 0, limit = 100 } = options;
  const [batch, , count] = scores.shape;
  check(
    boxes.rank === 3 && scores.rank === 3 && boxes.shape[0] === batch && boxes.shape[1] === count && boxes.shape[2] === 4,
    () => `${owner}: boxes ${showShape(boxes.shape)} and scores ${showShape(scores.shape)}, expected [batch, n, 4] and [batch, classes, n]`,
  );
  check(
    boxes.dtype === "float32" && scores.dtype === "float32",
    () => `${owner}: boxes ${boxes.dtype} and scores ${scores.dtype}, expected float32`,
  );
  check(iouThreshold >= 0 && iouThreshold <= 1, () => `${owner}: iouThreshold ${iouThreshold}, expected 0 to 1`);
  check(Number.isFinite(scoreThreshold), () => `${owner}: scoreThreshold ${scoreThreshold}, expected a finite number`);
  check(Number.isInteger(limit) && limit > 0, () => `${owner}: limit ${limit}, expected an integer from 1`);
  if (count === 0) return full([rowsOf(scores.shape, limit), 3], -1, "int32");
  return apply(suppression.NonMaxSuppression, [boxes, scores], { limit, iouThreshold, scoreThreshold });
}

import type { Tensor } from "../../graph/tensor.js";
import { sigmoid } from "../../ops/activation.js";
import { abs, add, div, mul, neg, sub, where } from "../../ops/arithmetic.js";
import { cast } from "../../ops/cast.js";
import { equal, greater } from "../../ops/compare.js";
import { tensor } from "../../ops/constants.js";
import { gather } from "../../ops/indexing.js";
import { matmul } from "../../ops/matmul.js";
import { softmax } from "../../ops/normalize.js";
import { argmax, max, norm, sum } from "../../ops/reduce.js";
import { reshape, transpose } from "../../ops/shapes.js";
import { concat } from "../../ops/slicing.js";
import type { ReadNode } from "../readNode.js";
import type { NodeReader } from "../registry.js";

// The domain ai.onnx.ml: what converters write of scikit-learn's pipelines and linear models.

const listOf = (node: ReadNode, name: string): Tensor => tensor([...(node.numbers(name) ?? [])], { dtype: node.float });

const asFloat = (node: ReadNode): Tensor => cast(node.input(0), node.float);

function normalizer(node: ReadNode): Tensor {
  const x = asFloat(node);
  const over = { axis: -1, keepDims: true };
  const kind = node.text("norm", "MAX");
  node.check(["MAX", "L1", "L2"].includes(kind), () => `the norm ${kind}: expected MAX, L1 or L2`);
  const length = kind === "L1" ? sum(abs(x), over) : kind === "L2" ? norm(x, over) : max(x, over);
  return div(x, where(equal(length, 0), 1, length));
}

/** What turns scores into probabilities. */
function transformed(node: ReadNode, scores: Tensor): Tensor {
  const kind = node.text("post_transform", "NONE");
  if (kind === "SOFTMAX") return softmax(scores);
  if (kind === "LOGISTIC") return sigmoid(scores);
  node.check(kind === "NONE", () => `the transform ${kind}: expected NONE, SOFTMAX or LOGISTIC`);
  return scores;
}

/** The scores of a linear model, `[batch, targets]`. */
function linearScores(node: ReadNode, targets: number): Tensor {
  const coefficients = listOf(node, "coefficients");
  const scores = matmul(asFloat(node), transpose(reshape(coefficients, [targets, -1])));
  return node.has("intercepts") ? add(scores, listOf(node, "intercepts")) : scores;
}

/** The class and the scores of all classes: of one row of coefficients, two classes. */
function linearClassifier(node: ReadNode): readonly Tensor[] {
  const labels = node.integers("classlabels_ints") ?? [];
  node.check(labels.length > 0, () => "its labels are texts, which no tensor here holds: expected integers");
  const rows = node.has("intercepts") ? (node.numbers("intercepts") ?? []).length : labels.length;
  const scores = linearScores(node, rows);
  const isBinary = rows === 1 && labels.length === 2;
  const transform = node.text("post_transform", "NONE");
  node.check(!isBinary || transform !== "SOFTMAX", () => "the softmax of one score: expected NONE or LOGISTIC");
  // Of one score s without a transform, ONNX Runtime gives 1 - s to the other class.
  const other = () => (transform === "NONE" ? sub(1, scores) : neg(scores));
  const all = isBinary ? concat([other(), scores], { axis: -1 }) : scores;
  const places = isBinary ? cast(greater(reshape(scores, [-1]), 0), "int32") : argmax(all, { axis: -1 });
  return [gather(tensor(labels.map(BigInt)), places), transformed(node, all)];
}

function imputer(node: ReadNode): Tensor {
  const x = asFloat(node);
  const missing = node.number("replaced_value_float", Number.NaN);
  const isMissing = Number.isNaN(missing) ? equal(equal(x, x), false) : equal(x, missing);
  return where(isMissing, listOf(node, "imputed_value_floats"), x);
}

export const classicalReaders: Readonly<Record<string, NodeReader>> = {
  "ai.onnx.ml:Scaler": { read: (node) => mul(sub(asFloat(node), listOf(node, "offset")), listOf(node, "scale")) },
  "ai.onnx.ml:Normalizer": { read: normalizer },
  "ai.onnx.ml:Binarizer": { read: (node) => cast(greater(node.input(0), node.number("threshold", 0)), node.input(0).dtype) },
  "ai.onnx.ml:Imputer": { read: imputer },
  "ai.onnx.ml:FeatureVectorizer": {
    read: (node) =>
      concat(
        node.rest().map((x) => cast(x.rank === 1 ? reshape(x, [1, x.size]) : x, node.float)),
        { axis: 1 },
      ),
  },
  "ai.onnx.ml:ArrayFeatureExtractor": { read: (node) => gather(node.input(0), reshape(node.input(1), [-1]), { axis: -1 }) },
  "ai.onnx.ml:LinearRegressor": { read: (node) => transformed(node, linearScores(node, node.integer("targets", 1))) },
  "ai.onnx.ml:LinearClassifier": { read: linearClassifier },
};

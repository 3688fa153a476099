import { compile, readOnnx, type Tensor } from "kasane";
import { expect, it } from "vitest";
import { bytesOf, inputsOf, type NodeCase, nodeCases, numbersOf } from "./nodeCases.js";

/** Operators that ONNX's own tests have and that are not read. */
const missing: readonly string[] = [
  "Acos",
  "Adagrad",
  "Adam",
  "AffineGrid",
  "Asin",
  "Atan",
  "BitCast",
  "BitShift",
  "BitwiseAnd",
  "BitwiseNot",
  "BitwiseOr",
  "BitwiseXor",
  "BlackmanWindow",
  "CausalConvWithState",
  "CumProd",
  "DFT",
  "DeformConv",
  "Det",
  "FlexAttention",
  "HammingWindow",
  "HannWindow",
  "ImageDecoder",
  "LinearAttention",
  "MaxUnpool",
  "MelWeightMatrix",
  "Momentum",
  "NegativeLogLikelihoodLoss",
  "NonMaxSuppression",
  "OptionalGetElement",
  "OptionalHasElement",
  "RoiAlign",
  "STFT",
  "SoftmaxCrossEntropyLoss",
  "SwiGLU",
  "TensorScatter",
  "TfIdfVectorizer",
  "TreeEnsemble",
];

/** Cases whose results are others, or none, by the reason why. */
const different: Readonly<Record<string, readonly string[]>> = {
  "version 1 of the standard, from before 7": ["test_not_2d", "test_not_3d", "test_not_4d"],
  "ONNX's own draw of random numbers": [
    "test_bernoulli",
    "test_bernoulli_double",
    "test_bernoulli_seed",
    "test_training_dropout",
    "test_training_dropout_default",
    "test_training_dropout_default_mask",
    "test_training_dropout_mask",
  ],
  "a diagonal": ["test_einsum_batch_diagonal"],
  "an axis of batches, which version 9 took away": ["test_scan_sum"],
  "a reduction other than the sum": [
    "test_scatter_elements_with_reduction_max",
    "test_scatter_elements_with_reduction_min",
    "test_scatter_elements_with_reduction_mul",
    "test_scatternd_max",
    "test_scatternd_max_with_element_indices",
    "test_scatternd_min",
    "test_scatternd_min_with_element_indices",
    "test_scatternd_multiply",
  ],
  // ONNX Runtime 1.32 is as far from what ONNX says.
  "a mean that is rounded otherwise": ["test_averagepool_2d_ceil_last_window_starts_on_pad"],
  "means over windows with gaps": ["test_averagepool_2d_dilations", "test_averagepool_3d_dilations_small", "test_lppool_2d_dilations"],
  "indices of maxima": ["test_maxpool_with_argmax_2d_precomputed_pads", "test_maxpool_with_argmax_2d_precomputed_strides"],
  "16 bits of which the zero point does not say whether they are signed": ["test_quantizelinear_int16", "test_quantizelinear_uint16"],
  // So does ONNX Runtime 1.32.
  "a size that is rounded before it is used": [
    "test_resize_downsample_scales_cubic_align_corners",
    "test_resize_downsample_scales_linear_align_corners",
  ],
  "unique slices": ["test_unique_sorted_with_axis", "test_unique_sorted_with_axis_3d", "test_unique_sorted_with_negative_axis"],
};

/** How many cases are computed in one graph. */
const together = 50;

/** The outputs of cases, or why there are none. */
async function outputsOf(cases: readonly NodeCase[]): Promise<(readonly Tensor[] | string)[]> {
  const run = compile(() =>
    cases.map((each) => {
      const module = readOnnx(bytesOf(each));
      return Object.values(module.forward(inputsOf(each, module)));
    }),
  );
  try {
    return await run();
  } catch (error) {
    if (cases.length === 1) return [(error as Error).message];
    const middle = cases.length >> 1;
    return [...(await outputsOf(cases.slice(0, middle))), ...(await outputsOf(cases.slice(middle)))];
  } finally {
    await run.dispose();
  }
}

/** The greatest error of outputs, relative to the greatest number expected or to 1; or what else is wrong with them. */
async function errorOf(each: NodeCase, outputs: readonly Tensor[]): Promise<number | string> {
  let worst = 0;
  for (const [i, expected] of each.outputs.entries()) {
    const output = outputs[i];
    if (!output || output.shape.join() !== expected.shape.join()) return `shape [${output?.shape}], expected [${expected.shape}]`;
    const [got, wanted] = [Array.from<number | bigint, number>(await output.data(), Number), numbersOf(expected)];
    const scale = wanted.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);
    wanted.forEach((value, k) => {
      const isSame = value === got[k] || (Number.isNaN(value) && Number.isNaN(got[k]));
      worst = Math.max(worst, isSame ? 0 : Math.abs((got[k] as number) - value) / scale || Number.POSITIVE_INFINITY);
    });
  }
  return worst;
}

const operatorMissing = /missing: (.*): register each/;

it("nodes give what ONNX's own tests and ONNX Runtime say", async () => {
  const found = new Map<string, string>();
  const unread = new Set<string>();
  const readable = nodeCases.filter((each) => {
    try {
      readOnnx(bytesOf(each));
      return true;
    } catch (error) {
      const { message } = error as Error;
      const names = operatorMissing.exec(message)?.[1]?.match(/\w+(?= \(domain)/g);
      if (names) for (const name of names) unread.add(name);
      else found.set(each.name, message);
      return false;
    }
  });
  for (let start = 0; start < readable.length; start += together) {
    const cases = readable.slice(start, start + together);
    for (const [i, outputs] of (await outputsOf(cases)).entries()) {
      const each = cases[i] as NodeCase;
      const error = typeof outputs === "string" ? outputs : await errorOf(each, outputs);
      // Half precision is computed in single: its tests are as exact as its numbers.
      const tolerance = each.outputs.some(({ type }) => type === "float16") ? 2e-3 : 1e-5;
      if (typeof error === "string" || error > tolerance) found.set(each.name, String(error));
    }
  }
  expect([...unread].sort()).toEqual([...missing].sort());
  expect([...found.keys()].sort()).toEqual(Object.values(different).flat().sort());
});

import { fromBinary } from "@bufbuild/protobuf";
import { averagePool, globalAveragePool, globalMaxPool, maxPool, onnxModel, type Tensor } from "kasane";
import { ModelProtoSchema } from "onnx-buf";
import { expect, it } from "vitest";

it("writes pooling as the operators of the standard, for any number of images", async () => {
  const pooled = (x: Tensor) => ({
    maxima: maxPool(x, 3, { stride: 2, padding: 1 }),
    means: averagePool(x, [2, 3], { stride: 2, countPadding: false }),
    mean: globalAveragePool(x),
    maximum: globalMaxPool(x),
  });
  const { graph, opsetImport } = fromBinary(ModelProtoSchema, await onnxModel(pooled, { x: { shape: ["batch", 3, 9, 9] } }));
  expect(graph?.node.map(({ opType }) => opType)).toEqual(["MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"]);
  expect(opsetImport.map(({ domain }) => domain)).toEqual([""]);
  const attributes = graph?.node[0]?.attribute.map(({ name, ints }) => [name, ints.map(Number)]);
  expect(Object.fromEntries(attributes ?? [])).toEqual({ kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
});

import { nn, type Tensor, tensor, zeros } from "kasane";
import { describe, expect, it } from "vitest";

const counting = (shape: readonly number[]): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => i),
    { shape: [...shape] },
  );

describe("layers of pooling", () => {
  const line = counting([1, 1, 6]);
  const image = counting([1, 1, 4, 4]);
  const volume = counting([1, 1, 2, 2, 4]);

  it.each<[string, nn.Module & { forward(x: Tensor): Tensor }, Tensor, readonly number[], readonly number[]]>([
    ["MaxPool1d", new nn.MaxPool1d(2), line, [1, 1, 3], [1, 3, 5]],
    ["MaxPool2d", new nn.MaxPool2d([2, 4], { stride: 1 }), image, [1, 1, 3, 1], [7, 11, 15]],
    ["MaxPool3d", new nn.MaxPool3d(2), volume, [1, 1, 1, 1, 2], [13, 15]],
    ["AvgPool1d", new nn.AvgPool1d(3, { stride: 3 }), line, [1, 1, 2], [1, 4]],
    ["AvgPool2d", new nn.AvgPool2d(2), image, [1, 1, 2, 2], [2.5, 4.5, 10.5, 12.5]],
    ["AvgPool3d", new nn.AvgPool3d(2), volume, [1, 1, 1, 1, 2], [6.5, 8.5]],
    ["AdaptiveAvgPool1d", new nn.AdaptiveAvgPool1d(4), line, [1, 1, 4], [0.5, 1.5, 3.5, 4.5]],
    ["AdaptiveAvgPool2d", new nn.AdaptiveAvgPool2d(1), image, [1, 1, 1, 1], [7.5]],
    ["AdaptiveAvgPool3d", new nn.AdaptiveAvgPool3d([1, 1, 2]), volume, [1, 1, 1, 1, 2], [6.5, 8.5]],
    ["AdaptiveMaxPool1d", new nn.AdaptiveMaxPool1d(4), line, [1, 1, 4], [1, 2, 4, 5]],
    ["AdaptiveMaxPool2d", new nn.AdaptiveMaxPool2d([1, 2]), image, [1, 1, 1, 2], [13, 15]],
    ["AdaptiveMaxPool3d", new nn.AdaptiveMaxPool3d(1), volume, [1, 1, 1, 1, 1], [15]],
    ["Unfold", new nn.Unfold(2, { stride: 2 }), image, [1, 4, 4], [0, 2, 8, 10, 1, 3, 9, 11, 4, 6, 12, 14, 5, 7, 13, 15]],
    ["Fold", new nn.Fold([3], 2), counting([1, 2, 2]), [1, 1, 3], [0, 3, 3]],
    ["Flatten", new nn.Flatten(), image, [1, 16], Array.from({ length: 16 }, (_, i) => i)],
  ])("%s computes what its function does", async (_, layer, x, shape, expected) => {
    const y = layer.forward(x);
    expect(y.shape).toEqual(shape);
    expect([...((await y.data()) as Float32Array)]).toEqual(expected);
  });

  it("refuse options that there are not, and images of another rank", () => {
    expect(() => new nn.MaxPool2d(2, { strides: 1 } as never)).toThrow("MaxPool2d: unknown option strides: did you mean stride?");
    expect(() => new nn.AvgPool2d(2, { dilation: 2 } as never)).toThrow("AvgPool2d: unknown option dilation");
    expect(() => new nn.MaxPool2d([2, 2, 2])).toThrow("MaxPool2d: kernel [2,2,2]: expected an integer from 1");
    expect(() => new nn.AdaptiveAvgPool1d(0)).toThrow("AdaptiveAvgPool1d: size 0: expected an integer from 1");
    expect(() => new nn.MaxPool2d(2).forward(zeros([1, 1, 4]))).toThrow("MaxPool2d: got [1, 1, 4]");
    expect(() => new nn.Flatten().forward(zeros([]))).toThrow("Flatten: got a scalar");
  });
});

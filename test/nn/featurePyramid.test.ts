import { nn, ones, tensor } from "kasane";
import { describe, expect, it } from "vitest";

describe("FeaturePyramid", () => {
  it("adds each map, enlarged, to the next larger one", async () => {
    const pyramid = new nn.FeaturePyramid([1, 2, 3], 1);
    for (const [path, variable] of pyramid.namedVariables()) {
      // 1x1 convolutions that add channels up, 3x3 ones that pass on what is in the middle.
      const value = path.endsWith("bias") ? 0 : 1;
      const middle = tensor([0, 0, 0, 0, 1, 0, 0, 0, 0], { shape: [1, 1, 3, 3] });
      await variable.assign(path.startsWith("layerBlocks") && value === 1 ? middle : ones(variable.shape).mul(value));
    }
    const [large, middle, small] = pyramid.forward([
      tensor([[[[0, 1, 2, 3, 4]]]]),
      tensor([[[[10, 20, 30]], [[0, 0, 0]]]]),
      tensor([[[[100, 200]], [[0, 0]], [[0, 0]]]]),
    ]);
    expect(await small?.array()).toEqual([[[[100, 200]]]]);
    // The nearest of two for three is 0, 0, 1; of three for five 0, 0, 1, 1, 2.
    expect(await middle?.array()).toEqual([[[[110, 120, 230]]]]);
    expect(await large?.array()).toEqual([[[[110, 111, 122, 123, 234]]]]);
  });

  it("has torchvision's names, and results of the largest maps alone where asked to", () => {
    const pyramid = new nn.FeaturePyramid([4, 8], 16, 1);
    const names = [...nn.torchNames(pyramid).values()];
    expect(names).toEqual(
      ["inner_blocks.0.0", "inner_blocks.1.0", "layer_blocks.0.0"].flatMap((block) => [`${block}.weight`, `${block}.bias`]),
    );
    expect(pyramid.forward([ones([1, 4, 6, 6]), ones([1, 8, 3, 3])]).map(({ shape }) => shape)).toEqual([[1, 16, 6, 6]]);
    expect(() => pyramid.forward([ones([1, 4, 6, 6])])).toThrow("FeaturePyramid: 1 maps, expected 2");
    expect(() => new nn.FeaturePyramid([4], 8, 2)).toThrow("FeaturePyramid: levels 2 of 1 maps");
  });
});

import { compile, nn, type Tensor, tensor, zeros } from "kasane";
import { describe, expect, it } from "vitest";

describe("layers of convolution", () => {
  it("have PyTorch's names and shapes", () => {
    const shapes = (module: nn.Module) =>
      [...nn.torchNames(module)].map(([path, name]) => [name, module.namedVariables().get(path)?.shape]);
    expect(shapes(new nn.Conv1d(4, 6, 3, { groups: 2 }))).toEqual([
      ["weight", [6, 2, 3]],
      ["bias", [6]],
    ]);
    expect(shapes(new nn.Conv2d(4, 6, [3, 5], { bias: false }))).toEqual([["weight", [6, 4, 3, 5]]]);
    expect(shapes(new nn.Conv3d(1, 2, 3))[0]).toEqual(["weight", [2, 1, 3, 3, 3]]);
    expect(shapes(new nn.ConvTranspose1d(4, 6, 3, { groups: 2 }))).toEqual([
      ["weight", [4, 3, 3]],
      ["bias", [6]],
    ]);
    expect(shapes(new nn.ConvTranspose2d(4, 6, 3))[0]).toEqual(["weight", [4, 6, 3, 3]]);
    expect(shapes(new nn.ConvTranspose3d(4, 6, 1))[0]).toEqual(["weight", [4, 6, 1, 1, 1]]);
  });

  it("start within the root of the number of inputs", async () => {
    const { weight, bias } = new nn.Conv2d(8, 64, 3, { groups: 2 });
    const bound = 1 / Math.sqrt(4 * 9);
    for (const variable of [weight, bias as Tensor]) {
      const values = (await variable.data()) as Float32Array;
      expect(Math.max(...values)).toBeLessThanOrEqual(bound);
      expect(Math.max(...values)).toBeGreaterThan(0.9 * bound);
      expect(Math.min(...values)).toBeLessThan(-0.9 * bound);
    }
  });

  it("sum up what their kernel meets", async () => {
    const layer = new nn.Conv2d(1, 1, 2, { stride: 2, weightInitialiser: nn.init.ones, biasInitialiser: nn.init.ones });
    const back = new nn.ConvTranspose2d(1, 1, 2, { stride: 2, weightInitialiser: nn.init.ones, bias: false });
    const x = tensor(
      Float32Array.from({ length: 16 }, (_, i) => i),
      { shape: [1, 1, 4, 4] },
    );
    const run = compile((image: Tensor) => back.forward(layer.forward(image)));
    expect(await (await run(x)).array()).toEqual([
      [
        [
          [11, 11, 19, 19],
          [11, 11, 19, 19],
          [43, 43, 51, 51],
          [43, 43, 51, 51],
        ],
      ],
    ]);
    await run.dispose();
  });

  it("say what they need", () => {
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(
      "Conv2d: 3 channels to 4 in 2 groups: expected numbers that the groups divide",
    );
    expect(() => new nn.Conv2d(3, 4, [3, 3, 3])).toThrow(
      "Conv2d: kernel [3,3,3]: expected an integer from 1, or a list of one for each of the 2 axes",
    );
    expect(() => new nn.Conv1d(3, 4, 3).forward(zeros([2, 3, 2]))).toThrow(
      "conv: a window of 3 places on axis 2 of [2, 3, 2] with 0 added: expected a smaller kernel or more padding (in Conv1d)",
    );
    expect(() => new nn.Conv1d(3, 4, 3).forward(zeros([2, 3, 8], "int32"))).toThrow(
      "conv: got int32[2, 3, 8]: expected floating-point numbers",
    );
  });
});

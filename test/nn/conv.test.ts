import { fileURLToPath } from "node:url";
import { compile, grad, nn, type StoredTensor, square, sum, type Tensor, tensor, zeros } from "kasane";
import { files } from "kasane/node";
import { describe, expect, it } from "vitest";
import { relativeError } from "../ops/evaluate.js";

type Layer = nn.Module & { forward(x: Tensor): Tensor };

/** What PyTorch's layers give (test/fixtures/convolutions.py). */
const { tensors } = await files.readSafetensors(fileURLToPath(new URL("../fixtures/convolutions.safetensors", import.meta.url)));

const layers: Readonly<Record<string, () => Layer>> = {
  conv1d: () => new nn.Conv1d(4, 6, 3, { stride: 2, padding: 1, groups: 2 }),
  conv1dReplicated: () => new nn.Conv1d(3, 2, 3, { padding: "same", paddingMode: "replicate" }),
  conv2d: () => new nn.Conv2d(3, 4, [3, 2], { stride: [2, 1], padding: [1, 0], dilation: [1, 2] }),
  conv2dWithoutBias: () => new nn.Conv2d(3, 3, 3, { groups: 3, bias: false }),
  conv2dReflected: () => new nn.Conv2d(2, 3, 3, { padding: [1, 2], paddingMode: "reflect", stride: 2 }),
  conv3d: () => new nn.Conv3d(2, 3, 2, { padding: 1, paddingMode: "circular" }),
  convTranspose1d: () => new nn.ConvTranspose1d(4, 6, 3, { stride: 2, padding: 1, outputPadding: 1, groups: 2 }),
  convTranspose2d: () => new nn.ConvTranspose2d(3, 2, [3, 2], { stride: [2, 3], dilation: [2, 1], outputPadding: [1, 0] }),
  convTranspose3d: () => new nn.ConvTranspose3d(2, 2, 2, { stride: [1, 2, 2], padding: [0, 1, 0], bias: false }),
};

const squares = (parts: readonly Tensor[]): Tensor => parts.map((x) => sum(square(x))).reduce((a, b) => a.add(b));

describe.each(["onnxruntime", "wasm"] as const)("%s: layers of convolution", (executor) => {
  it.each(Object.entries(layers))("%s gives PyTorch's output, gradients and gradients of gradients", async (name, make) => {
    const of = (key: string) => tensors.get(`${name}/${key}`) as StoredTensor;
    const layer = make();
    const names = nn.torchNames(layer);
    await nn.loadTorchStateDict(layer, new Map([...names.values()].map((key) => [key, of(`state/${key}`)])));
    const run = compile(
      (x: Tensor) => {
        const output = layer.forward(x);
        const leaves = [x, ...layer.namedVariables().values()];
        const gradient = grad(squares([output]), leaves);
        return { output, gradient, second: grad(squares(gradient), leaves) };
      },
      { executor },
    );
    const { data, shape } = of("x");
    const { output, gradient, second } = await run(tensor(data, { shape }));
    const keys = ["x", ...[...names.values()].map((key) => `state/${key}`)];
    const got: [string, Tensor][] = [
      ["output", output],
      ...keys.map((key, i): [string, Tensor] => [`gradient/${key}`, gradient[i] as Tensor]),
      ...keys.map((key, i): [string, Tensor] => [`second/${key}`, second[i] as Tensor]),
    ];
    for (const [key, value] of got) {
      expect(value.shape, key).toEqual(of(key).shape);
      expect(relativeError(Array.from(await value.data(), Number), Array.from(of(key).data, Number), 1e-3), key).toBeLessThan(1e-5);
    }
    await run.dispose();
  });
});

describe("layers of convolution", () => {
  it("start within the root of the number of inputs of an output, as the kernel has it", async () => {
    const cases: [Layer & { weight: Tensor; bias: Tensor | undefined }, number][] = [
      [new nn.Conv2d(8, 64, 3, { groups: 2 }), 4 * 9],
      // PyTorch counts the second axis of the weight here too: outputs of a group.
      [new nn.ConvTranspose2d(64, 8, 3, { groups: 2 }), 4 * 9],
    ];
    for (const [{ weight, bias }, inputs] of cases) {
      const bound = 1 / Math.sqrt(inputs);
      const values = [...((await weight.data()) as Float32Array)];
      expect(Math.max(...values)).toBeLessThanOrEqual(bound);
      expect(Math.max(...values)).toBeGreaterThan(0.99 * bound);
      expect(Math.min(...values)).toBeLessThan(-0.99 * bound);
      expect(Math.max(...((await (bias as Tensor).data()) as Float32Array).map(Math.abs))).toBeLessThanOrEqual(bound);
    }
  });

  it("take initialisers", async () => {
    const layer = new nn.Conv2d(1, 1, 2, { stride: 2, weightInitialiser: nn.init.ones, biasInitialiser: nn.init.ones });
    const x = tensor(
      Float32Array.from({ length: 16 }, (_, i) => i),
      { shape: [1, 1, 4, 4] },
    );
    expect([...((await layer.forward(x).data()) as Float32Array)]).toEqual([11, 19, 43, 51]);
  });

  it("say what they need", () => {
    expect(() => new nn.Conv2d(3, 4, 3, { groups: 2 })).toThrow(
      "Conv2d: 3 channels to 4 in 2 groups: expected numbers that the groups divide",
    );
    expect(() => new nn.Conv2d(3, 4, [3, 3, 3])).toThrow(
      "Conv2d: kernel [3,3,3]: expected an integer from 1, or a list of one for each of the 2 axes",
    );
    expect(() => new nn.Conv2d(3, 4, 0)).toThrow("Conv2d: kernel 0");
    expect(() => new nn.Conv2d(3, 4, 3, { strides: 2 } as never)).toThrow("Conv2d: unknown option strides: did you mean stride?");
    expect(() => new nn.ConvTranspose2d(3, 4, 3, { paddingMode: "reflect" } as never)).toThrow(
      "ConvTranspose2d: unknown option paddingMode",
    );
    expect(() => new nn.Conv2d(3, 4, 3).forward(zeros([2, 3, 8]))).toThrow("expected a kernel of the same rank (in Conv2d)");
    expect(() => new nn.Conv1d(3, 4, 3).forward(zeros([2, 3, 2]))).toThrow(
      "conv: a window of 3 places on axis 2 of [2, 3, 2] with 0 added: expected a smaller kernel or more padding (in Conv1d)",
    );
  });
});

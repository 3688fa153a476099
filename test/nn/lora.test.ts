import { compile, grad, nn, onnxModel, optim, readOnnx, seed, type Tensor, tensor, type Variable, zeros } from "kasane";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";

const x = tensor([[1, -2]]);

/** `W + 6/2 B A` with W = [[1, 2], [3, 4], [5, 6]], B = [[1, 0], [0, 1], [1, 1]], A = [[1, 2], [-1, 0]]: [[4, 8], [0, 4], [5, 12]]. */
async function adaptedLinear() {
  const layer = new nn.Linear(2, 3, { bias: false });
  await layer.weight.assign(tensor([[1, 2], [3, 4], [5, 6]])); // biome-ignore format: a matrix
  const adapted = nn.lora(layer, { rank: 2, alpha: 6, targets: "weight" });
  const variables = adapted.namedVariables();
  await variables.get("weight.a")?.assign(tensor([[1, 2], [-1, 0]])); // biome-ignore format: a matrix
  await variables.get("weight.b")?.assign(tensor([[1, 0], [0, 1], [1, 1]])); // biome-ignore format: a matrix
  return { layer, adapted };
}

/** What ONNX Runtime computes by a model whose input is `x`, and the names of the file's weights. */
async function runByOnnxRuntime(module: nn.Module & { forward(x: Tensor): Tensor }, input: Tensor) {
  const bytes = await onnxModel(module, { x: { shape: input.shape } });
  const session = await ort.InferenceSession.create(bytes);
  const { output } = await session.run({ x: new ort.Tensor("float32", (await input.data()) as Float32Array, input.shape) });
  return { output: Array.from(output?.data as Float32Array), names: [...readOnnx(bytes).namedVariables().keys()] };
}

describe("lora", () => {
  test("computes with W + alpha / rank B A, eagerly and compiled", async () => {
    const { adapted } = await adaptedLinear();
    expect(await adapted.forward(x).array()).toEqual([[-12, -8, -19]]);
    expect(await (await compile((x: Tensor) => adapted.forward(x))(x)).array()).toEqual([[-12, -8, -19]]);
  });

  test("merges into the module, and starts anew", async () => {
    const { layer, adapted } = await adaptedLinear();
    expect(await layer.forward(x).array()).toEqual([[-3, -5, -7]]);
    expect(await adapted.merge()).toBe(layer);
    expect(await layer.weight.array()).toEqual([[4, 8], [0, 4], [5, 12]]); // biome-ignore format: a matrix
    expect(await layer.forward(x).array()).toEqual([[-12, -8, -19]]);
    expect(await adapted.forward(x).array()).toEqual([[-12, -8, -19]]);
  });

  test("is exported with plain weights", async () => {
    const { adapted } = await adaptedLinear();
    expect(await runByOnnxRuntime(adapted, x)).toEqual({ output: [-12, -8, -19], names: ["weight"] });
  });

  test("trains and saves the factors alone, of linear layers, convolutions and attention", async () => {
    class Model extends nn.Module {
      readonly conv = new nn.Conv1d(2, 4, 3, { padding: 1 });
      readonly attention = new nn.MultiheadAttention(4, 2);
      readonly head = new nn.Linear(4, 1);
      forward(x: Tensor): Tensor {
        const places = this.conv.forward(x).transpose();
        return this.head.forward(this.attention.forward(places).output);
      }
    }
    seed(1);
    const model = new Model();
    const input = tensor([[[1, 2, 3, 4], [0, -1, 1, 2]]]); // biome-ignore format: an image
    const before = await model.forward(input).array();
    const base = await model.stateDict();
    const adapted = nn.lora(model, { rank: 2, targets: ["conv.*", "attention.*"], unfrozen: "head.bias" });
    expect(await adapted.forward(input).array()).toEqual(before);
    expect([...(await adapted.stateDict())].map(([name, { shape }]) => [name, shape])).toEqual([
      ["conv.weight.a", [2, 6]],
      ["conv.weight.b", [4, 2]],
      ["attention.inputWeight.a", [2, 4]],
      ["attention.inputWeight.b", [12, 2]],
      ["attention.output.weight.a", [2, 4]],
      ["attention.output.weight.b", [4, 2]],
      ["head.bias", [1]],
    ]);
    expect(model.parameters()).toEqual([model.head.bias]);
    const optimizer = new optim.Adam(adapted.parameters(), { learningRate: 0.05 });
    const step = compile(
      (x: Tensor) => {
        const loss = adapted.forward(x).sub(1).square().mean();
        optimizer.minimize(loss);
        return loss;
      },
      { training: true },
    );
    const losses: number[] = [];
    for (let i = 0; i < 20; i++) losses.push(await (await step(input)).item());
    expect(losses.at(-1)).toBeLessThan(0.1 * (losses[0] as number));
    const after = await model.stateDict();
    for (const [name, { data }] of base) if (name !== "head.bias") expect(after.get(name)?.data).toEqual(data);
    const { output, names } = await runByOnnxRuntime(adapted, input);
    const expected = await (await adapted.merge()).forward(input).data();
    output.forEach((value, i) => expect(value).toBeCloseTo(Number(expected[i]), 5));
    expect(names.some((name) => /\.[ab]$/.test(name))).toBe(false);
  });

  test("has the gradients of B that follow from W's", async () => {
    const { layer, adapted } = await adaptedLinear();
    const b = adapted.namedVariables().get("weight.b") as Variable;
    const step = compile((x: Tensor) => grad(adapted.forward(x).sum(), [b, layer.weight]));
    const [gradient, ofBase] = await step(x);
    // dW = 1 xᵀ, dB = 3 dW Aᵀ: rows of 3 [1·1 - 2·2, -1·1]
    expect(await gradient?.array()).toEqual([[-9, -3], [-9, -3], [-9, -3]]); // biome-ignore format: a matrix
    expect(await ofBase?.array()).toEqual([[1, -2], [1, -2], [1, -2]]); // biome-ignore format: a matrix
  });

  test("says what its options should be", () => {
    const layer = () => new nn.Linear(2, 3);
    expect(() => nn.lora(layer(), { rank: 2, targets: "wieght" })).toThrow("lora: no variable fits wieght: did you mean weight?");
    expect(() => nn.lora(layer(), { rank: 2, targets: "bias" })).toThrow(
      "lora: no target is a weight: expected variables of two axes or more, got bias",
    );
    expect(() => nn.lora(layer(), { rank: 0, targets: "weight" })).toThrow("rank 0");
    expect(() => nn.lora(layer(), { rank: 2, alpha: Number.NaN, targets: "weight" })).toThrow("lora: alpha NaN: expected a finite number");
    expect(() => nn.lora(layer(), { rank: 2, targets: "*", unfrozen: "bias" })).toThrow("lora: bias is a target and unfrozen");
    const failed = layer();
    expect(() => nn.lora(failed, { rank: 2, targets: "weights" })).toThrow();
    expect(failed.parameters()).toHaveLength(2);
  });

  test("has statistics that change while training named, so that they are saved", async () => {
    const model = () => new nn.Sequential(new nn.Conv1d(1, 2, 1), new nn.BatchNorm1d(2));
    const train = (adapted: nn.Lora<nn.Sequential>) => compile((x: Tensor) => adapted.forward(x), { training: true })(zeros([2, 1, 3]));
    await expect(async () => train(nn.lora(model(), { rank: 1, targets: "layers.0.*" }))).rejects.toThrow(
      "assigns layers.1.numBatchesTracked, layers.1.runningMean, layers.1.runningVar: add them to the option unfrozen",
    );
    const kept = nn.lora(model(), { rank: 1, targets: "layers.0.*", unfrozen: /^layers\.1\.(running|num)/ });
    await train(kept);
    expect([...kept.namedVariables().keys()]).toContain("layers.1.runningMean");
  });
});

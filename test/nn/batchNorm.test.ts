import { fileURLToPath } from "node:url";
import { compile, mean, nn, optim, type StoredTensor, square, sum, type Tensor, tanh, tensor, Variable, zeros } from "kasane";
import { files } from "kasane/node";
import { describe, expect, it, test } from "vitest";
import { relativeError } from "../ops/evaluate.js";

/** Batch normalisation by PyTorch (test/fixtures/batchNorm.py). */
const { tensors } = await files.readSafetensors(fileURLToPath(new URL("../fixtures/batchNorm.safetensors", import.meta.url)));

const stored = (name: string): StoredTensor => tensors.get(name) as StoredTensor;
const given = (name: string): Tensor => tensor(stored(name).data, { shape: stored(name).shape });
const stateOf = (prefix: string) =>
  new Map([...tensors].flatMap(([name, value]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [])));
const off = (got: Iterable<number | bigint>, expected: Iterable<number | bigint>) =>
  relativeError([...got].map(Number), [...expected].map(Number), 1e-3);

const layers: Record<string, () => nn.Module & { forward(x: Tensor): Tensor }> = {
  vectors: () => new nn.BatchNorm1d(4),
  sequences: () => new nn.BatchNorm1d(4, { epsilon: 1e-2, momentum: 0.3 }),
  images: () => new nn.BatchNorm2d(3),
  volumes: () => new nn.BatchNorm3d(3, { affine: false }),
  cumulative: () => new nn.BatchNorm2d(3, { momentum: null }),
  untracked: () => new nn.BatchNorm2d(3, { trackRunningStats: false }),
};

describe.each(["onnxruntime", "wasm"] as const)("by %s, three batches of training, then evaluation, are PyTorch's", (executor) => {
  test.each(Object.keys(layers))("%s", async (name) => {
    const layer = (layers[name] as (typeof layers)[string])();
    await nn.loadTorchStateDict(layer, stateOf(`${name}/before/`));
    const train = compile((x: Tensor) => layer.forward(x), { training: true, executor });
    for (const i of [0, 1, 2]) {
      expect(off(await (await train(given(`${name}/x${i}`))).data(), stored(`${name}/trained${i}`).data), `${i}`).toBeLessThan(1e-5);
    }
    const evaluate = compile((x: Tensor) => layer.forward(x), { executor });
    expect(off(await (await evaluate(given(`${name}/x2`))).data(), stored(`${name}/evaluated`).data)).toBeLessThan(1e-5);
    const after = await nn.torchStateDict(layer);
    const expected = stateOf(`${name}/after/`);
    expect([...after.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, { data }] of expected) expect(off((after.get(key) as StoredTensor).data, data), key).toBeLessThan(1e-5);
  });
});

describe("with several workers", () => {
  const numbers = Float32Array.from({ length: 6 * 12 }, (_, i) => Math.sin(3 * i) + (i % 12) / 6);
  const batch = tensor(numbers, { shape: [6, 3, 2, 2] });

  /** Two layers with weights before, between and after them. */
  class Network extends nn.Module {
    readonly first = new nn.BatchNorm2d(3);
    readonly second = new nn.BatchNorm2d(3);
    readonly weights = [1, 2, 3].map((i) => new Variable(tensor([[1], [i], [-0.5]]).reshape([3, 1, 1])));

    forward(x: Tensor): Tensor {
      const [before, between, after] = this.weights as [Variable, Variable, Variable];
      return tanh(this.second.forward(tanh(this.first.forward(x.mul(before)).mul(between)).add(x))).mul(after);
    }
  }

  /** The losses of three steps, whose loss is a mean or a sum, and all variables after them. */
  async function train(workers: number, isMean: boolean): Promise<number[][]> {
    const network = new Network();
    const optimizer = new optim.Sgd(network.parameters(), { learningRate: isMean ? 0.5 : 0.01 });
    const step = compile(
      (x: Tensor) => {
        const errors = square(network.forward(x).sub(1).sub(x));
        const loss = isMean ? mean(errors) : sum(errors);
        optimizer.minimize(loss);
        return loss;
      },
      { training: true, workers },
    );
    const losses: number[] = [];
    for (let i = 0; i < 3; i++) losses.push(await (await step(batch)).item());
    await step.dispose();
    const state = await network.stateDict();
    return [losses, ...[...state.values()].map(({ data }) => Array.from(data, Number))];
  }

  test.each([
    ["mean", true],
    ["sum", false],
  ])("three steps are those of one worker, where the loss is a %s", async (_, isMean) => {
    const [alone, together] = [await train(1, isMean), await train(3, isMean)];
    for (const [i, numbers] of alone.entries()) expect(off(together[i] as number[], numbers), `${i}`).toBeLessThan(1e-5);
  });
});

describe("BatchNorm", () => {
  it("names what does not fit", async () => {
    const layer = new nn.BatchNorm2d(3);
    expect(() => layer.forward(zeros([2, 3, 4]))).toThrow("BatchNorm2d: got [2, 3, 4], expected rank 4 with 3 channels along axis 1");
    expect(() => new nn.BatchNorm1d(3, { momentum: 2 })).toThrow("BatchNorm1d: momentum 2: expected 0 to 1, or null");
    const train = compile((x: Tensor) => layer.forward(x), { training: true });
    await expect(train(zeros([1, 3, 1, 1]))).rejects.toThrow("has 1 element a channel: the statistics of a batch need two");
  });

  it("passes an empty batch on and keeps its statistics", async () => {
    const layer = new nn.BatchNorm1d(3);
    const train = compile((x: Tensor) => layer.forward(x), { training: true });
    expect((await train(zeros([0, 3]))).shape).toEqual([0, 3]);
    expect(await layer.runningVar?.array()).toEqual([1, 1, 1]);
  });

  it("takes integers of a state dict that its variable holds, and no others", async () => {
    const layer = new nn.BatchNorm1d(1);
    const state = await nn.torchStateDict(layer);
    const counted = (value: bigint) =>
      new Map(state).set("num_batches_tracked", { dtype: "int64", shape: [], data: BigInt64Array.of(value) });
    await nn.loadTorchStateDict(layer, counted(7n));
    expect(await layer.numBatchesTracked?.array()).toBe(7);
    await expect(nn.loadTorchStateDict(layer, counted(2n ** 40n))).rejects.toThrow("num_batches_tracked is int64[], expected int32[]");
  });
});

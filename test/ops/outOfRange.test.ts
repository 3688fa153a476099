import { compile, crossEntropy, gather, grad, KasaneError, nn, oneHot, type Tensor, takeAlongAxis, tensor } from "kasane";
import { describe, expect, it } from "vitest";

const ids = (...values: number[]) => tensor(values, { dtype: "int32" });
const x = tensor([1, 2, 3]);
const logits = tensor([[1, 2, 3]]);
const embedding = new nn.Embedding(3, 2);
const functions: Readonly<Record<string, (index: Tensor) => Tensor>> = {
  gather: (index) => gather(x, index),
  oneHot: (index) => oneHot(index, 3),
  embedding: (index) => embedding.forward(index),
  crossEntropy: (index) => crossEntropy(logits, index),
  "the gradient of crossEntropy alone": (index) => grad(crossEntropy(logits.mul(1), index), logits),
};

describe.each(["onnxruntime", "wasm"] as const)("an index out of range, computed by %s", (executor) => {
  const wrong = Object.entries(functions).flatMap(([name, call]) =>
    [7, 3, name === "gather" ? -4 : -1, -1000].map((index) => [name, index, call] as const),
  );
  it.each(wrong)("is an error of %s: %i", async (_, index, call) => {
    const run = compile(call, { executor });
    await expect(run(ids(index))).rejects.toThrow(KasaneError);
    await expect(run(ids(index))).rejects.toThrow(`index ${index} is out of range for an axis of 3`);
    await run.dispose();
  });

  it("counts from the end in gather alone", async () => {
    const run = compile((index: Tensor) => gather(x, index), { executor });
    expect(await (await run(ids(-1, -3, 2))).array()).toEqual([3, 1, 3]);
    await run.dispose();
  });

  it("may be ignored by its value", async () => {
    const run = compile(
      (labels: Tensor) =>
        crossEntropy(
          tensor([
            [0, 0],
            [0, 0],
          ]),
          labels,
          { ignoreIndex: -100 },
        ),
      { executor },
    );
    expect(await (await run(ids(1, -100))).array()).toBeCloseTo(Math.log(2), 6);
    await expect(run(ids(1, -1))).rejects.toThrow("index -1 is out of range for an axis of 2");
    await run.dispose();
  });
});

describe("an index that is known as the graph is made", () => {
  it("is an error where it is used", () => {
    expect(() => gather(x, ids(0, 7))).toThrow("gather: index 7 is out of range: expected -3 to 2");
    expect(() => oneHot(ids(-1), 3)).toThrow("oneHot: index -1 is out of range: expected 0 to 2");
    expect(() => embedding.forward(ids(3))).toThrow("Embedding: index 3 is out of range: expected 0 to 2");
    expect(() => crossEntropy(logits, ids(-1))).toThrow("crossEntropy: index -1 is out of range: expected 0 to 2");
    expect(() => takeAlongAxis(x, ids(5))).toThrow("takeAlongAxis: index 5 is out of range: expected -3 to 2");
  });

  it("is not cut off to 32 bits", async () => {
    expect(() => gather(x, tensor([2n ** 32n]))).toThrow("gather: index 4294967296 is out of range");
    const run = compile((index: Tensor) => gather(x, index));
    await expect(run(tensor([2n ** 32n]))).rejects.toThrow("is out of range for an axis of 3");
    await run.dispose();
  });
});

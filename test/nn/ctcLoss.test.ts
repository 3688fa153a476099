import { readFileSync } from "node:fs";
import { compile, nn, random, type Tensor, tensor, valueAndGrad } from "kasane";
import { describe, expect, it } from "vitest";

interface Case {
  readonly blank: number;
  readonly logits: number[][][];
  readonly targets: number[][];
  readonly targetLengths: number[];
  readonly logitLengths: number[];
  readonly losses: number[];
  readonly mean: number;
  readonly gradient: number[][][];
}
const cases = JSON.parse(readFileSync(new URL("../fixtures/ctc.json", import.meta.url), "utf8")) as Case[];
const integers = (values: number[] | number[][]) => tensor(values, { dtype: "int32" });

describe.each(cases)("ctcLoss of $targets", ({ blank, logits, targets, targetLengths, logitLengths, losses, mean, gradient }) => {
  const lengths = { blank, targetLengths: integers(targetLengths), logitLengths: integers(logitLengths) };
  it.each(["onnxruntime", "wasm"] as const)("is PyTorch's, with its gradient, in %s", async (executor) => {
    const step = compile(
      (x: Tensor) => {
        const each = nn.ctcLoss(x, integers(targets), { ...lengths, reduction: "none" });
        const { value, gradients } = valueAndGrad((y: Tensor) => nn.ctcLoss(y, integers(targets), lengths))(x);
        return { each, value, gradient: gradients[0] as Tensor };
      },
      { executor },
    );
    const results = await step(tensor(logits));
    const close = (got: ArrayLike<number | bigint>, expected: number[]) => {
      expect(got.length).toBe(expected.length);
      // float32 against float64: sums of up to nine logarithms
      expected.forEach((value, i) => {
        expect(Math.abs(Number(got[i]) - value)).toBeLessThan(2e-6 * Math.max(1, Math.abs(value)));
      });
    };
    close(await results.each.data(), losses);
    close(await results.value.data(), [mean]);
    close(await results.gradient.data(), gradient.flat(2));
  });
});

it("refuses what does not fit", () => {
  const x = tensor([[[0, 1]]]);
  expect(() => nn.ctcLoss(x, integers([1]))).toThrow("got logits float32[1, 1, 2] and targets [1]");
  expect(() => nn.ctcLoss(x, integers([[1]]), { blank: 2 })).toThrow("blank 2: expected 0 to 1");
  expect(() => nn.ctcLoss(x, integers([[1]]), { targetLengths: integers([1, 1]) })).toThrow(
    "got ctcLoss: targetLengths int32[2], expected int32[1]",
  );
  expect(() => nn.ctcLoss(x, integers([[1]]), { logitLengths: integers([2]) })).toThrow("logitLengths: 2 of sequence 0: expected 1 to 1");
  expect(() => nn.ctcLoss(x, integers([[1]]), { logitLengths: integers([0]) })).toThrow("logitLengths: 0 of sequence 0");
  expect(() => nn.ctcLoss(x, integers([[1]]), { targetLengths: integers([-1]) })).toThrow(
    "targetLengths: -1 of sequence 0: expected 0 to 1",
  );
  for (const label of [0, 2, -1]) {
    expect(() => nn.ctcLoss(x, integers([[label]]))).toThrow(`label ${label} of sequence 0: expected 0 to 1 but the blank, 0`);
    // Beyond a row's length there may be anything.
    expect(nn.ctcLoss(x, integers([[label]]), { targetLengths: integers([0]) }).shape).toEqual([]);
  }
});

it("tells labels of a run from what is behind them", async () => {
  const logits = random.normal([4, 1, 4]);
  const loss = compile((targets: Tensor, targetLengths: Tensor) => nn.ctcLoss(logits, targets, { targetLengths }));
  const of = async (targets: number[], length: number) => (await loss(integers([targets]), integers([length]))).item();
  const expected = await of([1, 2], 1);
  for (const behind of [-1, 0, 99, -100]) expect(await of([1, behind], 1)).toBe(expected);
  for (const label of [-1, 0, 4]) await expect(of([1, label], 2)).rejects.toThrow("out of range");
});

it("is beyond all bounds where the labels do not fit into the steps", async () => {
  expect(await nn.ctcLoss(tensor([[[0, 1, 2]]]), integers([[1, 2]])).item()).toBeGreaterThan(1e29);
});

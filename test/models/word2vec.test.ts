import { compile, models, optim, sum, tensor } from "kasane";
import { expect, it } from "vitest";

const { Word2vec, pairLoss } = models;

/** Two vectors in and three out, of known numbers. */
async function known() {
  const model = new Word2vec({ inputs: 3, outputs: 3, size: 2 });
  await model.input.weight.assign(
    tensor([
      [1, 2],
      [-1, 0.5],
      [0.25, -2],
    ]),
  );
  await model.output.weight.assign(
    tensor([
      [0.5, -1],
      [1, 1],
      [-0.5, 0.25],
    ]),
  );
  return model;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

it("a step of one pair is that of the authors' program", async () => {
  const model = await known();
  const optimizer = new optim.Sgd(model, { learningRate: 0.1 });
  const step = compile(
    (batch: models.Word2vecBatch) => {
      const loss = pairLoss(model.forward(batch), batch);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true },
  );
  // Word 0 is told to stand near word 1, and to be told from word 2, which counts twice.
  const { loss } = await step({
    inputs: tensor([0], { shape: [1, 1], dtype: "int32" }),
    outcomes: tensor([1, 2], { shape: [1, 2], dtype: "int32" }),
    targets: tensor([1, 0], { shape: [1, 1, 2], dtype: "float32" }),
    weights: tensor([1, 2], { shape: [1, 1, 2], dtype: "float32" }),
  });
  // x1 = 1 + 2 = 3, x2 = -0.5 + 0.5 = 0
  expect(await loss.item()).toBeCloseTo(Math.log(1 + Math.exp(-3)) + 2 * Math.log(2), 5);
  const near = 0.1 * (1 - sigmoid(3));
  const far = -0.1 * 2 * sigmoid(0);
  const input = (await model.input.weight.array()) as number[][];
  expect(input[0]?.[0]).toBeCloseTo(1 + near * 1 + far * -0.5, 5);
  expect(input[0]?.[1]).toBeCloseTo(2 + near * 1 + far * 0.25, 5);
  expect(input[1]).toEqual([-1, 0.5]);
  const output = (await model.output.weight.array()) as number[][];
  expect(output[1]?.[1]).toBeCloseTo(1 + near * 2, 5);
  expect(output[2]?.[0]).toBeCloseTo(-0.5 + far * 1, 5);
  expect(output[0]).toEqual([0.5, -1]);
});

it("an outcome takes a share of its gradient, the texts take all of theirs", async () => {
  const model = await known();
  const optimizer = new optim.Sgd(model, { learningRate: 1 });
  const step = compile(
    (batch: models.Word2vecBatch) => {
      const score = sum(model.forward(batch));
      optimizer.minimize(score);
      return { score };
    },
    { training: true },
  );
  await step({
    inputs: tensor([0], { shape: [1, 1], dtype: "int32" }),
    outcomes: tensor([1, 2], { shape: [1, 2], dtype: "int32" }),
    shares: tensor([0.25, 1], { shape: [1, 2], dtype: "float32" }),
    targets: tensor([1, 1], { shape: [1, 1, 2], dtype: "float32" }),
    weights: tensor([1, 1], { shape: [1, 1, 2], dtype: "float32" }),
  });
  expect(await model.output.weight.array()).toEqual([
    [0.5, -1],
    [0.75, 0.5],
    [-1.5, -1.75],
  ]);
  expect(((await model.input.weight.array()) as number[][])[0]).toEqual([0.5, 0.75]);
});

it("a mean of words, and of their parts, passes its whole gradient to each", async () => {
  const model = await known();
  const optimizer = new optim.Sgd(model, { learningRate: 1 });
  // The score of the mean of words 0 and 1, where word 0 is made of rows 0 and 2; its gradient by the mean is (1, 1).
  const step = compile(
    (batch: models.Word2vecBatch) => {
      const score = sum(model.forward(batch));
      optimizer.minimize(score);
      return { score };
    },
    { training: true },
  );
  const { score } = await step({
    inputs: tensor([0, 1], { shape: [1, 2], dtype: "int32" }),
    means: tensor([0.5, 0.5], { shape: [1, 1, 2], dtype: "float32" }),
    parts: {
      rows: tensor([0, 2, 1, 0], { dtype: "int32" }),
      words: tensor([0, 0, 1, 2], { dtype: "int32" }),
      shares: tensor([[0.5], [1], [0]], { dtype: "float32" }),
    },
    outcomes: tensor([1], { shape: [1, 1], dtype: "int32" }),
    targets: tensor([1], { shape: [1, 1, 1], dtype: "float32" }),
    weights: tensor([1], { shape: [1, 1, 1], dtype: "float32" }),
  });
  // ((1 + 0.25) / 2 - 1) / 2 + ((2 - 2) / 2 + 0.5) / 2
  expect(await score.item()).toBeCloseTo(-0.1875 + 0.25, 6);
  // The last part belongs to a word that nothing reads.
  expect(await model.input.weight.array()).toEqual([
    [0, 1],
    [-2, -0.5],
    [-0.75, -3],
  ]);
});

it("refuses parts that do not fit", async () => {
  const model = await known();
  const [rows, words, shares] = [tensor([0, 1], { dtype: "int32" }), tensor([0], { dtype: "int32" }), tensor([[1]], { dtype: "float32" })];
  expect(() => model.words({ rows, words, shares })).toThrow(/rows of parts are \[2\], their words \[1\]/);
  const beyond = tensor([0, -1], { dtype: "int32" });
  expect(() => model.words({ rows, words: beyond, shares })).toThrow("Word2vec: index -1 is out of range");
});

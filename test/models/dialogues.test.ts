import { compile, models, type nn, optim, seed, type Tensor, tensor } from "kasane";
import { describe, expect, it } from "vitest";

/** The ids of unknown words and of the mark that ends an utterance; 0 is padding. */
const [unknown, end] = [1, 2];
const settings = { vocabularySize: 9, size: 5, hiddenSize: 6, end, unknown };

const hred = (options: Partial<models.HredOptions> = {}) => new models.Hred({ ...settings, encoderSize: 7, contextSize: 8, ...options });
const variants: Record<string, () => models.PlainDialogueModel> = {
  hred,
  "hred with a direct connection": () => hred({ direct: true }),
  "last utterance": () => new models.FlatDialogueModel({ ...settings, encoderSize: 7, reads: "last" }),
  "whole context": () => new models.FlatDialogueModel({ ...settings, encoderSize: 7, reads: "all" }),
};

const ids = (rows: number[][]): Tensor => tensor(rows, { dtype: "int32" });
/** Three utterances, and two. */
const first = [3, 4, end, 5, end, 6, 7, 8, end];
const second = [8, end, 3, 3, end];
const both: models.Dialogues = {
  words: ids([first, [...second, 0, 0, 0, 0]]),
  ends: ids([
    [2, 4, 8],
    [1, 4, 0],
  ]),
};
const alone: models.Dialogues = { words: ids([second]), ends: ids([[1, 4]]) };

const lossesOf = async (model: models.PlainDialogueModel, dialogues: models.Dialogues): Promise<number[][]> =>
  (await (await compile((d: models.Dialogues) => model.forward(d))(dialogues)).array()) as number[][];

describe.each(Object.entries(variants))("%s", (name, make) => {
  it("gives each word a loss that padding does not change, and padding none", async () => {
    seed(1);
    const model = make();
    const together = await lossesOf(model, both);
    const single = await lossesOf(model, alone);
    expect(together).toHaveLength(9);
    expect(together.slice(5).map((row) => row[1])).toEqual([0, 0, 0, 0]);
    for (const [place, [loss]] of single.entries()) {
      // float32
      expect(together[place]?.[1]).toBeCloseTo(loss as number, 5);
      expect(loss).toBeGreaterThan(0);
    }
  });

  it("knows nothing of words that come later, and of earlier utterances what it reads of them", async () => {
    seed(2);
    const model = make();
    const changed = async (place: number) => {
      const words = first.map((word, i) => (i === place ? 8 : word));
      const dialogue = (row: number[]) => ({ words: ids([row]), ends: ids([[2, 4, 8]]) });
      const [before, after] = [await lossesOf(model, dialogue(first)), await lossesOf(model, dialogue(words))];
      return before.flatMap((row, i) => (Math.abs((row[0] as number) - (after[i]?.[0] as number)) > 1e-6 ? [i] : []));
    };
    expect(await changed(3)).toEqual([3, 4, 5, 6, 7, 8]);
    // The first utterance is the last one before the second alone.
    expect(await changed(0)).toEqual(name === "last utterance" ? [0, 1, 2, 3, 4] : [0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("writes word by word what it was trained on at once", async () => {
    seed(3);
    const model = make();
    const losses = await lossesOf(model, both);
    // The third utterance of the first dialogue.
    const written = compile((d: models.Dialogues) => {
      const known = model
        .contexts(d)
        .slice([
          [2, 3],
          [0, 1],
        ])
        .reshape([1, -1]);
      let state = model.start(model.condition(known));
      return [end, 6, 7, 8].map((token, i) => {
        const { logits, state: next } = model.decoderStep(tensor([token], { dtype: "int32" }), state);
        state = next;
        return logits.crossEntropy(tensor([[6, 7, 8, end][i] as number], { dtype: "int32" }));
      });
    });
    for (const [i, loss] of (await written(both)).entries()) expect(await loss.item()).toBeCloseTo(losses[5 + i]?.[0] as number, 5);
  });
});

it("has the parameters of three GRUs, the words' vectors and three layers", () => {
  const gru = (input: number, size: number) => 3 * size * (input + size + 2);
  const common = 9 * 5 + 9 + gru(5, 6) + (6 * 5 + 5);
  expect(hred().parameterCount()).toBe(common + gru(5, 7) + gru(7, 8) + (8 * 6 + 6) + (8 * 5 + 5));
  expect(variants["whole context"]?.().parameterCount()).toBe(common + gru(5, 7) + (7 * 6 + 6) + (7 * 5 + 5));
});

it("is trained by a softmax over all words as by one of which every word is drawn", async () => {
  const lossOf = async (sampled?: nn.SampledWords) => {
    seed(4);
    const model = hred({ sampled });
    const optimizer = new optim.Sgd(model, { learningRate: 0.02 });
    const step = compile(
      (d: models.Dialogues) => {
        const loss = model.forward(d).sum();
        optimizer.minimize(loss);
        return loss;
      },
      { training: true },
    );
    return [await (await step(both)).item(), await (await step(both)).item()];
  };
  const [all, drawn] = [await lossOf(), await lossOf({ frequentWords: 4, sampledWords: 5 })];
  // float32 sums of 14 losses
  drawn.forEach((loss, i) => expect(loss).toBeCloseTo(all[i] as number, 3));
  expect(all[1]).toBeLessThan(all[0] as number);
});

it("complains of other options, and of dialogues that do not fit", async () => {
  expect(() => hred({ end: 0 })).toThrow("Hred: end and padding are both 0: expected two ids");
  expect(() => hred({ wordDropout: 2 })).toThrow("wordDropout 2: expected 0 to 1");
  expect(() => new models.FlatDialogueModel({ ...settings, encoderSize: 7, reads: "some" as "all" })).toThrow(
    'reads "some": expected "last" or "all"',
  );
  const torn = { words: both.words, ends: alone.ends };
  await expect(lossesOf(hred(), torn)).rejects.toThrow("got words [2, 9] and ends [1, 2], expected [batch, words] and [batch, turns]");
});

describe("Vhred", () => {
  const make = (options: Partial<models.VhredOptions> = {}) =>
    new models.Vhred({ ...settings, encoderSize: 7, contextSize: 8, latent: 3, ...options });
  const numbers = async (x: Tensor): Promise<number[]> => Array.from(await x.data(), Number);

  it("has the divergence of normal distributions", async () => {
    const normal = (mean: number, variance: number) => ({ mean: tensor([mean]), logVariance: tensor([Math.log(variance)]) });
    // (ln 1 - ln 4 + (4 + 1²) / 1 - 1) / 2, and (ln 4 - ln 1 + (1 + 1²) / 4 - 1) / 2
    expect(await numbers(models.normalDivergence(normal(1, 4), normal(0, 1)))).toEqual([expect.closeTo(1.3068528, 5)]);
    expect(await numbers(models.normalDivergence(normal(0, 1), normal(1, 4)))).toEqual([expect.closeTo(0.4431472, 5)]);
    expect(await numbers(models.normalDivergence(normal(1, 4), normal(1, 4)))).toEqual([0]);
  });

  it("has no terms at padding, nor of end marks in its bag of words", async () => {
    seed(5);
    const model = make();
    const terms = await compile((d: models.Dialogues) => model.forward(d))(both);
    const [reconstruction, bag, divergence] = [terms.reconstruction, terms.bagOfWords, terms.divergence].map((x) => x.array());
    const column = (rows: number[][]) => rows.map((row) => row[1] as number);
    expect(column((await reconstruction) as number[][]).map((loss) => loss > 0)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => i < 5));
    expect(column((await bag) as number[][]).map((loss) => loss > 0)).toEqual([true, false, true, true, false, false, false, false, false]);
    const missing = ((await divergence) as number[][][])[2]?.[1];
    expect(missing).toEqual([0, 0, 0]);
    expect((await numbers(terms.divergence)).every((value) => value >= 0)).toBe(true);
  });

  it("has posteriors that know the utterance, and priors that do not", async () => {
    seed(6);
    const model = make();
    const latents = compile((d: models.Dialogues) => model.latents(d));
    const changed = { ...alone, words: ids([[8, end, 4, 3, end]]) };
    const [before, after] = [await latents(alone), await latents(changed)];
    expect(await numbers(after.prior.mean)).toEqual(await numbers(before.prior.mean));
    const [a, b] = [await numbers(before.posterior.mean), await numbers(after.posterior.mean)];
    expect(b.slice(0, 3)).toEqual(a.slice(0, 3));
    expect(b.slice(3)).not.toEqual(a.slice(3));
  });

  it("has weights whose mean logarithm is the evidence lower bound", async () => {
    seed(7);
    const model = make();
    const both = compile((d: models.Dialogues) => {
      const { reconstruction, divergence } = model.forward(d);
      return { bound: reconstruction.sum().add(divergence.sum()).neg(), weight: model.logWeights(d).sum() };
    });
    const draws = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const { bound, weight } = await both(alone);
        return (await weight.item()) - (await bound.item());
      }),
    );
    const mean = draws.reduce((a, b) => a + b) / draws.length;
    const deviation = Math.sqrt(draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (draws.length - 1));
    expect(deviation).toBeGreaterThan(0.01);
    // Four standard errors: one seed in 16,000 would fail.
    expect(Math.abs(mean)).toBeLessThan((4 * deviation) / Math.sqrt(draws.length));
  });
});

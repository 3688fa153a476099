import { compile, decode, seed, type Tensor, tensor, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { recurrentModel, tableStep } from "./models.js";

const [end, begin] = [0, 1];
const vocabulary = 4;
const maximumLength = 4;
const sources = [0, 1, 2, 3, 4, 5];
const options = { begin, end, maximumLength };
const model = await recurrentModel(vocabulary, 5, sources.length);

/** float32 against float64. */
const near = (got: number, expected: number) => expect(Math.abs(got - expected)).toBeLessThan(1e-5);

/** Logs of the probabilities of what follows each token; begin is 1, end is 0. */
const logarithms = (rows: readonly (readonly number[])[]) => rows.map((row) => row.map((p) => Math.log(p || 1e-30)));

describe("greedy", () => {
  it("takes the most probable token of every step, of all rows at once", async () => {
    const got = await decode.greedy(model.step, options)(model.state(sources));
    const lengths = new Set<number>();
    got.forEach((hypothesis, row) => {
      const tokens: number[] = [];
      let [logProbability, ended] = [0, false];
      while (!ended && tokens.length < maximumLength) {
        const next = model.logProbabilities(row, [begin, ...tokens]);
        const best = Math.max(...next);
        logProbability += best;
        ended = next.indexOf(best) === end;
        if (!ended) tokens.push(next.indexOf(best));
      }
      expect(hypothesis.tokens).toEqual(tokens);
      expect(hypothesis.ended).toBe(ended);
      near(hypothesis.logProbability, logProbability);
      lengths.add(tokens.length);
    });
    // The rows end at different steps.
    expect(lengths.size).toBeGreaterThan(1);
  });

  it("traces once for each number of rows, however many steps there are", async () => {
    let calls = 0;
    const greedy = decode.greedy((tokens: Tensor, state: ReturnType<typeof model.state>) => {
      calls++;
      return model.step(tokens, state);
    }, options);
    const together = await greedy(model.state([0, 1, 2]));
    const perGraph = calls;
    expect(await greedy(model.state([2, 1, 0]))).toEqual([...together].reverse());
    expect(calls).toBe(perGraph);
    await greedy(model.state([0]));
    expect(calls).toBe(2 * perGraph);
    await greedy.dispose();
  });

  it("decodes what comes while it is decoding, after a failure too", async () => {
    const greedy = decode.greedy(model.step, options);
    const beams = decode.beamSearch(model.step, { ...options, beams: 3 });
    const batches = [[0, 1, 2], [5, 4, 3, 2], [2, 1, 0], [3]];
    const alone = await Promise.all(batches.map((rows) => decode.greedy(model.step, options)(model.state(rows))));
    const inTurn = batches.map((rows) => greedy(model.state(rows)));
    await expect(greedy({ hidden: zeros([2, 1]), source: zeros([2, 1]) })).rejects.toThrow();
    expect(await Promise.all([...inTurn, greedy(model.state([3]))])).toEqual([...alone, alone[3]]);
    const searched = await Promise.all(batches.map((rows) => beams(model.state(rows))));
    for (const [i, rows] of batches.entries()) expect(searched[i]).toEqual(await beams(model.state(rows)));
  });

  it("stops where all rows have ended, and cuts off what does not end", async () => {
    // 1 → 2 → 0, and 3 → 3
    const table = logarithms([
      [1, 0, 0, 0],
      [0, 0, 1, 0],
      [1, 0, 0, 0],
      [0, 0, 0, 1],
    ]);
    const state = [zeros([1, 1])];
    const forever = { begin, end, maximumLength: 1e12 };
    expect(await decode.greedy(tableStep(table), forever)(state)).toMatchObject([{ tokens: [2], ended: true }]);
    expect(await decode.beamSearch(tableStep(table), { ...forever, beams: 1 })(state)).toMatchObject([[{ tokens: [2], ended: true }]]);
    const cut = { begin: 3, end, maximumLength: 5 };
    expect(await decode.greedy(tableStep(table), cut)(state)).toMatchObject([{ tokens: [3, 3, 3, 3, 3], ended: false }]);
  });
});

describe("beam search", () => {
  it.each([0, 0.6, 1.5])("of full width finds the best of all sequences, in order (length penalty %f)", async (lengthPenalty) => {
    const beams = vocabulary ** (maximumLength - 1);
    const got = await decode.beamSearch(model.step, { ...options, beams, best: 5, lengthPenalty })(model.state(sources));
    got.forEach((hypotheses, row) => {
      const ranked = model
        .all(row, options)
        .map((sequence) => ({ ...sequence, score: sequence.logProbability / ((5 + sequence.length) / 6) ** lengthPenalty }))
        .sort((a, b) => b.score - a.score);
      expect(hypotheses).toHaveLength(5);
      hypotheses.forEach((hypothesis, rank) => {
        const expected = ranked[rank] as (typeof ranked)[0];
        expect([hypothesis.tokens, hypothesis.ended]).toEqual([expected.tokens, expected.ended]);
        near(hypothesis.logProbability, expected.logProbability);
        near(hypothesis.score, expected.score);
      });
    });
  });

  it("prefers longer sequences with a length penalty", async () => {
    // The empty sequence has 0.4; [2] has 0.3, and ln 0.3 / (7 / 6)² = -0.885 is above ln 0.4 = -0.916.
    const table = logarithms([
      [1, 0, 0],
      [0.4, 0, 0.6],
      [0.5, 0, 0.5],
    ]);
    const best = async (lengthPenalty: number) => {
      const beam = decode.beamSearch(tableStep(table), { begin, end, maximumLength: 9, beams: 2, best: 2, lengthPenalty });
      return (await beam([zeros([1, 1])]))[0]?.map(({ tokens }) => tokens);
    };
    expect(await best(0)).toEqual([[], [2]]);
    expect(await best(2)).toEqual([[2], []]);
  });

  it("of one beam is greedy", async () => {
    const beam = await decode.beamSearch(model.step, { ...options, beams: 1 })(model.state(sources));
    const greedy = await decode.greedy(model.step, options)(model.state(sources));
    beam.forEach(([hypothesis], row) => {
      expect(hypothesis?.tokens).toEqual(greedy[row]?.tokens);
      near(hypothesis?.logProbability as number, greedy[row]?.logProbability as number);
    });
  });

  it("finds what greedy misses: the likelier sentence behind the less likely first word", async () => {
    // begin to a (0.6) or b (0.4); after a all four words are as likely, after b the end is.
    const table = logarithms([
      [1, 0, 0, 0],
      [0, 0, 0.6, 0.4],
      [0.25, 0.25, 0.25, 0.25],
      [0.9, 0.1, 0, 0],
    ]);
    const state = [zeros([1, 1])];
    const [greedy] = await decode.greedy(tableStep(table), { begin, end, maximumLength: 5 })(state);
    expect(greedy?.tokens[0]).toBe(2);
    const [found] = await decode.beamSearch(tableStep(table), { begin, end, maximumLength: 5, beams: 2, best: 2 })(state);
    expect(found?.map(({ tokens }) => tokens)).toEqual([[3], [2]]);
    near(found?.[0]?.logProbability as number, Math.log(0.36));
    near(found?.[1]?.logProbability as number, Math.log(0.15));
  });

  it("decodes rows together as one by one", async () => {
    const beam = decode.beamSearch(model.step, { ...options, beams: 3, best: 3, lengthPenalty: 0.6 });
    const together = await beam(model.state(sources));
    for (const row of sources) {
      const [alone] = await beam(model.state([row]));
      expect(alone?.map(({ tokens }) => tokens)).toEqual(together[row]?.map(({ tokens }) => tokens));
    }
  });

  it("gives fewer hypotheses where there are no more", async () => {
    const table = logarithms([
      [1, 0],
      [1, 0],
    ]).map((row) => row.map((value) => (value < -60 ? Number.NEGATIVE_INFINITY : value)));
    const [found] = await decode.beamSearch(tableStep(table), { ...options, beams: 3, best: 3 })([zeros([1, 1])]);
    expect(found).toEqual([{ tokens: [], logProbability: 0, ended: true, score: 0 }]);
  });
});

describe("many sequences, most of which have ended", () => {
  // Sequence i counts down from i: it ends after i tokens, each of them but half as likely as it could be.
  const length = 40;
  const rows = Array.from({ length: 50 }, (_, i) => (i % 10 === 0 ? length - i / 10 : 1 + (i % 3)));
  const state = tensor(Int32Array.from(rows), { shape: [rows.length] });
  const seen: number[] = [];
  const countdown: decode.DecoderStep<Tensor> = (tokens, left) => {
    seen.push(tokens.shape[0] as number);
    const [going, ending] = [tensor([-50, 0, 0]), tensor([0, -50, -50])];
    const logits = left.reshape([-1, 1]).greater(0).where(going, ending);
    return { logits, state: left.sub(1) };
  };
  const settings = { begin: 1, end: 0, maximumLength: 99 };

  it.each<[string, () => Promise<readonly decode.Hypothesis[]>, number]>([
    ["greedily", () => decode.greedy(countdown, settings)(state), 1],
    ["drawn", () => decode.sample(countdown, settings)(state), 1],
    ["with beams", async () => (await decode.beamSearch(countdown, { ...settings, beams: 2 })(state)).map(([found]) => found as never), 2],
  ])("are written %s in fewer rows", async (_, write, each) => {
    seen.length = 0;
    const written = await write();
    expect(written.map(({ tokens }) => tokens.length)).toEqual(rows);
    written.forEach(({ logProbability }, i) => near(logProbability / (rows[i] as number), Math.log(0.5)));
    // 50 sequences, then the five long ones among eight.
    expect(new Set(seen)).toEqual(new Set([50 * each, 8 * each]));
  });
});

describe("sample", () => {
  const probabilities = [0.1, 0.4, 0.05, 0.25, 0.2];
  const rows = 20_000;
  const table = [probabilities, probabilities].map((row) => row.map(Math.log));
  const renormalised = (weights: readonly number[]) => weights.map((weight) => weight / weights.reduce((a, b) => a + b));
  const draw = async (settings: Partial<decode.SampleOptions>) => {
    seed(5);
    return decode.sample(tableStep(table), { begin, end, maximumLength: 1, ...settings })([zeros([rows, 1])]);
  };

  it.each([
    ["as the model says", {}, probabilities],
    ["sharper at a low temperature", { temperature: 0.5 }, probabilities.map((p) => p * p)],
    ["flatter at a high one", { temperature: 2 }, probabilities.map(Math.sqrt)],
    ["from the most probable alone", { topK: 2 }, [0, 0.4, 0, 0.25, 0]],
    // 0.4 + 0.25 are less than 0.7, with 0.2 they are more.
    ["from the nucleus alone", { topP: 0.7 }, [0, 0.4, 0, 0.25, 0.2]],
    ["from the nucleus of the most probable", { topK: 2, topP: 0.6 }, [0, 0.4, 0, 0, 0]],
    ["from the nucleus of what the temperature leaves", { temperature: 0.5, topP: 0.8 }, [0, 0.16, 0, 0.0625, 0]],
    ["from more than there are", { topK: 99 }, probabilities],
  ] as const)("draws %s", async (_, settings, weights) => {
    const counts = new Array<number>(probabilities.length).fill(0);
    const errors = (await draw(settings)).map(({ tokens, ended, logProbability }) => {
      const token = ended ? end : (tokens[0] as number);
      counts[token] = (counts[token] as number) + 1;
      return Math.abs(logProbability - Math.log(probabilities[token] as number));
    });
    near(Math.max(...errors), 0);
    renormalised(weights).forEach((p, token) => {
      // Binomial: five deviations; what has no probability is never drawn.
      expect(Math.abs((counts[token] as number) - rows * p)).toBeLessThanOrEqual(5 * Math.sqrt(rows * p * (1 - p)));
    });
  });

  it("draws every step and row anew, all of them by the seed", async () => {
    const table = [0, 1].map(() => [-50, 0, 0, 0]);
    const sample = decode.sample((tokens: Tensor, state: readonly Tensor[]) => tableStep(table)(tokens.mul(0), state), {
      begin,
      end,
      maximumLength: 12,
    });
    const at = async (value: number) => {
      seed(value);
      return (await sample([zeros([3, 1])])).map(({ tokens }) => tokens);
    };
    const first = await at(1);
    expect(await at(1)).toEqual(first);
    expect(await at(2)).not.toEqual(first);
    expect(first[0]).not.toEqual(first[1]);
    expect(new Set(first[0]).size).toBeGreaterThan(1);
  });
});

describe("what is wrong is said", () => {
  const state = model.state([0]);
  it.each<[string, () => unknown]>([
    ["end is -1, expected the id of a token", () => decode.greedy(model.step, { ...options, end: -1 })],
    ["maximumLength 0: expected an integer from 1", () => decode.greedy(model.step, { ...options, maximumLength: 0 })],
    ["best 3: expected 1 to 2, the number of beams", () => decode.beamSearch(model.step, { ...options, beams: 2, best: 3 })],
    ["lengthPenalty -1: expected a number from 0", () => decode.beamSearch(model.step, { ...options, beams: 2, lengthPenalty: -1 })],
    ["temperature 0: expected a number above 0", () => decode.sample(model.step, { ...options, temperature: 0 })],
    ["topK 0: expected an integer from 1", () => decode.sample(model.step, { ...options, topK: 0 })],
    ["topP 1.5: expected a probability above 0", () => decode.sample(model.step, { ...options, topP: 1.5 })],
  ])("%s", (message, make) => {
    expect(make).toThrow(message);
  });

  it("of the state and the step too", async () => {
    const greedy = (step: decode.DecoderStep<{ hidden: Tensor; source: Tensor }>) => decode.greedy(step, options);
    await expect(greedy(model.step)({} as never)).rejects.toThrow("the state is {}: expected tensors that all have the same first size");
    await expect(greedy(model.step)({ hidden: zeros([2, 5]), source: zeros([3, 5]) })).rejects.toThrow(
      "the state is { hidden: float32[2, 5], source: float32[3, 5] }: expected tensors that all have the same first size",
    );
    await expect(greedy((_, state) => ({ logits: tensor([1, 2]), state }))(state)).rejects.toThrow("logits [2], expected [1, vocabulary]");
    await expect(greedy((tokens, { hidden }) => ({ ...model.step(tokens, state), state: { hidden } as never }))(state)).rejects.toThrow(
      "decode: the next state.source is missing, expected float32[1, ",
    );
    await expect(
      greedy((tokens, { source }) => ({ ...model.step(tokens, state), state: { hidden: zeros([1, 2]), source } }))(state),
    ).rejects.toThrow("expected the same dtypes and shapes");
  });
});

it("an initial state may be computed by a compiled encoder", async () => {
  const encode = compile(({ hidden, source }: ReturnType<typeof model.state>) => ({ hidden: hidden.add(0), source: source.add(0) }));
  const state = await encode(model.state(sources));
  expect(await decode.greedy(model.step, options)(state)).toEqual(await decode.greedy(model.step, options)(model.state(sources)));
});

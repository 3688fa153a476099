import { decode, logSoftmax, models, seed, tensor } from "kasane";
import { expect, it } from "vitest";

const [padding, begin, end] = [0, 1, 2];
const vocabulary = 5;
const maximumLength = 3;
const sizes = { sourceVocabulary: 7, targetVocabulary: vocabulary, size: 8, padding };
const sources = [
  [3, 4, 5, 6],
  [6, 5, padding, padding],
  [4, 4, 3, padding],
];

/** All sequences of up to three tokens: those that end, and those that are cut off. */
function everySequence(): number[][] {
  const found: number[][] = [];
  const extend = (tokens: readonly number[]) => {
    for (let token = 0; token < vocabulary; token++) {
      const longer = [...tokens, token];
      if (token === end || longer.length === maximumLength) found.push(longer);
      else extend(longer);
    }
  };
  extend([]);
  return found;
}

it.each<[string, () => models.SequenceModel]>([
  ["a Transformer", () => new models.Transformer({ ...sizes, layers: 2, heads: 2, innerSize: 16 })],
  [
    "a GRU with attention",
    () => new models.SequenceToSequence({ ...sizes, hiddenSize: 8, cell: "gru", bidirectional: true, attention: "additive" }),
  ],
  [
    "an LSTM with input feeding",
    () => new models.SequenceToSequence({ ...sizes, hiddenSize: 8, cell: "lstm", layers: 2, attention: "general", inputFeeding: true }),
  ],
])("beam search of full width over %s finds the best of all targets, as teacher forcing scores them", async (_, make) => {
  seed(4);
  const model = make();
  // Far from zero, so that the targets differ in probability.
  for (const parameter of model.parameters()) await parameter.assign(parameter.mul(3));
  const beam = decode.beamSearch((tokens, state) => model.decoderStep(tokens, state), {
    begin,
    end,
    maximumLength,
    beams: vocabulary ** 2,
    best: 4,
    lengthPenalty: 0.6,
  });
  const found = await beam(model.encode(tensor(sources, { dtype: "int32" }), maximumLength));

  const targets = everySequence();
  const inputs = targets.map((target) => [
    begin,
    ...target.slice(0, -1),
    ...new Array<number>(maximumLength - target.length).fill(padding),
  ]);
  for (const [row, source] of sources.entries()) {
    const repeated = tensor(
      targets.map(() => source),
      { dtype: "int32" },
    );
    const logits = model.forward(repeated, tensor(inputs, { dtype: "int32" }));
    const scores = (await logSoftmax(logits).array()) as number[][][];
    const ranked = targets
      .map((target, i) => {
        const logProbability = target.reduce((sum, token, place) => sum + (scores[i]?.[place]?.[token] as number), 0);
        return { target, logProbability, score: logProbability / ((5 + target.length) / 6) ** 0.6 };
      })
      .sort((a, b) => b.score - a.score);
    found[row]?.forEach(({ tokens, ended, logProbability }, rank) => {
      const expected = ranked[rank] as (typeof ranked)[0];
      expect(ended ? [...tokens, end] : tokens).toEqual(expected.target);
      // float32, sums in another order
      expect(Math.abs(logProbability - expected.logProbability)).toBeLessThan(1e-4);
    });
    expect(found[row]).toHaveLength(4);
  }
});

import { compile, crossEntropy, type Device, data, decode, models, slice, type Tensor, tensor } from "kasane";

/** The ids of the marks, the first of every vocabulary here. */
export const [padding, , begin, end] = data.sentenceSpecials.map((_, id) => id) as [number, number, number, number];

/** What sequences are learnt with, and what charts call it. */
export const architectures = {
  lstm: "LSTM, no attention",
  gru: "GRU, no attention",
  attention: "GRU with attention",
  transformer: "Transformer",
} as const;
export type Architecture = keyof typeof architectures;
export const architectureNames = Object.keys(architectures) as Architecture[];

/** A small model of sequences of the same vocabulary in and out. */
export function makeModel(architecture: Architecture, vocabulary: number, size: number): models.SequenceModel {
  const sizes = { sourceVocabulary: vocabulary, targetVocabulary: vocabulary, size };
  if (architecture === "transformer") return new models.Transformer({ ...sizes, layers: 2, heads: 4, innerSize: 4 * size, preNorm: true });
  const recurrent = { ...sizes, hiddenSize: size };
  if (architecture !== "attention") return new models.SequenceToSequence({ ...recurrent, cell: architecture });
  return new models.SequenceToSequence({ ...recurrent, cell: "gru", bidirectional: true, attention: "additive" });
}

/**
 * The mean cross entropy of every token of the targets after the first, in nats; padding does not count.
 * @param source, target ids `[batch, ...]`, the targets from `<BOS>` to `<EOS>`
 */
export function sequenceLoss(model: models.SequenceModel, source: Tensor, target: Tensor): Tensor {
  const logits = model.forward(source, slice(target, [[], [0, -1]]));
  return crossEntropy(logits, slice(target, [[], [1, null]]), { ignoreIndex: padding });
}

/** The ids of sequences in a matrix of the given width. */
export function matrix(sequences: readonly ArrayLike<number>[], width: number): Tensor {
  const { ids, shape } = data.padSequences(sequences, padding, width);
  return tensor(ids, { shape });
}

/** What a model writes, having read a source: both as ids without marks. */
export type Writer = (sources: readonly ArrayLike<number>[]) => Promise<(readonly number[])[]>;

/**
 * Writes greedily, many sequences at once.
 * @param width what sources are filled up to
 * @param capacity how many tokens are written at most, `<EOS>` counted
 */
export function writer(model: models.SequenceModel, width: number, capacity: number, device: Device): Writer {
  const encode = compile((source: Tensor) => model.encode(source, capacity), { device });
  const step: decode.DecoderStep = (tokens, state) => model.decoderStep(tokens, state);
  const greedy = decode.greedy(step, { begin, end, maximumLength: capacity, device });
  return async (sources) => (await greedy(await encode(matrix(sources, width)))).map(({ tokens }) => tokens);
}

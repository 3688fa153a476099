import { compile, crossEntropy, type Device, data, decode, models, type nn, type optim, slice, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";
import type { Context } from "../context.js";

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

/** Sizes of {@link makeModel}'s models. */
export interface ModelSizes {
  readonly sourceVocabulary: number;
  readonly targetVocabulary: number;
  /** Of the state and of a token's vector. */
  readonly size: number;
  /** By default 1, of a Transformer 2. */
  readonly layers?: number;
  readonly dropout?: number;
  /** Of a Transformer's feed-forward parts, by default four times the size. */
  readonly innerSize?: number;
  /** Whether a recurrent encoder without attention, too, reads in both directions. */
  readonly bidirectional?: boolean;
  /** Of a Transformer: see {@link models.TransformerOptions}. */
  readonly decoderLayers?: number;
  /** Of a Transformer's attention: see {@link nn.MultiheadAttentionOptions}. */
  readonly maxRelativePosition?: number;
  /** Of a Transformer: see {@link models.TransformerOptions}. */
  readonly contextWidth?: number;
}

/** A model of one of the architectures. */
export function makeModel(architecture: Architecture, sizes: ModelSizes): models.SequenceModel {
  const { bidirectional, innerSize = 4 * sizes.size, decoderLayers, maxRelativePosition, contextWidth, ...shared } = sizes;
  if (architecture === "transformer") {
    const own = { innerSize, decoderLayers, maxRelativePosition, contextWidth };
    return new models.Transformer({ layers: 2, heads: 4, preNorm: true, ...shared, ...own });
  }
  const recurrent = { ...shared, hiddenSize: sizes.size };
  if (architecture !== "attention") return new models.SequenceToSequence({ ...recurrent, bidirectional, cell: architecture });
  return new models.SequenceToSequence({ ...recurrent, cell: "gru", bidirectional: true, attention: "additive" });
}

/** Settings of {@link sequenceLoss}. */
export interface SequenceLossOptions {
  readonly labelSmoothing?: number;
}

/**
 * The mean cross entropy of every token of the targets after the first, in nats; padding does not count.
 * @param source, target ids `[batch, ...]`, the targets from `<BOS>` to `<EOS>`
 */
export function sequenceLoss(model: models.SequenceModel, source: Tensor, target: Tensor, options: SequenceLossOptions = {}): Tensor {
  const logits = model.forward(source, slice(target, [[], [0, -1]]));
  return crossEntropy(logits, slice(target, [[], [1, null]]), { ignoreIndex: padding, ...options });
}

/** Sources and what is to be made of them, as {@link sequenceLoss} takes them. */
export type SequencePairs = { readonly source: Tensor; readonly target: Tensor };

/** Settings of {@link trainingStep}. */
export interface TrainingOptions extends SequenceLossOptions {
  /** The option of `compile`. Without an arena, batches of many shapes need much less memory, and models without loops are hardly slower. */
  readonly arena?: boolean;
}

/** An update of the model: the loss of a batch, and one step of the optimizer down its gradient. */
export const trainingStep = (
  model: models.SequenceModel,
  optimizer: optim.Adam,
  device: Device,
  { arena, ...options }: TrainingOptions = {},
) =>
  compile(
    ({ source, target }: SequencePairs) => {
      const loss = sequenceLoss(model, source, target, options);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true, device, arena },
  );

/** The ids of sequences in a matrix of the given width. */
export function matrix(sequences: readonly ArrayLike<number>[], width: number): Tensor {
  const { ids, shape } = data.padSequences(sequences, padding, width);
  return tensor(ids, { shape });
}

/** Takes sources, as ids without marks, and gives something for each. */
export type Reader<Found> = (sources: readonly ArrayLike<number>[]) => Promise<readonly Found[]>;

/**
 * Writes greedily, many sequences at once: ids without marks.
 * @param width what sources are filled up to
 * @param capacity how many tokens are written at most, `<EOS>` counted
 */
export function writer(model: models.SequenceModel, width: number, capacity: number, device: Device): Reader<readonly number[]> {
  const search = searcher(model, width, capacity, device);
  return async (sources) => (await search(sources)).map(([first]) => (first as decode.Hypothesis).tokens);
}

/** As {@link writer}, but searches for the `best` sequences of each source with `beams` beams, and gives them from the best on. */
export function searcher(
  model: models.SequenceModel,
  width: number,
  capacity: number,
  device: Device,
  { beams = 1, best = 1 }: { readonly beams?: number; readonly best?: number } = {},
): Reader<readonly decode.Hypothesis[]> {
  const encode = compile((source: Tensor) => model.encode(source, capacity), { device });
  const step: decode.DecoderStep = (tokens, state) => model.decoderStep(tokens, state);
  const options = { begin, end, maximumLength: capacity, device };
  const greedy = decode.greedy(step, options);
  const search =
    beams > 1
      ? decode.beamSearch(step, { ...options, beams, best })
      : async (state: object) => (await greedy(state)).map((found) => [found]);
  return async (sources) => search(await encode(matrix(sources, width)));
}

/**
 * Reads in batches of similar lengths, to read little padding. One graph is compiled for each width and size of a batch.
 * @param widths what sources are filled up to, ascending
 * @param make makes what reads sources filled up to a width
 */
export function bucketed<Found>(widths: readonly number[], batchSize: number, make: (width: number) => Reader<Found>): Reader<Found> {
  const readers = new Map(widths.map((width) => [width, make(width)]));
  const buckets = widths.map((width) => [width]);
  return async (sources) => {
    const found = new Array<Found>(sources.length);
    const lengths = sources.map(({ length }) => [length]);
    for (const { places, padded } of data.bucketedBatches(lengths, { batchSize, buckets })) {
      const read = readers.get(padded[0] as number) as Reader<Found>;
      const some = await read(Array.from(places, (place) => sources[place] as ArrayLike<number>));
      places.forEach((place, i) => {
        found[place] = some[i] as Found;
      });
    }
    return found;
  };
}

/**
 * Leaves a model in the run folder as `encoder.onnx` and `decoder.onnx`, one step of it.
 * @param capacity how many tokens are written at most, `<EOS>` counted
 */
export async function saveOnnx({ folder }: Context, model: models.SequenceModel, capacity: number): Promise<void> {
  const onnx = await models.sequenceOnnx(model, capacity);
  for (const [part, bytes] of Object.entries(onnx)) await files.writeAtomically(folder.file(`${part}.onnx`), bytes);
}

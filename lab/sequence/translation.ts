import { join } from "node:path";
import { check, compile, type Device, data, decode, metrics, type models, type optim, type Tensor, tensor } from "kasane";
import { datasets, files, type train } from "kasane/node";
import { z } from "zod";
import type { Context, PredictContext } from "../context.js";
import * as option from "../options.js";
import { Stopwatch } from "../stopwatch.js";
import { begin, end, matrix, type SequencePairs, sequenceLoss, trainingStep } from "./architectures.js";

/** The options of what is read, and in which batches. */
export const pairOptions = {
  minimumCount: option.fixed(z.int().min(1).default(3).describe("words that are rarer among the training pairs are unknown")),
  longest: option.fixed(z.int().min(1).max(200).default(16).meta({ description: "a sentence at most", unit: "words" })),
  batchSize: option.batchSize("pairs of like lengths").default(128),
  buckets: z.int().min(1).max(64).default(8).describe("lengths that batches are padded to: for each a graph is compiled"),
};

/** A pair of sentences with its ids: of the source without marks, of the target from `<BOS>` to `<EOS>`. */
export interface Example {
  readonly pair: datasets.SentencePair;
  readonly source: ArrayLike<number>;
  readonly target: ArrayLike<number>;
}

/** The words of both languages. */
export interface Vocabularies {
  readonly source: data.Vocabulary;
  readonly target: data.Vocabulary;
}

const parts = ["train", "dev", "test"] as const;
type Parts<Value> = Readonly<Record<(typeof parts)[number], Value>>;

/** Pairs to train on, to choose by, and to test on once, in ids of the training pairs' words. */
export interface Corpus extends Parts<readonly Example[]> {
  readonly vocabularies: Vocabularies;
}

/** small_parallel_enja, from English to Japanese; see {@link corpusOf}. */
export async function readCorpus(context: PredictContext, minimumCount: number, longest: number): Promise<Corpus> {
  const files = await context.dataset(datasets.smallParallelEnJa);
  const pairsOf = (part: string) => datasets.parallelSentences(files, `${part}.en`, `${part}.ja`);
  return corpusOf({ train: pairsOf("train"), dev: pairsOf("dev"), test: pairsOf("test") }, minimumCount, longest);
}

/**
 * @param minimumCount how often a word must be among the training pairs to have an id
 * @param longest how many words a sentence may have
 * @throws KasaneError where one has more
 */
export function corpusOf(pairs: Parts<readonly datasets.SentencePair[]>, minimumCount: number, longest: number): Corpus {
  const lengths = parts.flatMap((part) => pairs[part].flatMap(({ source, target }) => [source.length, target.length]));
  const most = lengths.reduce((longest, length) => Math.max(longest, length), 0);
  check(most <= longest, () => `--longest: the corpus has a sentence of ${most} words, expected at most ${longest}: set it to ${most}`);
  const words = (side: keyof datasets.SentencePair) =>
    data.Vocabulary.of(
      pairs.train.flatMap((pair) => pair[side]),
      { minimumCount },
    );
  const vocabularies = { source: words("source"), target: words("target") };
  const examplesOf = (part: readonly datasets.SentencePair[]) =>
    part.map((pair) => ({
      pair,
      source: vocabularies.source.encode(pair.source),
      target: [begin, ...vocabularies.target.encode(pair.target), end],
    }));
  return { vocabularies, train: examplesOf(pairs.train), dev: examplesOf(pairs.dev), test: examplesOf(pairs.test) };
}

const vocabularyFiles = { source: "source-words.json", target: "target-words.json" } as const;

/** Leaves both vocabularies in the run folder, for predictions. */
export async function saveVocabularies({ folder }: Context, { source, target }: Vocabularies): Promise<void> {
  await files.saveVocabulary(folder.file(vocabularyFiles.source), source);
  await files.saveVocabulary(folder.file(vocabularyFiles.target), target);
}

export const loadVocabularies = ({ folder }: PredictContext): Vocabularies => ({
  source: files.loadVocabulary(folder.file(vocabularyFiles.source)),
  target: files.loadVocabulary(folder.file(vocabularyFiles.target)),
});

/** A pair of padding, which fills up a batch and adds nothing to the loss. */
const nothing: Pick<Example, "source" | "target"> = { source: [], target: [] };

function batchOf(examples: readonly Pick<Example, "source" | "target">[], [sourceWidth, targetWidth]: data.PaddedLengths): SequencePairs {
  const [sources, targets] = [examples.map(({ source }) => source), examples.map(({ target }) => target)];
  return { source: matrix(sources, sourceWidth as number), target: matrix(targets, targetWidth as number) };
}

/** How {@link Translator.translate} decodes: greedily where there is one beam. */
export interface Search {
  readonly beams: number;
  /** α of {@link decode.beamSearch}. */
  readonly lengthPenalty: number;
}

export const greedily: Search = { beams: 1, lengthPenalty: 0 };

/** Sentences that are read or translated at once. */
const rowsAtOnce = 128;

/** A model that translates whole corpora, many sentences at once, and is measured by them. */
export class Translator {
  private readonly encode;
  private readonly loss;
  private readonly searches = new Map<string, (state: object) => Promise<readonly (readonly number[])[]>>();

  /** @param longest how many words a sentence and a translation have at most */
  constructor(
    private readonly model: models.SequenceModel,
    private readonly words: Vocabularies,
    private readonly longest: number,
    private readonly device: Device,
  ) {
    this.encode = compile((source: Tensor) => model.encode(source, longest + 1), { device });
    this.loss = compile(({ source, target }: SequencePairs) => sequenceLoss(model, source, target), { device });
  }

  /** The mean cross entropy of every token of the targets, `<EOS>` among them, in nats. */
  async crossEntropy(examples: readonly Example[]): Promise<number> {
    let sum = 0;
    let tokens = 0;
    for (const places of this.chunks(examples)) {
      const chunk = places.map((place) => (place === undefined ? nothing : (examples[place] as Example)));
      const count = chunk.reduce((total, { target }) => total + Math.max(0, target.length - 1), 0);
      sum += (await (await this.loss(batchOf(chunk, [this.longest, this.longest + 2]))).item()) * count;
      tokens += count;
    }
    return sum / tokens;
  }

  /** The translations of sources, in words. It never writes `<UNK>`, but the best word that it knows. */
  async translate(examples: readonly Pick<Example, "source">[], search = greedily): Promise<string[][]> {
    const find = this.searchOf(search);
    const translations: string[][] = [];
    for (const places of this.chunks(examples)) {
      // Chunks are filled up with real sentences: from an empty one a model may write to the limit of the length.
      const sources = places.map((place) => (examples[place ?? (places[0] as number)] as Example).source);
      const found = await find(await this.encode(matrix(sources, this.longest)));
      places.forEach((place, row) => {
        if (place !== undefined) translations[place] = this.words.target.decode(found[row] as number[]);
      });
    }
    return translations;
  }

  /** Chunks of indices, from the shortest source to the longest, all of one size; the last is filled up. */
  private chunks(examples: readonly Pick<Example, "source">[]): (number | undefined)[][] {
    const lengthOf = (place: number) => (examples[place] as Example).source.length;
    const places: (number | undefined)[] = Array.from(examples.keys()).sort((a, b) => lengthOf(a) - lengthOf(b) || a - b);
    const count = Math.ceil(places.length / rowsAtOnce);
    const rows = Math.ceil(places.length / count);
    return Array.from({ length: count }, (_, i) => {
      const chunk = places.slice(i * rows, (i + 1) * rows);
      return [...chunk, ...new Array<undefined>(rows - chunk.length).fill(undefined)];
    });
  }

  private searchOf({ beams, lengthPenalty }: Search) {
    const key = `${beams} ${lengthPenalty}`;
    const known = this.searches.get(key);
    if (known) return known;
    const { model, words, longest, device } = this;
    const unwritten = tensor(Float32Array.from(words.target.tokens, (token) => (token === words.target.unknown ? -1e9 : 0)));
    const step: decode.DecoderStep = (tokens, state) => {
      const { logits, state: next } = model.decoderStep(tokens, state);
      return { logits: logits.add(unwritten), state: next };
    };
    const options = { begin, end, maximumLength: longest + 1, device };
    const greedy = decode.greedy(step, options);
    const beam = decode.beamSearch(step, { ...options, beams, lengthPenalty });
    const search =
      beams === 1
        ? async (state: object) => (await greedy(state)).map(({ tokens }) => tokens)
        : async (state: object) => (await beam(state)).map(([best]) => best?.tokens ?? []);
    this.searches.set(key, search);
    return search;
  }
}

/** BLEU of tokens as the corpus has them. A word of a reference that the vocabulary lacks is counted: what is written in its place is wrong. */
export const bleuOf = (translations: readonly (readonly string[])[], examples: readonly Example[], options: metrics.BleuOptions = {}) =>
  metrics.corpusBleu(
    translations.map((words) => words.join(" ")),
    examples.map(({ pair }) => [pair.target.join(" ")]),
    { tokenization: "none", ...options },
  );

/** How a model learns to translate. */
export interface Training {
  readonly longest: number;
  readonly batchSize: number;
  /** How many lengths batches are padded to at most. */
  readonly buckets: number;
  readonly epochs: number;
  readonly labelSmoothing: number;
  /** See {@link TrainingOptions}. */
  readonly arena?: boolean;
  /** Makes the optimizer, given the number of steps of all epochs. */
  readonly optimizer: (steps: number) => optim.Adam;
  /** The folder of checkpoints and metrics, and whether to resume from them. By default the run's own. */
  readonly folder?: string;
  readonly resume?: boolean;
}

/** How the training of a translator went. */
export interface Trained extends train.FitResult {
  readonly translator: Translator;
  readonly parameters: number;
  /** Of training, validations among it, in all runs of the command that it took. */
  readonly minutes: number;
}

/** How many sentences are shown after each epoch. */
const shown = 3;

/** Trains a model, after each epoch measured on the dev pairs: `best.safetensors` has the best BLEU of greedy translations. */
export async function trainTranslator(
  { train: examples, dev, vocabularies }: Corpus,
  model: models.SequenceModel,
  context: Context,
  { longest, batchSize, buckets, epochs, labelSmoothing, arena, optimizer: optimizerOf, ...place }: Training,
): Promise<Trained> {
  const { device, seed } = context;
  const perEpoch = Math.floor(examples.length / batchSize);
  check(perEpoch > 0, () => `--batch-size: ${batchSize} is more than the ${examples.length} pairs to train on`);
  const lengths = examples.map(({ source, target }) => [source.length, target.length]);
  const options = { batchSize, buckets: data.lengthBuckets(lengths, buckets), seed, dropLast: true };
  const parameters = model.parameterCount();
  context.print(
    `${examples.length} pairs, ${vocabularies.source.size} and ${vocabularies.target.size} words, ${parameters} parameters; ` +
      `${perEpoch} steps an epoch, in ${data.batchShapes(lengths, options).length} graphs`,
  );

  const optimizer = optimizerOf(epochs * perEpoch);
  const step = trainingStep(model, optimizer, device, { labelSmoothing, arena });
  const translator = new Translator(model, vocabularies, longest, device);
  const clock = new Stopwatch(join(place.folder ?? context.folder.path, "minutes.txt"));
  const fitted = context.fit({
    ...(place.folder === undefined ? {} : { folder: place.folder }),
    ...(place.resume === undefined ? {} : { resume: place.resume }),
    state: { model, optimizer },
    epochs,
    steps: epochs * perEpoch,
    work: { unit: "pairs", perStep: batchSize },
    best: { metric: "devBleu", mode: "max" },
    batches: (epoch) => data.bucketedBatches(lengths, { ...options, epoch }),
    step: ({ places, padded }) =>
      step(
        batchOf(
          Array.from(places, (place) => examples[place] as Example),
          padded,
        ),
      ),
    async validate() {
      const translations = await translator.translate(dev);
      dev.slice(0, shown).forEach(({ pair }, i) => {
        context.print(`source: ${pair.source.join(" ")}\ntarget: ${pair.target.join(" ")}\noutput: ${translations[i]?.join(" ")}\n`);
      });
      return { devCrossEntropy: await translator.crossEntropy(dev), devBleu: bleuOf(translations, dev).score };
    },
  });
  const result = await fitted.finally(() => clock.stop());
  return { ...result, translator, parameters, minutes: clock.minutes };
}

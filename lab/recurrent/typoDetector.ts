import { arange, compile, concat, type Device, type data, gather, less, nn, type Tensor, tensor } from "kasane";
import { exportOnnx } from "kasane/node";
import type { Scores } from "./detection.js";

/** The characters that are distinguished. Id 0 is none, 1 is any other. */
const alphabet = "abcdefghijklmnopqrstuvwxyz'0.,;:!?()\"";
const characterIds = new Map([...alphabet].map((character, i) => [character, i + 2]));
/** Characters of a word that are read, the first ones. */
const wordLength = 16;
/** Stands for words that are rare in the text trained on. */
export const unknownWord = "<unk>";
/** Stands at the end of every sentence: a word may be missing before it. */
export const endMark = "<end>";

/** Different words of a batch are filled up to a multiple of this, so that few graphs are compiled. */
const wordBlock = 256;

/** What a detector reads of a batch of sentences, each with the end mark after it. */
export interface EncodedSentences {
  /** Ids of the different words of the batch, int32 `[different]`. */
  readonly words: Tensor;
  /** The characters of the different words, those of short ones after zeros, int32 `[wordLength, different]`. */
  readonly characters: Tensor;
  /** Which of the different words stands where, int32 `[time, batch]`. */
  readonly places: Tensor;
  /** The sentences' lengths with the end mark, int32 `[batch]`. */
  readonly lengths: Tensor;
}

/**
 * @param sentences tokens, as the words that they would be
 * @param time the length that all are filled up to, at least that of the longest with its end mark
 */
export function encodeSentences(sentences: readonly (readonly string[])[], vocabulary: data.Vocabulary, time: number): EncodedSentences {
  const batch = sentences.length;
  const different = new Map([[endMark, 0]]);
  const places = new Int32Array(time * batch);
  sentences.forEach((tokens, row) => {
    tokens.forEach((token, t) => {
      if (!different.has(token)) different.set(token, different.size);
      places[t * batch + row] = different.get(token) as number;
    });
  });
  const count = Math.ceil(different.size / wordBlock) * wordBlock;
  const words = new Int32Array(count);
  const characters = new Int32Array(wordLength * count);
  for (const [word, place] of different) {
    words[place] = vocabulary.id(word);
    const read = word === endMark ? [] : [...word].slice(0, wordLength);
    read.forEach((character, i) => {
      characters[(wordLength - read.length + i) * count + place] = characterIds.get(character) ?? 1;
    });
  }
  return {
    words: tensor(words),
    characters: tensor(characters, { shape: [wordLength, count] }),
    places: tensor(places, { shape: [time, batch] }),
    lengths: tensor(Int32Array.from(sentences, (tokens) => tokens.length + 1)),
  };
}

/** What is in a batch of sentences at the places that {@link TypoDetector} judges: 1 for a mistake, else 0, `[time, batch, 2]`. */
export function targetsOf(sentences: readonly data.CorruptedSentence[], time: number): Tensor {
  const targets = new Float32Array(time * sentences.length * 2);
  sentences.forEach(({ misspelt, missing }, row) => {
    missing.forEach((isMissing, t) => {
      targets.set([Number(misspelt[t] ?? false), Number(isMissing)], 2 * (t * sentences.length + row));
    });
  });
  return tensor(targets, { shape: [time, sentences.length, 2] });
}

/** Sizes of a {@link TypoDetector}. */
export interface TypoDetectorOptions {
  readonly hiddenSize: number;
  readonly wordSize: number;
  readonly characterSize: number;
  readonly dropout: number;
}

/** Reads a sentence, each word by itself and by its letters, and judges every place of it. */
export class TypoDetector extends nn.Module {
  readonly wordVectors: nn.Embedding;
  readonly characterVectors: nn.Embedding;
  readonly speller: nn.Gru;
  readonly dropout: nn.Dropout;
  readonly reader: nn.Lstm;
  readonly output: nn.Linear;

  /** @param bidirectional whether it reads backward too, so that what follows a word is known when it is judged */
  constructor(vocabularySize: number, bidirectional: boolean, { hiddenSize, wordSize, characterSize, dropout }: TypoDetectorOptions) {
    super();
    this.wordVectors = new nn.Embedding(vocabularySize, wordSize);
    this.characterVectors = new nn.Embedding(alphabet.length + 2, characterSize);
    this.speller = new nn.Gru(characterSize, wordSize);
    this.dropout = new nn.Dropout(dropout);
    this.reader = new nn.Lstm(2 * wordSize, hiddenSize, { bidirectional, forgetBias: 1 });
    this.output = new nn.Linear(hiddenSize * (bidirectional ? 2 : 1), 2);
  }

  /** Logits `[time, batch, 2]`: that a word is misspelt, and that one is missing before it. */
  forward({ words, characters, places, lengths }: EncodedSentences): Tensor {
    const spelling = this.speller.forward(this.characterVectors.forward(characters)).state.hidden.reshape([words.size, -1]);
    const inputs = this.dropout.forward(gather(concat([this.wordVectors.forward(words), spelling], { axis: 1 }), places));
    return this.output.forward(this.dropout.forward(this.reader.forward(inputs, { lengths }).outputs));
  }
}

/** The mean binary cross entropy of the places within the sentences; `targets` `[time, batch, 2]`. */
export function detectionLoss(logits: Tensor, targets: Tensor, lengths: Tensor): Tensor {
  const [time, batch] = targets.shape as [number, number, 2];
  const within = less(arange(time).reshape([time, 1, 1]), lengths.reshape([1, batch, 1])).cast("float32");
  return logits.binaryCrossEntropy(targets, { reduction: "none" }).mul(within).sum().div(within.sum().mul(2));
}

/**
 * A function that judges sentences given as tokens: the scores are probabilities.
 * @param time the length that sentences are filled up to, so that one graph fits all; longer ones are read too
 */
export function judge(detector: TypoDetector, vocabulary: data.Vocabulary, device: Device, time = 0) {
  const detect = compile((inputs: EncodedSentences) => detector.forward(inputs).sigmoid(), { device });
  return async (sentences: readonly (readonly string[])[]): Promise<Scores[]> => {
    const steps = sentences.reduce((most, { length }) => Math.max(most, length + 1), time);
    const probabilities = await (await detect(encodeSentences(sentences, vocabulary, steps))).data();
    return sentences.map((tokens, row) => {
      const of = (mark: number, length: number) =>
        Array.from({ length }, (_, t) => Number(probabilities[2 * (t * sentences.length + row) + mark]));
      return { misspelt: of(0, tokens.length), missing: of(1, tokens.length + 1) };
    });
  };
}

/** Writes a detector that any ONNX Runtime runs: what {@link encodeSentences} gives, of any size, to probabilities `[time, batch, 2]`. */
export function exportDetector(detector: TypoDetector, file: string): Promise<void> {
  const forward = (words: Tensor, characters: Tensor, places: Tensor, lengths: Tensor) =>
    detector.forward({ words, characters, places, lengths }).sigmoid();
  const ids = (...shape: (number | string)[]) => ({ shape, dtype: "int32" }) as const;
  const inputs = {
    words: ids("words"),
    characters: ids(wordLength, "words"),
    places: ids("time", "batch"),
    lengths: ids("batch"),
  };
  return exportOnnx(forward, inputs, file);
}

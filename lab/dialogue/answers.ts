import {
  check,
  compile,
  type Device,
  type data,
  decode,
  expand,
  gather,
  KasaneError,
  type models,
  reshape,
  seed,
  type Tensor,
  tensor,
} from "kasane";
import { z } from "zod";
import type { PredictContext } from "../context.js";
import type { Prediction } from "../experiment.js";
import { batchOf } from "./dialogueBatches.js";
import { type Dialogue, end, idsOf, loadWords, padding, sentenceOf, unknown, wordsOf } from "./dialogueTexts.js";

/** Words of an answer at most, its end mark counted. */
export const longestAnswer = 40;

/** Flags of a prediction. */
const answerFlags = z.object({
  candidates: z
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe("answers that are drawn; more than one are shown with their scores, from the best on"),
  temperature: z.number().min(0.01).max(10).default(0.5).describe("below 1 probable words are drawn more often, above 1 less often"),
});
type AnswerFlags = z.output<typeof answerFlags>;

/** An answer that was drawn. */
interface Answer {
  readonly words: readonly string[];
  /** Its log-probability divided by its number of words, in nats: the nearer to 0 the better. */
  readonly score: number;
}

/** One step of a model that writes no word that stands for others. */
export function writingStep(model: models.DialogueModel): decode.DecoderStep<models.UtteranceState> {
  const { vocabularySize } = model.settings;
  const unwritten = tensor(Float32Array.from({ length: vocabularySize }, (_, id) => (id === padding || id === unknown ? -1e9 : 0)));
  return (tokens, state) => {
    const { logits, state: next } = model.decoderStep(tokens, state);
    return { logits: logits.add(unwritten), state: next };
  };
}

/** What sizes are rounded up to, so that few graphs are compiled while a dialogue grows. */
const roundedTo = { words: 64, turns: 8 };
const roundUp = (size: number, multiple: number): number => multiple * Math.ceil(size / multiple);

/** A model that answers dialogues. */
class Talker {
  private readonly begin;
  private readonly draw;

  constructor(
    model: models.DialogueModel,
    private readonly vocabulary: data.Vocabulary,
    private readonly flags: AnswerFlags,
    /** What is left of a dialogue: its last words. */
    private readonly longest: number,
    device: Device,
  ) {
    const { candidates, temperature } = flags;
    this.begin = compile(
      (dialogue: models.Dialogues, turns: Tensor) => {
        const known = reshape(gather(model.contexts(dialogue), turns), [1, -1]);
        return model.start(model.condition(expand(known, [candidates, known.shape[1] as number])));
      },
      { device },
    );
    this.draw = decode.sample(writingStep(model), { begin: end, end, maximumLength: longestAnswer, temperature, device });
  }

  /** Answers to a dialogue, from the best on. Of a long one only the last utterances are read. */
  async answers(dialogue: Dialogue): Promise<Answer[]> {
    let said = dialogue;
    const wordsIn = (some: Dialogue) => some.reduce((sum, words) => sum + words.length + 1, 0);
    while (said.length > 1 && wordsIn(said) > this.longest) said = said.slice(1);
    const ids = idsOf(said, this.vocabulary);
    const padded = [roundUp(ids.words.length, roundedTo.words), roundUp(ids.ends.length, roundedTo.turns)];
    const state = await this.begin(batchOf([ids], padded), Int32Array.of(ids.ends.length));
    const drawn = await this.draw(state);
    // The end mark was drawn too, but of an answer that was cut off.
    const drawnTokens = (tokens: readonly number[]) => Math.min(tokens.length + 1, longestAnswer);
    return drawn
      .map(({ tokens, logProbability }) => ({ words: this.vocabulary.decode(tokens), score: logProbability / drawnTokens(tokens) }))
      .sort((a, b) => b.score - a.score);
  }

  /** @throws KasaneError where a line has no words, or more than are read */
  read(line: string): string[] {
    const words = wordsOf(line);
    check(words.length > 0, () => `got "${line}", expected something that is said: it has no words`);
    check(
      words.length < this.longest,
      () => `got ${words.length} words, expected fewer than ${this.longest}: the model has learnt from no more`,
    );
    return words;
  }

  print(context: PredictContext, said: readonly string[], answers: readonly Answer[]): void {
    const shown = answers.map(({ words, score }) => ({ answer: sentenceOf(words), score }));
    const unknownWords = said.filter((word) => !this.vocabulary.has(word));
    const lines = shown.map(({ answer, score }) => (this.flags.candidates > 1 ? `${score.toFixed(2)}  ${answer}` : answer));
    const remark = unknownWords.length === 0 ? [] : [`(words it does not know: ${unknownWords.join(", ")})`];
    context.print([...remark, ...lines].join("\n"), { event: "answer", said: said.join(" "), unknown: unknownWords, answers: shown });
  }
}

/**
 * The prediction of an experiment whose model talks.
 * @param load the model as it was trained, of so many words
 */
export function talking<Options extends { readonly longest: number }>(
  load: (context: PredictContext, options: Options, vocabularySize: number) => Promise<models.DialogueModel>,
): Prediction<Options> {
  const talkerOf = async (context: PredictContext, options: Options, flags: Record<string, unknown>) => {
    const vocabulary = loadWords(context);
    const model = await load(context, options, vocabulary.size);
    seed(context.seed);
    return new Talker(model, vocabulary, flags as AnswerFlags, options.longest, context.device);
  };
  return {
    text: 'what is said to it, such as "How are you?", or --chat',
    options: answerFlags,
    async run(context, options, text, flags) {
      const talker = await talkerOf(context, options, flags);
      const said = talker.read(text);
      talker.print(context, said, await talker.answers([said]));
    },
    async chat(context, options, lines, flags) {
      const talker = await talkerOf(context, options, flags);
      const dialogue: (readonly string[])[] = [];
      for await (const line of lines) {
        const said = readOrComplain(context, () => talker.read(line));
        if (!said) continue;
        const answers = await talker.answers([...dialogue, said]);
        talker.print(context, said, answers);
        dialogue.push(said, (answers[0] as Answer).words);
      }
    },
  };
}

/** What is read; undefined where nobody can read it: what was typed wrong is told, and ends no conversation. */
function readOrComplain(context: PredictContext, read: () => string[]): string[] | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof KasaneError)) throw error;
    context.print(error.message, { event: "error", message: error.message });
    return undefined;
  }
}

import { compile, type Device, decode, type models, reshape, type Tensor } from "kasane";
import { longestAnswer, writingStep } from "./answers.js";
import { type DialogueIds, end } from "./dialogueTexts.js";
import { judgedBatches } from "./dialogueTraining.js";

/** The share of different words, and of different pairs of words, among all of all answers (Li et al. 2016, A diversity-promoting objective function). */
export interface Distinct {
  readonly distinct1: number;
  readonly distinct2: number;
}

export const showDistinct = ({ distinct1, distinct2 }: Distinct): string => `${distinct1.toFixed(3)}, ${distinct2.toFixed(3)}`;

export function distinct(answers: readonly (readonly number[])[]): Distinct {
  const shareOf = (length: number) => {
    const all = answers.flatMap((words) =>
      Array.from({ length: Math.max(0, words.length - length + 1) }, (_, i) => words.slice(i, i + length).join()),
    );
    return all.length === 0 ? 0 : new Set(all).size / all.length;
  };
  return { distinct1: shareOf(1), distinct2: shareOf(2) };
}

/**
 * How much the answers of a model differ from each other, after the first `count` utterances of dialogues.
 * @returns of answers whose words are drawn with the model's own probabilities, and of those whose most probable words are taken
 */
export async function diversity(model: models.DialogueModel, dialogues: readonly DialogueIds[], count: number, device: Device) {
  const read = compile((dialogues: models.Dialogues) => model.contexts(dialogues), { device, arena: false });
  let utterances = 0;
  const answered = dialogues.filter(({ ends }) => {
    utterances += ends.length;
    return utterances - ends.length < count;
  });
  const rows: number[][][] = [];
  let size = 0;
  for (const { places, batch } of judgedBatches(answered).once()) {
    const contexts = await read(batch);
    const values = (await contexts.data()) as Float32Array;
    size = contexts.shape[2] as number;
    places.forEach((place, column) => {
      rows[place] = Array.from((answered[place] as DialogueIds).ends, (_, turn) => {
        const row = ((turn + 1) * places.length + column) * size;
        return Array.from(values.subarray(row, row + size));
      });
    });
  }
  const contexts = Float32Array.from(rows.flat().slice(0, count).flat());
  const start = compile((known: Tensor) => model.start(model.condition(reshape(known, [-1, size]))), { device });
  const state = await start(contexts);
  const options = { begin: end, end, maximumLength: longestAnswer, device };
  const tokensOf = (found: readonly decode.Hypothesis[]) => found.map(({ tokens }) => tokens);
  return {
    drawn: distinct(tokensOf(await decode.sample(writingStep(model), options)(state))),
    likeliest: distinct(tokensOf(await decode.greedy(writingStep(model), options)(state))),
  };
}

import { compile, type Device, exp, type models, mul, square, sub, sum, where } from "kasane";
import type { DialogueBatches } from "./dialogueBatches.js";
import type { DialogueIds } from "./dialogueTexts.js";
import { wordCount } from "./dialogueTraining.js";

/** Figures of dialogues that were not trained on. */
export interface VhredFigures {
  /** In nats a token, end marks among them, for one draw of each latent variable. */
  readonly negativeElbo: number;
  /** The divergence of posteriors from priors, in nats an utterance. */
  readonly kl: number;
  readonly activeUnits: number;
}

/** A latent unit is active where its posterior mean, seen from the prior, varies more than this from utterance to utterance (as Burda et al. 2015, section 5.2). */
const activeVariance = 0.01;

/** A function that judges a model by dialogues. */
export function judgeVhred(model: models.Vhred, device: Device) {
  const { latent } = model.options;
  const judge = compile(
    (dialogues: models.Dialogues) => {
      const { reconstruction, divergence } = model.forward(dialogues);
      const { prior, posterior } = model.latents(dialogues);
      // In standard deviations of the prior; of turns that there are not, nothing.
      const shift = mul(sub(posterior.mean, prior.mean), exp(mul(prior.logVariance, -0.5)));
      const counted = where(sum(divergence, { axis: -1, keepDims: true }).greater(0), shift, 0);
      return {
        nats: sum(reconstruction),
        kl: sum(divergence),
        words: wordCount(dialogues),
        shifts: sum(counted, { axis: [0, 1] }),
        squares: sum(square(counted), { axis: [0, 1] }),
      };
    },
    { device, arena: false },
  );
  return async (batches: DialogueBatches): Promise<VhredFigures> => {
    const totals = { nats: 0, kl: 0, words: 0 };
    const [shifts, squares] = [new Float64Array(latent), new Float64Array(latent)];
    const addTo = (sums: Float64Array, values: ArrayLike<number>) => sums.forEach((value, i) => (sums[i] = value + (values[i] as number)));
    for (const { batch } of batches.once()) {
      const found = await judge(batch);
      for (const name of ["nats", "kl", "words"] as const) totals[name] += (await found[name].item()) as number;
      addTo(shifts, (await found.shifts.data()) as Float32Array);
      addTo(squares, (await found.squares.data()) as Float32Array);
    }
    const utterances = batches.dialogues.reduce((count, { ends }) => count + ends.length, 0);
    const variances = Array.from(squares, (value, unit) => value / utterances - ((shifts[unit] as number) / utterances) ** 2);
    return {
      negativeElbo: (totals.nats + totals.kl) / totals.words,
      kl: totals.kl / utterances,
      activeUnits: variances.filter((variance) => variance > activeVariance).length,
    };
  };
}

/** The perplexity a token, end marks among them, from estimates of the utterances' probabilities by so many draws of each latent variable. */
export async function importancePerplexity(
  model: models.Vhred,
  batches: DialogueBatches,
  samples: number,
  device: Device,
): Promise<number> {
  const weigh = compile((dialogues: models.Dialogues) => model.logWeights(dialogues), { device, arena: false });
  let [logProbability, words] = [0, 0];
  for (const { places, batch } of batches.once()) {
    const draws: Float32Array[] = [];
    for (let i = 0; i < samples; i++) draws.push((await (await weigh(batch)).data()) as Float32Array);
    places.forEach((place, column) => {
      const dialogue = batches.dialogues[place] as DialogueIds;
      words += dialogue.words.length;
      dialogue.ends.forEach((_, turn) => {
        const weights = draws.map((draw) => draw[turn * places.length + column] as number);
        const most = Math.max(...weights);
        const mean = weights.reduce((total, weight) => total + Math.exp(weight - most), 0) / samples;
        logProbability += most + Math.log(mean);
      });
    });
  }
  return Math.exp(-logProbability / words);
}

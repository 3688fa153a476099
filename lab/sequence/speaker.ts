import { dirname } from "node:path";
import { check, models } from "kasane";
import { files, train } from "kasane/node";
import { z } from "zod";
import { type Context, PredictContext } from "../context.js";
import { largestConfig, RunFolder } from "../runFolder.js";
import { makeModel } from "./architectures.js";
import { type Signs, sameSigns } from "./dictionary.js";

/** The default settings of each architecture. */
export const recipes = {
  lstm: { vowels: "plain", size: 320, layers: 1, dropout: 0.2, epochs: 12, batchSize: 64, learningRate: 0.0015 },
  attention: { vowels: "plain", size: 256, layers: 1, dropout: 0.1, epochs: 20, batchSize: 64, learningRate: 0.0015 },
  transformer: { vowels: "stressed", size: 192, layers: 4, dropout: 0.1, epochs: 20, batchSize: 32, learningRate: 0.0012 },
} as const;

export const speakerNames = Object.keys(recipes) as (keyof typeof recipes)[];

/** What a model of pronunciation is made from; what is left out is the recipe's. */
const speakerSchema = z.object({
  architecture: z.enum(speakerNames),
  size: z.int().optional(),
  layers: z.int().optional(),
  dropout: z.number().optional(),
});
export type SpeakerOptions = z.output<typeof speakerSchema>;

/** Options with the recipe's values where none was given. */
export const withRecipe = <Options extends SpeakerOptions>(options: Options) => ({ ...recipes[options.architecture], ...options });

/** A model that has learnt nothing yet. */
export function makeSpeaker(options: SpeakerOptions, { letters, phonemes }: Signs): models.SequenceModel {
  const { architecture, size, layers, dropout } = withRecipe(options);
  const vocabularies = { sourceVocabulary: letters.size, targetVocabulary: phonemes.size };
  // Phonemes depend on neighbouring letters, in nearly the same order.
  const ofTransformer = { decoderLayers: 1, innerSize: 2 * size, maxRelativePosition: 8, contextWidth: 5 };
  return makeModel(architecture, { ...vocabularies, size, layers, dropout, bidirectional: true, ...ofTransformer });
}

/** Holds what the members of an ensemble are made from. */
const membersFile = "members.json";

/**
 * The models of trained runs as one ensemble, each in its best state. What {@link loadSpeakers} needs is written into the run's own folder.
 * @param runs their folders or names, with commas between them
 * @throws KasaneError where one is no such run, or has other letters or phonemes
 */
export async function joinSpeakers(context: Context, runs: string, signs: Signs): Promise<models.Ensemble> {
  const { folder } = context;
  const members: { readonly options: SpeakerOptions; readonly model: models.SequenceModel }[] = [];
  for (const run of runs.split(",")) {
    const member = RunFolder.open(run, dirname(folder.path));
    const { experiment, options: given } = member.config;
    const trained = new PredictContext(member, { json: false });
    check(
      experiment === folder.config.experiment && given.members === undefined,
      () =>
        `--members: ${member.shown} is a run of ${experiment}${given.members ? " with members" : ""}, expected a trained one of pronounce`,
    );
    check(
      sameSigns(trained, signs),
      () =>
        `--members: ${member.shown} learnt other letters or phonemes: expected runs of one dictionary, and of --vowels as they are given here`,
    );
    const [options] = parse([given], member.file("config.json")) as [SpeakerOptions];
    const model = makeSpeaker(options, signs);
    await trained.restore({ model }, "best");
    members.push({ options, model });
  }
  const model = new models.Ensemble(members.map((member) => member.model));
  await files.writeAtomically(folder.file(membersFile), `${JSON.stringify(members.map(({ options }) => options))}\n`);
  await train.saveCheckpoint(folder.file("best.safetensors"), { state: { model }, step: 0 });
  return model;
}

/** The model of a run that {@link joinSpeakers} left, without its state. */
export function loadSpeakers({ folder }: PredictContext, signs: Signs): models.Ensemble {
  const file = folder.file(membersFile);
  const members = parse(files.readJson(file, largestConfig), file);
  return new models.Ensemble(members.map((options) => makeSpeaker(options, signs)));
}

/** @param given what should be options of each member, as `file` has it */
function parse(given: unknown, file: string): SpeakerOptions[] {
  const fault = `${file} is damaged: expected the options of runs of pronounce`;
  return files.parseAs(z.array(speakerSchema), given, fault);
}

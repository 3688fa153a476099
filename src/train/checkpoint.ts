import { z } from "zod";
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from "../files/safetensors.js";
import { check, KasaneError } from "../graph/error.js";
import type { Variable } from "../graph/variable.js";
import { readVariables, writeVariables } from "../nn/state.js";
import { randomState, setRandomState } from "../random/state.js";

/** What has variables that a checkpoint keeps: a module, an optimizer. */
export interface Stateful {
  namedVariables(): ReadonlyMap<string, Variable>;
}

/** What is kept of a training run beside its variables. */
export interface CheckpointNotes {
  /** How many steps were made. */
  readonly step: number;
  /** The configuration that the run was started with; any value that JSON holds. */
  readonly config?: unknown;
  /** Anything else that going on needs; any value that JSON holds. */
  readonly extra?: unknown;
}

/** The metadata under which the notes stand, in JSON. */
const key = "kasane";

const version = 1;

/** A {@link randomState}. */
export const randomStateSchema = z.object({ seed: z.int().min(0), counter: z.int().min(0) });

const notesSchema = z.object({
  version: z.number(),
  step: z.int().min(0),
  random: randomStateSchema,
  config: z.unknown().optional(),
  extra: z.unknown().optional(),
});

/**
 * Saves a training run as a safetensors file, atomically: a crash leaves the old checkpoint or the new one. Holds the variables,
 * the state of the random numbers and the notes; what is loaded goes on to the bit as if there had been no break. Node only.
 * @param state what is saved, by the names that its variables' names begin with: `{ model, optimizer }`
 */
export async function saveCheckpoint(
  file: string,
  { state, step, config, extra }: CheckpointNotes & { readonly state: Readonly<Record<string, Stateful>> },
): Promise<void> {
  // Taken before anything is awaited: a step made meanwhile belongs to the next checkpoint.
  const notes = JSON.stringify({ version, step, random: randomState(), config, extra });
  await writeSafetensors(file, await readVariables(variablesOf(state)), { [key]: notes });
}

/**
 * Sets variables and the random numbers to what {@link saveCheckpoint} kept. Node only.
 * @param state what to load, by the names it was saved under; a part of the checkpoint that is not named is not read
 * @throws KasaneError where the file is no checkpoint, is damaged, or is of another model (naming what differs); then nothing has changed
 */
export async function loadCheckpoint(file: string, state: Readonly<Record<string, Stateful>>): Promise<CheckpointNotes> {
  const variables = variablesOf(state);
  const { tensors, metadata } = await readSafetensors(file, (name) => name.slice(0, name.indexOf(".")) in state);
  const { random, ...notes } = parseNotes(file, metadata.get(key));
  await writeVariables(variables, tensors, `${file} is of another model`);
  setRandomState(random);
  return { step: notes.step, config: notes.config, extra: notes.extra };
}

/** The notes of a checkpoint, of which nothing else is read. Node only. */
export async function readCheckpointNotes(file: string): Promise<CheckpointNotes> {
  const { metadata } = await readSafetensorsHeader(file);
  const { step, config, extra } = parseNotes(file, metadata.get(key));
  return { step, config, extra };
}

function variablesOf(state: Readonly<Record<string, Stateful>>): Map<string, Variable> {
  return new Map(
    Object.entries(state).flatMap(([part, holder]) => {
      check(!part.includes("."), () => `checkpoint: the part "${part}": a dot separates a part from its variables' names, so it has none`);
      return [...holder.namedVariables()].map(([name, variable]) => [`${part}.${name}`, variable] as const);
    }),
  );
}

function parseNotes(file: string, text: string | undefined): z.infer<typeof notesSchema> {
  check(text !== undefined, () => `${file}: not a checkpoint: a safetensors file without the metadata "${key}"`);
  try {
    const notes = notesSchema.parse(JSON.parse(text));
    check(notes.version <= version, () => `${file}: a checkpoint of version ${notes.version}, expected at most ${version}: update Kasane`);
    return notes;
  } catch (error) {
    if (error instanceof KasaneError) throw error;
    throw new KasaneError(`${file}: not a checkpoint: its metadata "${key}" is damaged`, { cause: error });
  }
}

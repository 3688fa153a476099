import { z } from "zod";
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from "../files/safetensors.js";
import { jsonOf, parseAs, parseJson } from "../files/schema.js";
import { dtypeOf, isFloat, type TypedArray } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { StoredTensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { readVariables, writeVariables } from "../nn/state.js";
import { randomState, setRandomState } from "../random/state.js";

/** Something that a checkpoint keeps: a module, an optimizer, an agent with its replay buffer, environments. */
export interface Stateful {
  /** The variables by their names, which stay the same from run to run. */
  namedVariables?(): ReadonlyMap<string, Variable>;
  /** Arrays that are no tensors, by such names. Loading writes into them, so their types and lengths stay the same too. */
  namedArrays?(): ReadonlyMap<string, TypedArray>;
}

/** What is kept of a training run beside its variables. */
export interface CheckpointNotes {
  /** How many steps were made. */
  readonly step: number;
  /** The configuration that the run was started with; any value that JSON holds. */
  readonly config?: unknown;
  /** Anything else that a resumed run needs; any value that JSON holds. */
  readonly extra?: unknown;
}

/** The metadata under which the notes stand, in JSON. */
const key = "kasane";

const version = 1;

/** A {@link randomState}. */
export const randomStateSchema = z.object({
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1),
  counter: z.int().min(0),
});

const notesSchema = z.object({
  version: z.int().min(1),
  step: z.int().min(0),
  random: randomStateSchema,
  config: z.unknown().optional(),
  extra: z.unknown().optional(),
});

/**
 * Saves a training run as a safetensors file, atomically: a crash leaves the old checkpoint or the new one. Holds the variables,
 * the state of the random numbers and the notes; what is loaded goes on to the bit as if there had been no break. Node only.
 * @param state what is saved. Its names are the first parts of the variables' names: `{ model, optimizer }`
 * @throws KasaneError where a parameter is not finite (what the file held before stays), JSON does not hold the notes, or the file cannot
 *   be written
 */
export async function saveCheckpoint(
  file: string,
  { state, step, config, extra }: CheckpointNotes & { readonly state: Readonly<Record<string, Stateful>> },
): Promise<void> {
  check(Number.isSafeInteger(step) && step >= 0, () => `saveCheckpoint: got step ${step}, expected an integer from 0`);
  // Taken before anything is awaited: a step made meanwhile belongs to the next checkpoint.
  const random = randomState();
  const kept = { ...(config !== undefined && { config }), ...(extra !== undefined && { extra }) };
  const notes = jsonOf({ version, step, random, ...kept }, "saveCheckpoint: the checkpoint");
  const variables = variablesOf(state);
  const arrays = [...arraysOf(state)].map(([name, array]) => [name, storedArray(array.slice() as TypedArray)] as const);
  const values = await readVariables(variables);
  for (const [name, { trainable }] of variables) {
    check(
      !trainable || allFinite(values.get(name) as StoredTensor),
      () =>
        `${file} is left as it was: ${name} is not finite after step ${step}: lower the learning rate or clip the gradients; ` +
        "compile with detectAnomalies to see where",
    );
  }
  await writeSafetensors(file, new Map([...values, ...arrays]), { [key]: notes });
}

/** Whether all elements are numbers, and none is infinite. */
function allFinite({ dtype, data }: StoredTensor): boolean {
  if (!isFloat(dtype)) return true;
  // The exponent of a float16 that is not finite is all ones.
  if (dtype === "float16") return (data as Uint16Array).every((bits) => (bits & 0x7c00) !== 0x7c00);
  return (data as Float32Array | Float64Array).every(Number.isFinite);
}

/**
 * Sets variables and the random numbers to what {@link saveCheckpoint} kept. Node only.
 * @param state what to load, by the names it was saved under. Other parts of the checkpoint are not read
 * @throws KasaneError where the file is no checkpoint, is damaged, or is of another model (naming what differs); then nothing has changed
 */
export async function loadCheckpoint(file: string, state: Readonly<Record<string, Stateful>>): Promise<CheckpointNotes> {
  const variables = variablesOf(state);
  const { tensors, metadata } = await readSafetensors(file, (name) => name.slice(0, name.indexOf(".")) in state);
  const { random, ...notes } = parseNotes(file, metadata.get(key));
  const arrays = [...arraysOf(state)].map(([name, array]) => {
    const stored = tensors.get(name);
    tensors.delete(name);
    const [got, expected] = [stored ? showType(stored) : "missing", showType(storedArray(array))];
    check(got === expected, () => `${file} is of another model: ${name} is ${got}, expected ${expected}`);
    return () => array.set((stored as StoredTensor).data as never);
  });
  await writeVariables(variables, tensors, `${file} is of another model`);
  for (const set of arrays) set();
  setRandomState(random);
  return { step: notes.step, config: notes.config, extra: notes.extra };
}

/** The notes of a checkpoint, of which nothing else is read. Node only. */
export async function readCheckpointNotes(file: string): Promise<CheckpointNotes> {
  const { metadata } = await readSafetensorsHeader(file);
  const { step, config, extra } = parseNotes(file, metadata.get(key));
  return { step, config, extra };
}

const variablesOf = (state: Readonly<Record<string, Stateful>>) => partsOf(state, (part) => part.namedVariables?.());
const arraysOf = (state: Readonly<Record<string, Stateful>>) => partsOf(state, (part) => part.namedArrays?.());

/** What the parts of a state have, by the names of both. */
function partsOf<T>(state: Readonly<Record<string, Stateful>>, of: (part: Stateful) => ReadonlyMap<string, T> | undefined): Map<string, T> {
  return new Map(
    Object.entries(state).flatMap(([part, holder]) => {
      check(
        typeof (holder?.namedVariables ?? holder?.namedArrays) === "function",
        () => `checkpoint: the part "${part}" has neither namedVariables nor namedArrays: it has nothing to keep`,
      );
      check(!part.includes("."), () => `checkpoint: the part "${part}": a dot separates a part from its variables' names, so it has none`);
      return [...(of(holder) ?? [])].map(([name, value]) => [`${part}.${name}`, value] as const);
    }),
  );
}

const storedArray = (data: TypedArray): StoredTensor => ({ dtype: dtypeOf(data), shape: [data.length], data });

const showType = ({ dtype, shape }: StoredTensor): string => `${dtype}${showShape(shape)}`;

function parseNotes(file: string, text: string | undefined): z.infer<typeof notesSchema> {
  check(text !== undefined, () => `${file}: not a checkpoint: a safetensors file without the metadata "${key}"`);
  const fault = `${file}: not a checkpoint: its metadata "${key}" is damaged`;
  const notes = parseAs(notesSchema, parseJson(text, `${fault}: expected JSON`), fault);
  check(notes.version <= version, () => `${file}: a checkpoint of version ${notes.version}, expected at most ${version}: update Kasane`);
  return notes;
}

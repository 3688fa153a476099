import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { Vocabulary } from "../data/vocabulary.js";
import { check, KasaneError } from "../graph/error.js";
import { writeAtomically } from "./atomicWrite.js";

/**
 * Writes a vocabulary's tokens, in the order of their ids, as JSON. Node only.
 * @throws KasaneError where the file is there with other tokens: what was trained with those would get wrong ids
 */
export async function saveVocabulary(file: string, { tokens }: Vocabulary): Promise<void> {
  if (!existsSync(file)) return writeAtomically(file, `${JSON.stringify(tokens)}\n`);
  const kept = loadVocabulary(file).tokens;
  const same = kept.length === tokens.length && kept.every((token, id) => token === tokens[id]);
  check(same, () => `${file} was made of other texts: it holds ${kept.length} words, these have ${tokens.length}, or others`);
}

/**
 * Reads what {@link saveVocabulary} wrote. Node only.
 * @param unknown see {@link Vocabulary}
 * @throws KasaneError where it is missing or damaged
 */
export function loadVocabulary(file: string, unknown?: string): Vocabulary {
  check(existsSync(file), () => `${file} is missing: without the vocabulary the model's ids mean nothing: train it again`);
  let tokens: string[];
  try {
    tokens = z.array(z.string()).parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    throw new KasaneError(`${file} is damaged: expected a list of words in JSON`, { cause: error });
  }
  return new Vocabulary(tokens, unknown);
}

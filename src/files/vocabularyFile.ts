import { existsSync } from "node:fs";
import { Vocabulary } from "../data/vocabulary.js";
import { check } from "../graph/error.js";
import { writeAtomically } from "./atomicWrite.js";
import { readJson } from "./readFile.js";

/** Bytes that a file of words may have: ten million of them. */
const largestFile = 128 * 2 ** 20;

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
  const tokens = readJson(file, largestFile, "a list of words in JSON");
  check(tokens !== undefined, () => `${file} is missing: without the vocabulary the model's ids mean nothing: train it again`);
  check(Array.isArray(tokens), () => `${file} is damaged: expected a list of words in JSON`);
  const wrong = tokens.findIndex((token) => typeof token !== "string");
  check(wrong < 0, () => `${file} is damaged: expected a list of words in JSON: entry ${wrong} is a ${typeof tokens[wrong]}`);
  return new Vocabulary(tokens, unknown);
}

import { isDeepStrictEqual } from "node:util";
import { check, data } from "kasane";
import { datasets, files } from "kasane/node";
import type { Context, PredictContext } from "../context.js";

/** Bytes that a dictionary's file may have. */
const largestFile = 2 ** 28;

/** The public dictionaries, and how each is read. */
const dictionaries = {
  cmudict: { dataset: datasets.cmudict, read: datasets.readCmudict },
  sigmorphon: { dataset: datasets.sigmorphonEnglish, read: datasets.readSigmorphon },
} as const;
export type DictionaryName = keyof typeof dictionaries;
export const dictionaryNames = Object.keys(dictionaries) as [DictionaryName, ...DictionaryName[]];

/**
 * The words of a public dictionary, or of a file in CMUdict's form, parted likewise.
 * @param stress whether vowels carry their stress, where the dictionary has it
 * @throws KasaneError where there is no such file, or it leaves a part without words
 */
export async function readDictionary(
  context: PredictContext,
  name: DictionaryName,
  { file, stress }: { readonly file?: string | undefined; readonly stress: boolean },
): Promise<datasets.PronouncedParts> {
  if (file === undefined) return dictionaries[name].read(await context.dataset(dictionaries[name].dataset), { stress });
  const bytes = files.readIfThere(file, largestFile);
  check(bytes !== undefined, () => `--dictionary: got "${file}": there is no such file`);
  const parts = datasets.readCmudict(new Map([[file, bytes]]), { file, stress });
  const words = Object.entries(parts).map(([part, { length }]) => `${part} ${length}`);
  const isEnough = [parts.train, parts.dev, parts.test].every(({ length }) => length > 0);
  check(isEnough, () => `--dictionary: ${file} has too few words: ${words.join(", ")}, expected some in each part`);
  return parts;
}

/** The ids of letters and of phonemes. */
export interface Signs {
  readonly letters: data.Vocabulary;
  readonly phonemes: data.Vocabulary;
}

const vocabularyFiles = { letters: "letters.json", phonemes: "phonemes.json" } as const;

/** Those of the words, left in the run's folder for predictions. */
export async function saveSigns({ folder }: Context, words: readonly datasets.Pronounced[]): Promise<Signs> {
  const signs = {
    letters: data.Vocabulary.of(words.flatMap(({ word, pronunciations }) => pronunciations.flatMap(() => [...word]))),
    phonemes: data.Vocabulary.of(words.flatMap(({ pronunciations }) => pronunciations.flat())),
  };
  await files.saveVocabulary(folder.file(vocabularyFiles.letters), signs.letters);
  await files.saveVocabulary(folder.file(vocabularyFiles.phonemes), signs.phonemes);
  return signs;
}

export const loadSigns = ({ folder }: PredictContext): Signs => ({
  letters: files.loadVocabulary(folder.file(vocabularyFiles.letters)),
  phonemes: files.loadVocabulary(folder.file(vocabularyFiles.phonemes)),
});

/** Whether a run has learnt these. */
export function sameSigns(context: PredictContext, signs: Signs): boolean {
  const { letters, phonemes } = loadSigns(context);
  return isDeepStrictEqual([letters.tokens, phonemes.tokens], [signs.letters.tokens, signs.phonemes.tokens]);
}

/** Longer words are not asked for. */
const longestWord = 40;

/**
 * A word as it was typed, in the dictionary's letters.
 * @throws KasaneError where it is none, has other signs, or is longer than words are
 */
export function readWord(text: string, { letters }: Signs): string {
  const word = text.trim().toLowerCase().normalize("NFC");
  const length = [...word].length;
  check(word !== "", () => 'predict: got no word: expected one, such as "kasane"');
  check(length <= longestWord, () => `predict: "${word}" has ${length} letters, expected at most ${longestWord}`);
  const known = letters.tokens.slice(data.sentenceSpecials.length).toSorted().join(" ");
  const strange = [...new Set([...word].filter((sign) => !letters.has(sign)))];
  check(strange.length === 0, () => `predict: "${word}" holds "${strange.join('", "')}", expected one word of the letters ${known}`);
  return word;
}

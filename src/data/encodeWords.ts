import { checkPieces } from "./pieces.js";
import { Vocabulary, type VocabularyOptions } from "./vocabulary.js";

/**
 * Reads a text once, and returns the vocabulary of its words and the id of every word. Memory: four bytes a word, and the different words.
 * @param pieces of the text, one after the other, that end where words end
 * @param split gives the words of a piece
 */
export async function encodeWords(
  pieces: AsyncIterable<string> | Iterable<string>,
  split: (piece: string) => readonly string[],
  options: VocabularyOptions = {},
): Promise<{ vocabulary: Vocabulary; ids: Int32Array<ArrayBuffer> }> {
  checkPieces("encodeWords", pieces);
  // Numbered as they come, since only at the end it is known which words are frequent.
  const numbers = new Map<string, number>();
  const counts: number[] = [];
  let text = new Int32Array(2 ** 16);
  let length = 0;
  for await (const piece of pieces) {
    const words = split(piece);
    if (length + words.length > text.length) {
      const larger = new Int32Array(Math.max(2 * text.length, length + words.length));
      larger.set(text);
      text = larger;
    }
    for (const word of words) {
      let number = numbers.get(word);
      if (number === undefined) {
        number = counts.length;
        // A copy: a part of a string would keep the whole string in memory.
        numbers.set(JSON.parse(JSON.stringify(word)), number);
        counts.push(0);
      }
      counts[number] = (counts[number] as number) + 1;
      text[length++] = number;
    }
  }
  const words = [...numbers.keys()];
  const vocabulary = Vocabulary.ofCounts(new Map(words.map((word, number) => [word, counts[number] as number])), options);
  const idOf = vocabulary.encode(words);
  return { vocabulary, ids: text.subarray(0, length).map((number) => idOf[number] as number) };
}

/**
 * The words of an English text: in lower case, tabs and new lines taken for spaces, and all but the letters a to z, spaces, apostrophes and hyphens
 * left out, and words that begin with a hyphen too.
 */
export const englishWords = (text: string): string[] =>
  text
    .toLowerCase()
    .replaceAll(/\s/g, " ")
    .replaceAll(/[^a-z '-]/g, "")
    .split(/ +/)
    .filter((word) => word !== "" && !word.startsWith("-"));

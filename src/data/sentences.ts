/** A word, number or mark of a text, and where it stands in it. */
export interface Token {
  /** In lower case, with straight apostrophes, and with 0 for a number's every digit. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const token = /<unk>|\p{L}[\p{L}\p{M}]*(?:['’]\p{L}[\p{L}\p{M}]*)*|\d+(?:[.,]\d+)*|[.!?,;:()"]|\n[ \t\r]*\n/gu;

/**
 * The sentences of a text as tokens: each ends with its mark (. ! or ?), or where an empty line or the text ends.
 * Other signs, hyphens too, only part words.
 */
export function* sentencesOf(text: string): Generator<Token[]> {
  let sentence: Token[] = [];
  for (const { 0: found, index } of text.matchAll(token)) {
    const isBreak = found.startsWith("\n");
    if (!isBreak) {
      const plain = found.toLowerCase().replaceAll("’", "'").replaceAll(/\d/g, "0");
      sentence.push({ text: plain, start: index, end: index + found.length });
    }
    if ((isBreak || /[.!?]/.test(found[0] as string)) && sentence.length > 0) {
      yield sentence;
      sentence = [];
    }
  }
  if (sentence.length > 0) yield sentence;
}

/** Whether a token is a word, and no number or mark. */
export const isWord = (text: string): boolean => /^\p{L}/u.test(text);

let segmenter: Intl.Segmenter | undefined;

/**
 * The words of Japanese text, which has no spaces, by ICU's dictionary (JavaScript's `Intl.Segmenter`). Punctuation marks are words too;
 * white space only separates. Corpora are cut by other rules, so a model trained on one does not know all of these words.
 */
export function japaneseWords(text: string): string[] {
  segmenter ??= new Intl.Segmenter("ja", { granularity: "word" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment.trim()).filter((word) => word !== "");
}

let segmenter: Intl.Segmenter | undefined;

/**
 * The words of Japanese text, which no spaces part: by the dictionary of ICU, which JavaScript's own `Intl.Segmenter` looks into. Marks are
 * words too; white space only parts. Corpora are cut by other rules: what was trained on one knows not all of these words.
 */
export function japaneseWords(text: string): string[] {
  segmenter ??= new Intl.Segmenter("ja", { granularity: "word" });
  return Array.from(segmenter.segment(text), ({ segment }) => segment.trim()).filter((word) => word !== "");
}

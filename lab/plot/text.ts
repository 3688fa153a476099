import { printable } from "kasane";

/** About how wide a text is in pixels, rather more than less: signs of Chinese and Japanese are as wide as high. */
export const widthOf = (text: string, fontSize: number): number =>
  [...text].reduce((sum, sign) => sum + ((sign.codePointAt(0) as number) > 0x2e80 ? 1.05 : 0.6) * fontSize, 0);

/** The width of the widest text. */
export const widest = (texts: readonly string[], fontSize: number): number =>
  texts.reduce((most, text) => Math.max(most, widthOf(text, fontSize)), 0);

/** A text wrapped into lines of at most `room` pixels. Wider words are not broken. */
export function wrapText(text: string, room: number, fontSize: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = lines.length === 0 ? word : `${lines.at(-1)} ${word}`;
    if (lines.length === 0 || widthOf(longer, fontSize) > room) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

/** A text as SVG holds it: control characters, which XML forbids, are written out. */
export const escape = (text: string): string => printable(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

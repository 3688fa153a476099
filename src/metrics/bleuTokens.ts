import { checkChoice } from "../graph/options.js";

/** How {@link corpusBleu} cuts a line into tokens: at spaces alone, as the NIST's mteval-v13a does, or into characters. */
export type BleuTokenization = "none" | "13a" | "char";

/** What Python's `str.split` parts words at, which JavaScript's `\s` differs from. */
const whitespace = "[\\p{White_Space}\\x1c-\\x1f]+";
const betweenWords = new RegExp(whitespace, "u");
const atEnd = new RegExp(`${whitespace}$`, "u");

const entities: readonly (readonly [string, string])[] = [
  ["&quot;", '"'],
  ["&amp;", "&"],
  ["&lt;", "<"],
  ["&gt;", ">"],
];

/** The rules of mteval-v13a in their order: ASCII marks stand alone, full stops, commas and hyphens depending on the digits beside them. */
const rules: readonly (readonly [RegExp, string])[] = [
  [/([ -&(-+:-@/[-`{-~])/g, " $1 "],
  [/([^0-9])([.,])/gu, "$1 $2 "],
  [/([.,])([^0-9])/gu, " $1 $2"],
  [/([0-9])(-)/g, "$1 $2 "],
];

function tokenize13a(line: string): string {
  let text = line.replaceAll("<skipped>", "").replaceAll("-\n", "").replaceAll("\n", " ");
  for (const [entity, sign] of entities) text = text.replaceAll(entity, sign);
  text = ` ${text} `;
  for (const [pattern, replacement] of rules) text = text.replaceAll(pattern, replacement);
  return text;
}

const tokenizers: Readonly<Record<BleuTokenization, (line: string) => string>> = {
  none: (line) => line,
  "13a": tokenize13a,
  char: (line) => [...line].join(" "),
};

/** The tokens of a line as sacreBLEU sees them. */
export function bleuTokens(line: string, tokenization: BleuTokenization): string[] {
  checkChoice("bleuTokens", "tokenization", tokenization, Object.keys(tokenizers));
  return tokenizers[tokenization](line.replace(atEnd, ""))
    .split(betweenWords)
    .filter((token) => token !== "");
}

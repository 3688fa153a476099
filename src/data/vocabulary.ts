import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";

/** What stands for padding, for words not in the vocabulary, and for the two ends of a sentence, unless told otherwise. */
export const sentenceSpecials = ["<PAD>", "<UNK>", "<BOS>", "<EOS>"] as const;

/** Whether a token stands for unknown ones by its name alone. */
const isUnknown = (token: string): boolean => token.toLowerCase() === "<unk>";

/** Settings of {@link Vocabulary.of}. */
export interface VocabularyOptions {
  /** How often a token must occur to have an id of its own. */
  readonly minimumCount?: number;
  /** Tokens that come first, in this order, whether they occur or not. */
  readonly specials?: readonly string[];
  /** The token whose id unknown ones get. */
  readonly unknown?: string;
}

/** Negative where `a` comes before `b` by code points. (`<` compares UTF-16 units.) */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let i = 0;
  while (i < length && a[i] === b[i]) i++;
  if (i === length) return a.length - b.length;
  // Within a surrogate pair the second halves differ, and these compare as the code points do.
  return (a.codePointAt(i) as number) - (b.codePointAt(i) as number);
}

/** The ids of tokens: integers from 0, special tokens first, then the others from the most to the least frequent. */
export class Vocabulary {
  private readonly ids = new Map<string, number>();

  /**
   * @param tokens in the order of their ids
   * @param unknown the token whose id unknown ones get; without one, asking for an unknown token throws
   */
  constructor(
    readonly tokens: readonly string[],
    readonly unknown: string | undefined = tokens.find(isUnknown),
  ) {
    tokens.forEach((token, id) => this.ids.set(token, id));
    check(this.ids.size === tokens.length, () => "Vocabulary: a token occurs twice in the list of tokens");
    check(unknown === undefined || this.ids.has(unknown), () => `Vocabulary: the token for unknown words "${unknown}" is not in the list`);
  }

  /** Counts `tokens` and gives an id to each that is frequent enough; of equally frequent ones the first in code-point order comes first. */
  static of(tokens: Iterable<string>, options: VocabularyOptions = {}): Vocabulary {
    const counts = new Map<string, number>();
    for (const token of tokens) counts.set(token, (counts.get(token) ?? 0) + 1);
    return Vocabulary.ofCounts(counts, options);
  }

  /** As {@link of}, from tokens that were counted before. */
  static ofCounts(counts: ReadonlyMap<string, number>, options: VocabularyOptions = {}): Vocabulary {
    checkOptions("Vocabulary", options, { minimumCount: "optional", specials: "optional", unknown: "optional" });
    const { minimumCount = 1, specials = sentenceSpecials, unknown = specials.find(isUnknown) } = options;
    checkNumbers("Vocabulary", { minimumCount });
    const kept = [...counts].filter(([token, count]) => count >= minimumCount && !specials.includes(token));
    kept.sort(([a, countOfA], [b, countOfB]) => countOfB - countOfA || compareCodePoints(a, b));
    return new Vocabulary([...specials, ...kept.map(([token]) => token)], unknown);
  }

  /** The number of ids. */
  get size(): number {
    return this.tokens.length;
  }

  /** Whether a token has an id of its own. */
  has(token: string): boolean {
    return this.ids.has(token);
  }

  /** The id of a token, or that of the unknown token. */
  id(token: string): number {
    const id = this.ids.get(token) ?? (this.unknown === undefined ? undefined : this.ids.get(this.unknown));
    check(id !== undefined, () => `Vocabulary: "${token}" is not among the ${this.size} tokens, and none stands for unknown ones`);
    return id;
  }

  /** The token of an id. */
  token(id: number): string {
    const token = this.tokens[id];
    check(token !== undefined, () => `Vocabulary: id ${id} is outside 0 to ${this.size - 1}`);
    return token;
  }

  /** The ids of a sequence of tokens. */
  encode(tokens: readonly string[]): Int32Array<ArrayBuffer> {
    return Int32Array.from(tokens, (token) => this.id(token));
  }

  /** The tokens of a sequence of ids. */
  decode(ids: Iterable<number>): string[] {
    return Array.from(ids, (id) => this.token(id));
  }
}

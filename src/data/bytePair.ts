import { Tokenizer } from "@huggingface/tokenizers";
import { check, excerpt, KasaneError } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { learnMerges } from "./bytePairMerges.js";
import { checkPieces } from "./pieces.js";
import { withTimeLimit } from "./timeLimit.js";
import { sentenceSpecials } from "./vocabulary.js";

/** Milliseconds that a file's patterns may take for a text, and more for each of its characters. */
const basicTime = 2000;
const timePerCharacter = 0.01;

/** Stands for a space, so that a space is part of the word after it (Kudo and Richardson 2018, SentencePiece). */
const space = "▁";

/** The words of a line, as the pre-tokenizer "Metaspace" splits them. */
function wordsOf(line: string): readonly string[] {
  const text = line.replaceAll(" ", space);
  return (text.startsWith(space) ? text : `${space}${text}`).match(new RegExp(`${space}[^${space}]*|[^${space}]+`, "gu")) ?? [];
}

/** What is read of a `tokenizer.json`; the rest is for Hugging Face's package. */
interface TokenizerFile {
  readonly model: { readonly vocab: Readonly<Record<string, number>>; readonly [field: string]: unknown };
  readonly added_tokens: readonly {
    readonly id: number;
    readonly content: string;
    readonly special: boolean;
    readonly [field: string]: unknown;
  }[];
  readonly [field: string]: unknown;
}

/**
 * Cuts text into words and parts of words by byte-pair encoding (Sennrich et al. 2016), kept in the form of Hugging Face's `tokenizer.json`:
 * what reads such a file gets the same ids. Rare words are made of parts. Only characters that the training text lacks are unknown.
 */
export class BytePairEncoding {
  /** In the order of their ids, including those that were added to the vocabulary. */
  readonly tokens: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly encoder: Tokenizer;
  private readonly decoder: Tokenizer;
  private readonly hasPatterns: boolean;

  private constructor(private readonly file: TokenizerFile) {
    this.tokens = tokensOf(file);
    this.ids = new Map(this.tokens.map((token, id) => [token, id]));
    this.decoder = new Tokenizer(file, {});
    // Text that is no added token is handled like any other text.
    this.encoder = new Tokenizer({ ...file, added_tokens: file.added_tokens.filter(({ special }) => !special) }, {});
    const { model: _, ...rest } = file;
    this.hasPatterns = JSON.stringify(rest).includes('"Regex"');
  }

  /**
   * Learns from lines of text: pairs are merged until there are `size` tokens, or none is left that occurs twice.
   * @throws KasaneError where the different characters alone are more than `size`
   */
  static train(lines: Iterable<string>, options: { readonly size: number }): BytePairEncoding {
    checkPieces("BytePairEncoding", lines);
    checkOptions("BytePairEncoding", options, { size: "required" });
    const { size } = options;
    const counts = new Map<string, number>();
    for (const line of lines) if (line !== "") for (const word of wordsOf(line)) counts.set(word, (counts.get(word) ?? 0) + 1);
    const { tokens, merges } = learnMerges(counts, sentenceSpecials, size);
    check(tokens.length <= size, () => `BytePairEncoding: ${tokens.length} tokens are needed for the characters alone, got size ${size}`);
    const metaspace = { type: "Metaspace", replacement: space, prepend_scheme: "always", split: true };
    return new BytePairEncoding({
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: sentenceSpecials.map((content, id) => ({
        id,
        content,
        single_word: false,
        lstrip: false,
        rstrip: false,
        normalized: false,
        special: true,
      })),
      normalizer: null,
      pre_tokenizer: metaspace,
      post_processor: null,
      decoder: metaspace,
      model: {
        type: "BPE",
        dropout: null,
        unk_token: sentenceSpecials[1],
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
        merges,
      },
    });
  }

  /**
   * Reads what {@link toJson} wrote, or another `tokenizer.json` of byte-pair encoding.
   * @param name of the file, for the error
   * @throws KasaneError where it is damaged, or its ids leave a gap
   */
  static fromJson(text: string, name = "tokenizer.json"): BytePairEncoding {
    try {
      return new BytePairEncoding(fileOf(JSON.parse(text)));
    } catch (error) {
      const reason = error instanceof KasaneError ? `: ${error.message}` : "";
      throw new KasaneError(`${name} is damaged: expected a tokenizer.json of byte-pair encoding${reason}`, { cause: error });
    }
  }

  /** The contents of a `tokenizer.json`. */
  toJson(): string {
    return `${JSON.stringify(this.file)}\n`;
  }

  /** The number of ids. */
  get size(): number {
    return this.tokens.length;
  }

  /** The id of a token. */
  id(token: string): number {
    const id = this.ids.get(token);
    check(id !== undefined, () => `BytePairEncoding: "${token}" is not among the ${this.size} tokens`);
    return id;
  }

  /**
   * The ids of a text's parts, without marks of its beginning and end. What looks like a special token, such as "<EOS>", is text too.
   * @throws KasaneError where the file's own patterns take too long for it, or fail
   */
  encode(text: string): Int32Array<ArrayBuffer> {
    return this.guarded(text.length, () => Int32Array.from(this.encoder.encode(text, { add_special_tokens: false }).ids));
  }

  /** The text of ids; special tokens are left out. */
  decode(ids: Iterable<number>): string {
    const known = Array.from(ids, (id) => {
      check(this.tokens[id] !== undefined, () => `BytePairEncoding: id ${id} is outside 0 to ${this.size - 1}`);
      return id;
    });
    if (known.length === 0) return "";
    return this.guarded(known.length, () => this.decoder.decode(known, { skip_special_tokens: true, clean_up_tokenization_spaces: false }));
  }

  /** Runs what the file's patterns take part in, against the clock. */
  private guarded<T>(length: number, action: () => T): T {
    try {
      const fault = "BytePairEncoding: the tokenizer's file has a pattern that is too slow for this text";
      return this.hasPatterns ? withTimeLimit(basicTime + Math.ceil(length * timePerCharacter), fault, action) : action();
    } catch (error) {
      if (error instanceof KasaneError) throw error;
      throw new KasaneError(`BytePairEncoding: the tokenizer's file cannot be applied: ${excerpt(String((error as Error).message))}`, {
        cause: error,
      });
    }
  }
}

/** @throws KasaneError where a value is no `tokenizer.json` of byte-pair encoding; only the first fault of a hostile one is looked for */
function fileOf(value: unknown): TokenizerFile {
  check(isObject(value) && isObject(value.model), () => "it has no model");
  const { model, added_tokens = [] } = value;
  check(model.type === "BPE", () => `its model is of type "${excerpt(String(model.type))}"`);
  const { vocab, merges } = model;
  check(isObject(vocab), () => "its model has no vocab");
  check(Array.isArray(merges) && merges.every(isMerge), () => "its model has no list of merges");
  check(Array.isArray(added_tokens) && added_tokens.every(isAddedToken), () => "its added_tokens are no list of tokens");
  return { ...value, added_tokens, model: { ...model, vocab: vocab as Record<string, number> } };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isMerge = (merge: unknown): boolean =>
  typeof merge === "string" || (Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === "string"));

const isAddedToken = (token: unknown): boolean =>
  isObject(token) && typeof token.content === "string" && typeof token.special === "boolean";

/** The tokens of a file by their ids. Every id must have one token. */
function tokensOf({ model, added_tokens }: TokenizerFile): string[] {
  const ids = new Map(Object.entries(model.vocab));
  for (const { content, id } of added_tokens) {
    check((ids.get(content) ?? id) === id, () => `the token "${excerpt(content)}" has two ids`);
    ids.set(content, id);
  }
  const tokens = new Array<string | undefined>(ids.size).fill(undefined);
  for (const [token, id] of ids) {
    const isFree = Number.isInteger(id) && id >= 0 && id < tokens.length && tokens[id] === undefined;
    check(isFree, () => `the token "${excerpt(token)}" has id ${excerpt(String(id))}, expected each of 0 to ${tokens.length - 1} once`);
    tokens[id] = token;
  }
  return tokens as string[];
}

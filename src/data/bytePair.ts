import { Tokenizer } from "@huggingface/tokenizers";
import { z } from "zod";
import { check, KasaneError } from "../graph/error.js";
import { learnMerges } from "./bytePairMerges.js";
import { sentenceSpecials } from "./vocabulary.js";

/** Stands for a space, so that a space is part of the word after it (Kudo and Richardson 2018, SentencePiece). */
const space = "▁";

/** The words of a line, as the pre-tokenizer "Metaspace" parts them. */
function wordsOf(line: string): readonly string[] {
  const text = line.replaceAll(" ", space);
  return (text.startsWith(space) ? text : `${space}${text}`).match(new RegExp(`${space}[^${space}]*|[^${space}]+`, "gu")) ?? [];
}

const fileSchema = z.looseObject({
  model: z.looseObject({ type: z.literal("BPE"), vocab: z.record(z.string(), z.int().min(0)), unk_token: z.string().nullish() }),
});

/**
 * Cuts text into words and parts of words by byte-pair encoding (Sennrich et al. 2016), kept in the form of Hugging Face's `tokenizer.json`:
 * what reads such a file gets the same ids. Rare words are made of parts; only characters that the training text had not are unknown.
 */
export class BytePairEncoding {
  /** In the order of their ids. */
  readonly tokens: readonly string[];
  private readonly ids: ReadonlyMap<string, number>;
  private readonly tokenizer: Tokenizer;

  private constructor(private readonly file: z.output<typeof fileSchema>) {
    this.ids = new Map(Object.entries(file.model.vocab));
    this.tokens = [...this.ids].sort(([, a], [, b]) => a - b).map(([token]) => token);
    this.tokenizer = new Tokenizer(file, {});
  }

  /**
   * Learns from lines of text: pairs are merged until there are `size` tokens, or none is left that occurs twice.
   * @param specials the first tokens, which no text is cut into; `<UNK>`, the second, stands for unknown characters
   * @throws KasaneError where the different characters alone are more than `size`
   */
  static train(lines: Iterable<string>, { size }: { readonly size: number }): BytePairEncoding {
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
   * @throws KasaneError where it is damaged
   */
  static fromJson(text: string, name = "tokenizer.json"): BytePairEncoding {
    try {
      const file = JSON.parse(text);
      fileSchema.parse(file);
      return new BytePairEncoding(file);
    } catch (error) {
      throw new KasaneError(`${name} is damaged: expected a tokenizer.json of byte-pair encoding`, { cause: error });
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

  /** The ids of a text's parts, without marks of its beginning and end. */
  encode(text: string): Int32Array<ArrayBuffer> {
    return Int32Array.from(this.tokenizer.encode(text, { add_special_tokens: false }).ids);
  }

  /** The text of ids; special tokens are left out. */
  decode(ids: Iterable<number>): string {
    const known = Array.from(ids, (id) => {
      check(this.tokens[id] !== undefined, () => `BytePairEncoding: id ${id} is outside 0 to ${this.size - 1}`);
      return id;
    });
    return known.length === 0 ? "" : this.tokenizer.decode(known, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  }
}

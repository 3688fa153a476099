import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nn, seed, type Tensor } from "kasane";
import { exportOnnx } from "kasane/node";

const words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "good", "fine", "great", "bad", "poor", "awful", "food", "room", "the", "was"];

/** A tokenizer of whole words, with a mark before and after each text, that reads eight tokens. */
const tokenizer = {
  version: "1.0",
  truncation: { direction: "Right", max_length: 8, strategy: "LongestFirst", stride: 0 },
  added_tokens: words.slice(0, 4).map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
  normalizer: { type: "Lowercase" },
  pre_tokenizer: { type: "Whitespace" },
  post_processor: {
    type: "TemplateProcessing",
    single: [
      { SpecialToken: { id: "[CLS]", type_id: 0 } },
      { Sequence: { id: "A", type_id: 0 } },
      { SpecialToken: { id: "[SEP]", type_id: 0 } },
    ],
    pair: [],
    special_tokens: {
      "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] },
      "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] },
    },
  },
  decoder: null,
  model: { type: "WordLevel", unk_token: "[UNK]", vocab: Object.fromEntries(words.map((word, id) => [word, id])) },
};

/** A vector for each token, a layer, and a limit of eight places: what an encoder of texts looks like from outside. */
class Encoder extends nn.Module {
  readonly words = new nn.Embedding(words.length, 16);
  readonly places = new nn.Embedding(8, 16);
  readonly layer = new nn.Linear(16, 16);

  forward(ids: Tensor): Tensor {
    const places = this.places.weight.slice([[0, ids.shape[1]]]);
    return this.layer.forward(this.words.forward(ids).add(places)).tanh();
  }
}

/** Writes the model and its tokenizer into a folder. */
export async function writeTinyText(folder: string): Promise<string> {
  seed(1);
  const encoder = new Encoder();
  const ids = { shape: ["batch", "tokens"], dtype: "int64" } as const;
  const file = join(folder, "model.onnx");
  await exportOnnx(
    (input_ids: Tensor, attention_mask: Tensor) => ({
      last_hidden_state: encoder.forward(input_ids).add(attention_mask.mul(0).unsqueeze({ axis: 2 })),
    }),
    { input_ids: ids, attention_mask: ids },
    file,
    { limits: { tokens: 8 } },
  );
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(tokenizer));
  return file;
}

import { compile, type models, type Tensor } from "kasane";
import { type AttentionRow, drawAttentionMaps } from "../plot/attentionMaps.js";
import { begin, matrix } from "./architectures.js";
import type { Vocabularies } from "./translation.js";

/** Draws what every head of a Transformer looks at when it translates `source` as `target`, in words: a stand-alone SVG image. */
export async function drawTranslation(
  model: models.Transformer,
  words: Vocabularies,
  source: readonly string[],
  target: readonly string[],
): Promise<string> {
  const read = ["<BOS>", ...target];
  const written = [...target, "<EOS>"];
  const maps = compile((sources: Tensor, targets: Tensor) => model.attend(sources, targets).attention);
  const { encoder, decoder, cross } = await maps(
    matrix([words.source.encode(source)], source.length),
    matrix([[begin, ...words.target.encode(target)]], read.length),
  );
  const rows: AttentionRow[] = [];
  for (const [title, layers, axes] of [
    ["encoder: each word of the sentence at all of its words", encoder, { rows: source, columns: source }],
    ["decoder: each word written, at what was written before", decoder, { rows: written, columns: read }],
    ["decoder to encoder: each word written, at the words of the sentence", cross, { rows: written, columns: source }],
  ] as const) {
    for (const [layer, weights] of layers.entries()) {
      // [1, heads, rows, columns]
      const [heads] = (await weights.array()) as number[][][][];
      const drawn = (heads as number[][][]).map((head, i) => ({ title: `head ${i + 1}`, ...axes, weights: head }));
      rows.push({ title: `${title}, layer ${layer + 1}`, maps: drawn });
    }
  }
  return drawAttentionMaps(`${source.join(" ")} → ${target.join(" ")}`, rows);
}

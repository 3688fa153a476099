import { vi } from "vitest";
import { PredictContext } from "../../../lab/context.js";

const words = {
  source: ["red", "big", "old", "cat", "dog", "bird", "runs", "sings"],
  target: "赤い 大きい 古い 猫 犬 鳥 走る 歌う".split(" "),
};

/** Sentences of a made-up language of eight words and their translations: word by word, from the last to the first, then a full stop. */
function lines(count: number, first: number): { source: string[]; target: string[] } {
  const [source, target]: [string[], string[]] = [[], []];
  for (let i = first; i < first + count; i++) {
    const places = Array.from({ length: 2 + (i % 4) }, (_, k) => (i * 5 + k * (3 + (i % 3))) % words.source.length);
    source.push(`${places.map((place) => words.source[place]).join(" ")} .`);
    target.push(
      `${places
        .map((place) => words.target[place])
        .reverse()
        .join(" ")} 。`,
    );
  }
  return { source, target };
}

/** Has experiments find a small parallel corpus made here in the place of every dataset. */
export function inPlaceOfDatasets(): void {
  const files = new Map<string, Uint8Array>();
  // What is tried has been seen in training: a model that learns by heart has it right.
  for (const [part, count, first] of [
    ["train", 48, 0],
    ["dev", 12, 0],
    ["test", 10, 12],
  ] as const) {
    const { source, target } = lines(count, first);
    files.set(`${part}.en`, new TextEncoder().encode(`${source.join("\n")}\n`));
    files.set(`${part}.ja`, new TextEncoder().encode(`${target.join("\n")}\n`));
  }
  vi.spyOn(PredictContext.prototype, "dataset").mockResolvedValue(files);
}

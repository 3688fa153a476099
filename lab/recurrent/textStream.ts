import { check, type Tensor, tensor } from "kasane";

/** The words read and those to be predicted, `[time, batch]` each. */
export interface Chunk {
  readonly ids: Tensor;
  readonly targets: Tensor;
}

/**
 * A text cut into `batchSize` equal stretches that are read side by side, in chunks of `steps` words. Each chunk continues the one before.
 * What does not fill all stretches is left out, and so is a last chunk of fewer steps, unless `keepRest`.
 */
export function* chunks(text: Int32Array, batchSize: number, steps: number, keepRest = false): Generator<Chunk> {
  const length = Math.floor((text.length - 1) / batchSize);
  check(length >= (keepRest ? 1 : steps), () => `a text of ${text.length} words is too short for ${batchSize} stretches of ${steps} steps`);
  for (let start = 0; start < length; start += steps) {
    const time = Math.min(steps, length - start);
    if (time < steps && !keepRest) return;
    const cut = (shift: number) => {
      const words = new Int32Array(time * batchSize);
      for (let t = 0; t < time; t++) {
        for (let row = 0; row < batchSize; row++) words[t * batchSize + row] = text[row * length + start + t + shift] as number;
      }
      return tensor(words, { shape: [time, batchSize] });
    };
    yield { ids: cut(0), targets: cut(1) };
  }
}

/** The number of {@link chunks}. */
export const chunkCount = (text: Int32Array, batchSize: number, steps: number): number =>
  Math.floor(Math.floor((text.length - 1) / batchSize) / steps);

/** The words of a text of one sentence a line, each sentence followed by `<eos>`. */
export const wordsOf = (bytes: Uint8Array): string[] =>
  new TextDecoder()
    .decode(bytes)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .flatMap((line) => [...line.trim().split(/\s+/), "<eos>"]);

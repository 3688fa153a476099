import * as augment from "../../src/data/augment/index.js";
import { KasaneError } from "../../src/graph/error.js";

/** What a batch follows from. */
export interface PictureJob {
  readonly epoch: number;
  readonly indices: readonly number[];
  readonly fails?: "expected" | "unexpected" | "exit";
}

export const { url } = import.meta;

const transform = augment.compose(augment.randomCrop(5, { padding: 2 }), augment.randomHorizontalFlip());

/** Makes batches of pictures whose pixels are all in one memory. */
export function prepare({ pixels, seed }: { readonly pixels: SharedArrayBuffer; readonly seed: number }) {
  const samples = Array.from({ length: pixels.byteLength / 25 }, (_, i) => ({
    picture: { pixels: new Uint8Array(pixels, 25 * i, 25), channels: 1, height: 5, width: 5 },
  }));
  return async ({ epoch, indices, fails }: PictureJob) => {
    if (fails === "expected") throw new KasaneError("picture 7: damaged");
    if (fails === "unexpected") throw new TypeError("a fault");
    if (fails === "exit") process.exit(3);
    // What begins first is not done first.
    await new Promise((done) => setTimeout(done, (indices[0] ?? 0) % 2 ? 0 : 5));
    const made = augment.augmented(samples, indices, transform, { seed, epoch });
    return { pixels: Uint8Array.from(made.flatMap(({ picture }) => [...picture.pixels])), first: indices[0] };
  };
}

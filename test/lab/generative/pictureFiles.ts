import { writeFileSync } from "node:fs";
import { join } from "node:path";

const idx = (shape: readonly number[], bytes: Uint8Array) =>
  Buffer.concat([Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((size) => [0, 0, size >> 8, size & 255])]), bytes]);

/** Writes pictures in MNIST's files: picture n shows class n modulo 10 as a bright bar whose place tells the class. */
export function writePictures(folder: string, counts: { readonly train: number; readonly t10k: number }): void {
  for (const [part, count] of Object.entries(counts)) {
    const pixels = new Uint8Array(count * 28 * 28);
    const labels = Uint8Array.from({ length: count }, (_, n) => n % 10);
    labels.forEach((label, n) => {
      for (let i = 0; i < 56; i++) pixels[n * 784 + (2 * label + 4) * 28 + i] = 255 - ((i * 7 + n) % 32);
    });
    writeFileSync(join(folder, `${part}-images-idx3-ubyte`), idx([count, 28, 28], pixels));
    writeFileSync(join(folder, `${part}-labels-idx1-ubyte`), idx([count], labels));
  }
}

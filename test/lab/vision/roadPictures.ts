import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { files } from "kasane/node";

/** The size of the scenes of {@link writeScenes}. */
export const [width, height] = [24, 16];

/** Scenes of a blue sky over a grey road, whose border lies elsewhere in each; a row between them belongs to nothing. */
export function writeScenes(folder: string): void {
  for (const [part, count] of Object.entries({ train: 12, val: 3, test: 3 })) {
    for (const name of [part, `${part}annot`]) mkdirSync(join(folder, name), { recursive: true });
    for (let i = 0; i < count; i++) {
      const border = 5 + ((3 * i) % 7);
      const rowOf = (pixel: number) => Math.floor(pixel / width);
      const noise = (pixel: number) => (pixel * 7919 + i * 104729) % 40;
      const colours = Array.from({ length: width * height }, (_, p) =>
        (rowOf(p) < border ? [40, 90, 180] : [120, 110, 100]).map((c) => c + noise(p)),
      );
      const classes = Array.from({ length: width * height }, (_, p) => (rowOf(p) < border ? 0 : rowOf(p) === border ? 11 : 3));
      const write = (name: string, channels: 1 | 3, data: number[]) =>
        writeFileSync(join(folder, name), files.encodePng({ height, width, channels, data: Uint8Array.from(data) }));
      write(`${part}/scene${i}.png`, 3, colours.flat());
      write(`${part}annot/scene${i}.png`, 1, classes);
    }
  }
}

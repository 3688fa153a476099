import { files } from "kasane/node";

/** Grey pictures of one size, in rows. */
export interface PictureGrid {
  readonly height: number;
  readonly width: number;
  /** The pictures of each row, each `height * width` values from 0 (black) to 1 (white); what lies outside is cut off. */
  readonly rows: readonly (readonly ArrayLike<number>[])[];
  /** How many pixels of the file a pixel is wide and high. */
  readonly scale?: number;
}

/** Pixels between two pictures. */
const gap = 2;

/** What lies between pictures. */
const paper = 255;

/** Pictures side by side as the bytes of a PNG file. */
export function drawPictureGrid({ height, width, rows, scale = 2 }: PictureGrid): Uint8Array {
  const columns = rows.reduce((most, row) => Math.max(most, row.length), 1);
  const [tall, wide] = [rows.length * (height * scale + gap) + gap, columns * (width * scale + gap) + gap];
  const data = new Uint8Array(tall * wide).fill(paper);
  rows.forEach((row, i) => {
    row.forEach((picture, j) => {
      const [top, left] = [gap + i * (height * scale + gap), gap + j * (width * scale + gap)];
      for (let y = 0; y < height * scale; y++) {
        for (let x = 0; x < width * scale; x++) {
          const value = picture[Math.floor(y / scale) * width + Math.floor(x / scale)] ?? 0;
          data[(top + y) * wide + left + x] = Math.round(255 * Math.min(1, Math.max(0, value)));
        }
      }
    });
  });
  return files.encodePng({ height: tall, width: wide, channels: 1, data });
}

/** Shades from dark to light. */
const shades = " ░▒▓█";

/** Pictures side by side for a terminal: a character is two pixels above each other. */
export function printPictures(pictures: readonly ArrayLike<number>[], height: number, width: number): string {
  const shadeAt = (picture: ArrayLike<number>, y: number, x: number): string => {
    const mean = ((picture[y * width + x] ?? 0) + (picture[Math.min(height - 1, y + 1) * width + x] ?? 0)) / 2;
    return shades[Math.min(shades.length - 1, Math.floor(Math.max(0, mean) * shades.length))] as string;
  };
  const lines = Array.from({ length: Math.ceil(height / 2) }, (_, line) =>
    pictures.map((picture) => Array.from({ length: width }, (_, x) => shadeAt(picture, 2 * line, x)).join("")).join(" "),
  );
  return lines.map((line) => line.trimEnd()).join("\n");
}

/** The rows of a matrix of `size` columns. */
export const rowsOf = (values: ArrayLike<number>, size: number): number[][] =>
  Array.from({ length: values.length / size }, (_, row) => Array.from({ length: size }, (_, i) => values[row * size + i] as number));

import { decode } from "fast-png";
import type { Picture } from "../data/augment/sample.js";
import { check, excerpt, KasaneError } from "../graph/error.js";
import { checkedPng, isPng } from "./pngChunks.js";

/**
 * The pixels of a PNG file (www.w3.org/TR/png): grey as one channel, colours as red, green and blue. What is transparent lies on white; of 16 bits the
 * upper 8 are kept. Node only.
 * @param name the file's, which begins errors
 * @throws KasaneError where it is no PNG, is damaged, or has more than 67 million pixels
 */
export function decodePng(bytes: Uint8Array, name = "PNG"): Picture {
  const { width, height, samples, most, channels, palette } = decoded(bytes, name);
  const past = palette && samples.find((place) => place >= palette.length);
  check(past === undefined, () => `${name}: not a readable PNG: a pixel is colour ${past} of a palette of ${palette?.length}`);
  const size = width * height;
  // Of each pixel: its channels and its opacity, 0 to 1.
  const colours = palette || channels > 2 ? 3 : 1;
  const [shift, top] = most > 255 ? [8, 255] : [0, most];
  const isOpaque = !palette && channels % 2 === 1;
  const valueOf = (pixel: number, channel: number): number =>
    palette
      ? (palette[samples[pixel] as number]?.[channel] ?? 255) / 255
      : ((samples[pixel * channels + channel] as number) >> shift) / top;
  const pixels = new Uint8Array(colours * size);
  for (let pixel = 0; pixel < size; pixel++) {
    const opacity = isOpaque ? 1 : valueOf(pixel, colours);
    for (let channel = 0; channel < colours; channel++) {
      pixels[channel * size + pixel] = Math.round(255 * (valueOf(pixel, channel) * opacity + 1 - opacity));
    }
  }
  return { pixels, channels: colours, height, width };
}

/** The class of each pixel, of a PNG whose pixels are class indices: grey of 8 bits or fewer, or places in a palette. */
export function decodeMask(
  bytes: Uint8Array,
  name = "PNG",
): { readonly mask: Uint8Array; readonly height: number; readonly width: number } {
  const { width, height, samples, most, channels } = decoded(bytes, name);
  check(
    channels === 1 && most < 256,
    () => `${name}: ${channels} channels of 0 to ${most}, expected a PNG whose grey values or palette indices are classes`,
  );
  return { mask: Uint8Array.from(samples), height, width };
}

/** The samples of a PNG in rows, pixel by pixel, 0 to `most`; with a palette they are places in it. */
function decoded(bytes: Uint8Array, name: string) {
  check(isPng(bytes), () => `${name}: not a PNG: it does not begin with one's mark`);
  const { width, height, needed } = checkedPng(bytes, name);
  try {
    const { data, depth, channels, palette, transparency } = decode(needed);
    if (transparency?.length) throw new Error("it has a transparent colour, which is not read: save it with opacities");
    const samples = depth < 8 ? unpacked(data, width * channels, depth) : data;
    check(samples.length === width * height * channels, () => `its data is not that of ${width} x ${height} pixels`);
    return { width, height, samples, most: 2 ** depth - 1, channels, palette };
  } catch (error) {
    throw new KasaneError(`${name}: not a readable PNG: ${excerpt((error as Error).message, 120)}`, { cause: error });
  }
}

/** Samples of 1, 2 or 4 bits, whose rows begin at bytes. */
function unpacked(data: ArrayLike<number>, perRow: number, depth: number): Uint8Array {
  const [perByte, stride] = [8 / depth, Math.ceil((perRow * depth) / 8)];
  const rows = data.length / stride;
  return Uint8Array.from({ length: rows * perRow }, (_, i) => {
    const [row, column] = [Math.floor(i / perRow), i % perRow];
    const byte = data[row * stride + Math.floor(column / perByte)] as number;
    return (byte >> (8 - depth * ((column % perByte) + 1))) & (2 ** depth - 1);
  });
}

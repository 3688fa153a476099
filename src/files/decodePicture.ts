import type { Picture } from "../data/augment/sample.js";
import { check } from "../graph/error.js";
import { decodeJpeg, isJpeg } from "./decodeJpeg.js";
import { decodePng } from "./decodePng.js";
import { isPng } from "./pngChunks.js";

/**
 * The pixels of a JPEG or PNG file, told apart by how they begin. Node only.
 * @param name the file's, which begins errors
 * @param channels 1: grey by the weights of ITU-R BT.601; 3: red, green and blue; by default as the file has it
 * @throws KasaneError where it is neither, is damaged, or has more than 67 million pixels
 */
export function decodePicture(bytes: Uint8Array, name = "picture", channels?: 1 | 3): Picture {
  check(isJpeg(bytes) || isPng(bytes), () => `${name}: neither a JPEG nor a PNG file`);
  check(
    channels === undefined || channels === 1 || channels === 3,
    () => `${name}: got channels ${JSON.stringify(channels)}, expected 1 or 3`,
  );
  const picture = isPng(bytes) ? decodePng(bytes, name) : decodeJpeg(bytes, name);
  return channels === undefined || channels === picture.channels ? picture : converted(picture);
}

/** A grey picture in colours, or a coloured one in grey. */
function converted({ pixels, channels, height, width }: Picture): Picture {
  const size = height * width;
  if (channels === 1) {
    const all = new Uint8Array(3 * size);
    for (let channel = 0; channel < 3; channel++) all.set(pixels, channel * size);
    return { pixels: all, channels: 3, height, width };
  }
  const grey = (i: number) =>
    0.299 * (pixels[i] as number) + 0.587 * (pixels[size + i] as number) + 0.114 * (pixels[2 * size + i] as number);
  return { pixels: Uint8Array.from({ length: size }, (_, i) => Math.round(grey(i))), channels: 1, height, width };
}

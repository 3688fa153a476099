import { decode } from "jpeg-js";
import type { Picture } from "../data/augment/sample.js";
import { check, excerpt, KasaneError } from "../graph/error.js";

/** The most pixels of a picture: more than any camera's here, and few enough to be kept in memory. */
export const mostPixels = 2 ** 26;

/** Whether bytes begin as a JPEG file does. */
export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/**
 * The pixels of a JPEG file (ITU-T T.81), red, green and blue. Node only.
 * @param name the file's, which begins errors
 * @throws KasaneError where it is no JPEG, is damaged, or has more than 67 million pixels
 */
export function decodeJpeg(bytes: Uint8Array, name = "JPEG"): Picture {
  check(isJpeg(bytes), () => `${name}: not a JPEG: it does not begin with one's mark`);
  const { width, height, data } = decoded(bytes, name);
  const size = width * height;
  const pixels = new Uint8Array(3 * size);
  for (let i = 0; i < size; i++) {
    for (let channel = 0; channel < 3; channel++) pixels[channel * size + i] = data[3 * i + channel] as number;
  }
  return { pixels, channels: 3, height, width };
}

function decoded(bytes: Uint8Array, name: string) {
  try {
    return decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: mostPixels / 1e6,
      maxMemoryUsageInMB: 1024,
    });
  } catch (error) {
    throw new KasaneError(`${name}: not a readable JPEG: ${excerpt((error as Error).message, 120)}`, { cause: error });
  }
}

import { decode } from "jpeg-js";
import type { Picture } from "../data/augment/sample.js";
import { check, excerpt, KasaneError } from "../graph/error.js";

/** The most pixels of a picture: more than any camera's here, and few enough to be kept in memory. */
export const mostPixels = 2 ** 26;

/** Whether bytes begin as a JPEG file does. */
export const isJpeg = (bytes: Uint8Array): boolean => bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;

/** The most pixels that all scans of a file go through: a few bytes may be a scan, so a small file could keep a decoder busy for hours. */
const mostWork = 2 ** 30;

/**
 * The pixels of a JPEG file (ITU-T T.81): red, green and blue, or one channel where it is grey. The orientation that a camera notes is not
 * looked at. Node only.
 * @param name the file's, which begins errors
 * @throws KasaneError where it is no JPEG, is damaged, or has more than 67 million pixels
 */
export function decodeJpeg(bytes: Uint8Array, name = "JPEG"): Picture {
  check(isJpeg(bytes), () => `${name}: not a JPEG: it does not begin with one's mark`);
  const header = headerOf(bytes, name);
  const { width, height, data } = decoded(bytes, name);
  check(width === header.width && height === header.height, () => `${name}: not a readable JPEG: it says two sizes`);
  const size = width * height;
  const channels = header.components === 1 ? 1 : 3;
  const pixels = new Uint8Array(channels * size);
  for (let i = 0; i < size; i++) {
    for (let channel = 0; channel < channels; channel++) pixels[channel * size + i] = data[3 * i + channel] as number;
  }
  return { pixels, channels, height, width };
}

/** What a file says of itself, checked before anything is decoded (T.81, B.1 and B.2). */
function headerOf(bytes: Uint8Array, name: string) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const refuse = (why: string) => new KasaneError(`${name}: not a readable JPEG: ${why}`);
  let frame: { readonly height: number; readonly width: number; readonly components: number } | undefined;
  let scans = 0;
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1] as number;
    // Between markers lies what is coded; a 0 after 255 and restarts (0xd0 to 0xd7) belong to it, and 255 may stand before a marker.
    const isMarker = bytes[at] === 0xff && marker !== 0 && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd7);
    if (!isMarker) {
      at++;
      continue;
    }
    if (marker === 0xd9) break;
    if (marker === 0xda) scans++;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      if (frame || at + 10 > bytes.length) throw refuse(frame ? "it has two frames" : "its header is cut off");
      frame = { height: view.getUint16(at + 5), width: view.getUint16(at + 7), components: bytes[at + 9] as number };
    }
    at += 2 + view.getUint16(at + 2);
  }
  if (!frame) throw refuse("it has no frame");
  const { height, width } = frame;
  if (height === 0 || width === 0 || height * width > mostPixels)
    throw refuse(`its header says ${width} x ${height} pixels, expected at least one and at most ${mostPixels}`);
  if (scans * height * width > mostWork) throw refuse(`it has ${scans} scans of ${width} x ${height} pixels: no camera writes so many`);
  return frame;
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

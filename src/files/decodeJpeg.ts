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
  const { width, height, data } = decoded(header.needed, header.isRgb, name);
  check(width === header.width && height === header.height, () => `${name}: not a readable JPEG: it says two sizes`);
  const size = width * height;
  const channels = header.components === 1 ? 1 : 3;
  const pixels = new Uint8Array(channels * size);
  for (let i = 0; i < size; i++) {
    for (let channel = 0; channel < channels; channel++) pixels[channel * size + i] = data[3 * i + channel] as number;
  }
  return { pixels, channels, height, width };
}

/** A part of a file: what it is, and its bytes after its length. */
interface Part {
  readonly marker: number;
  readonly contents: Uint8Array;
}

/** The parts of a file up to its end, and where that is (T.81, B.1). */
function partsOf(bytes: Uint8Array, refuse: (why: string) => KasaneError): { readonly parts: readonly Part[]; readonly end: number } {
  const parts: Part[] = [];
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = bytes[at + 1] as number;
    // Between markers lies what is coded; a 0 after 255 and restarts (0xd0 to 0xd7) belong to it, and 255 may stand before a marker.
    const isMarker = bytes[at] === 0xff && marker !== 0 && marker !== 0xff && !(marker >= 0xd0 && marker <= 0xd7);
    if (!isMarker) {
      at++;
      continue;
    }
    if (marker === 0xd9) return { parts, end: at + 2 };
    const length = uint16(bytes, at + 2);
    if (length < 2 || at + 2 + length > bytes.length) throw refuse("it is cut off");
    const contents = bytes.subarray(at + 4, at + 2 + length);
    const expected = lengthOf(marker, contents);
    if (length !== (expected ?? length)) throw refuse(`its part ff${marker.toString(16)} has ${length} bytes, expected ${expected}`);
    parts.push({ marker, contents });
    at += 2 + length;
  }
  return { parts, end: bytes.length };
}

const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** The length of a part whose contents tell it, since a decoder goes by them; undefined for others (B.2). */
function lengthOf(marker: number, contents: Uint8Array): number | undefined {
  if (isFrame(marker)) return 8 + 3 * (contents[5] ?? 0);
  if (marker === 0xda) return 6 + 2 * (contents[0] ?? 0);
  return marker === 0xdc || marker === 0xdd ? 4 : undefined;
}

/** What a file says of itself, checked before anything is decoded. */
function headerOf(bytes: Uint8Array, name: string) {
  const refuse = (why: string) => new KasaneError(`${name}: not a readable JPEG: ${why}`);
  const { parts, end } = partsOf(bytes, refuse);
  const [frame, another] = parts.filter(({ marker }) => isFrame(marker)).map(({ contents }) => contents);
  if (!frame || another) throw refuse(frame ? "it has two frames" : "it has no frame");
  const [height, width, components] = [uint16(frame, 1), uint16(frame, 3), frame[5] as number];
  if (height === 0 || width === 0 || height * width > mostPixels)
    throw refuse(`its header says ${width} x ${height} pixels, expected at least one and at most ${mostPixels}`);
  if (frame[0] !== 8) throw refuse(`its header says ${frame[0]} bits a sample, expected 8`);
  if (!parts.some(({ marker }) => marker === 0xda)) throw refuse("it has no scan");
  const needed = bytes.subarray(0, end);
  // Wherever a decoder may find a scan, it finds these two bytes.
  const scans = needed.reduce((sum, byte, i) => sum + Number(byte === 0xff && needed[i + 1] === 0xda), 0);
  if (scans * height * width > mostWork) throw refuse(`it has ${scans} scans of ${width} x ${height} pixels: no camera writes so many`);
  const blocks = Math.ceil(height / 8) * Math.ceil(width / 8);
  const restart = parts.find(({ marker, contents }) => marker === 0xdd && blocks % uint16(contents, 0) > 0);
  if (components === 1 && restart)
    throw refuse(`it restarts every ${uint16(restart.contents, 0)} of ${blocks} grey blocks, which is not read: save it without restarts`);
  return { height, width, components, isRgb: components === 3 && isRgb(parts, frame), needed };
}

/** Whether colours are red, green and blue, and not light and two differences; told as libjpeg does. */
function isRgb(parts: readonly Part[], frame: Uint8Array): boolean {
  const find = (wanted: number, text: string) =>
    parts.find(({ marker, contents }) => marker === wanted && String.fromCharCode(...contents.subarray(0, text.length)) === text);
  if (find(0xe0, "JFIF\0")) return false;
  const adobe = find(0xee, "Adobe\0")?.contents;
  return adobe ? adobe[11] === 0 : String.fromCharCode(...[6, 9, 12].map((at) => frame[at] as number)) === "RGB";
}

const uint16 = (bytes: Uint8Array, at: number): number => 256 * (bytes[at] as number) + (bytes[at + 1] as number);

function decoded(bytes: Uint8Array, isRgb: boolean, name: string) {
  try {
    return decode(bytes, {
      ...(isRgb && { colorTransform: false }),
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

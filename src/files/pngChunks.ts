import { inflateSync } from "node:zlib";
import { check, excerpt, KasaneError } from "../graph/error.js";
import { crc32 } from "./crc.js";
import { mostPixels } from "./decodeJpeg.js";

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

const checksum = crc32(0xedb88320);

/** Whether bytes begin as a PNG file does. */
export const isPng = (bytes: Uint8Array): boolean => signature.every((byte, i) => bytes[i] === byte);

/** The most bytes that pixels may take unpacked. */
const mostBytes = 2 ** 28;

/** What pixels are made of. Texts, colour profiles and times are not: they may be packed too, and unpack to any size. */
const neededTypes = new Set(["IHDR", "PLTE", "tRNS", "IDAT", "IEND"]);

/** The channels of each colour type (PNG specification, 11.2.1). */
const channelsOf: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Where the pixels of each pass of an interlaced image begin, and how far they are apart (8.2): x, y, and so again. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/**
 * A PNG file that a decoder may be given: of a size that fits into memory, and unpacking to just the bytes of it.
 * @returns its size, and the file without the parts that its pixels do not need
 * @throws KasaneError where it is damaged, or too large
 */
export function checkedPng(bytes: Uint8Array, name: string) {
  const fail = (why: string) => `${name}: not a readable PNG: ${why}`;
  check(bytes.length >= 33, () => fail("its header is cut off"));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height, depth, type] = [view.getUint32(16), view.getUint32(20), view.getUint8(24), view.getUint8(25)];
  check(width > 0 && height > 0 && width * height <= mostPixels, () =>
    fail(`its header says ${width} x ${height} pixels, expected at least one and at most ${mostPixels}`),
  );
  const bits = depth * (channelsOf[type] ?? 0);
  // A row begins with the number of its filter.
  const sizeOf = (columns: number, rows: number) => (columns === 0 ? 0 : rows * (1 + Math.ceil((columns * bits) / 8)));
  const isInterlaced = view.getUint8(28) === 1;
  const along = (size: number, start: number, step: number) => Math.max(Math.ceil((size - start) / step), 0);
  const expected = isInterlaced
    ? passes.reduce((sum, [x, y, across, down]) => sum + sizeOf(along(width, x, across), along(height, y, down)), 0)
    : sizeOf(width, height);
  check(bits > 0 && expected <= mostBytes, () => fail(`its header says ${bits} bits a pixel, or more than ${mostBytes} bytes in all`));

  const parts: Uint8Array[] = [Uint8Array.from(signature)];
  const packed: Uint8Array[] = [];
  for (let at = 8, type = ""; type !== "IEND"; ) {
    check(at + 12 <= bytes.length, () => fail("it is cut off"));
    const end = at + 12 + view.getUint32(at);
    type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    check(end <= bytes.length, () => fail(`its part ${excerpt(type)} is cut off`));
    check(view.getUint32(end - 4) === checksum(bytes.subarray(at + 4, end - 4)), () => fail(`CRC mismatch in its part ${excerpt(type)}`));
    check((type === "IHDR") === (at === 8), () => fail("its header is not its first part, or not the only one"));
    if (neededTypes.has(type)) parts.push(bytes.subarray(at, end));
    if (type === "IDAT") packed.push(bytes.subarray(at + 8, end - 4));
    at = end;
  }
  check(unpackedLength(packed, expected, fail) === expected, () => fail(`it has fewer bytes than ${width} x ${height} pixels take`));
  return { width, height, needed: Uint8Array.from(Buffer.concat(parts)) };
}

/** How many bytes there are. They are unpacked once more in native code, which stops when there are too many. */
function unpackedLength(packed: readonly Uint8Array[], most: number, fail: (why: string) => string): number {
  try {
    return inflateSync(Buffer.concat(packed), { maxOutputLength: most }).length;
  } catch (error) {
    throw new KasaneError(fail(`its pixels do not unpack to ${most} bytes (${(error as Error).message})`), { cause: error });
  }
}

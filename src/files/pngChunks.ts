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

/** The colour type whose samples are places in a palette. */
const paletteType = 3;

/** The channels of each colour type, and the bits that a sample of it may have (PNG specification, 11.2.1). */
const colourTypes: Readonly<Record<number, { readonly channels: number; readonly depths: readonly number[] }>> = {
  0: { channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { channels: 3, depths: [8, 16] },
  [paletteType]: { channels: 1, depths: [1, 2, 4, 8] },
  4: { channels: 2, depths: [8, 16] },
  6: { channels: 4, depths: [8, 16] },
};

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
  const colours = colourTypes[type];
  check(colours?.depths.includes(depth) === true, () =>
    fail(
      `its header says ${depth} bits a sample of colour type ${type}, expected ${colours?.depths.join(", ") ?? "colour type 0, 2, 3, 4 or 6"}`,
    ),
  );
  const bits = depth * colours.channels;
  // A row begins with the number of its filter.
  const sizeOf = (columns: number, rows: number) => (columns === 0 ? 0 : rows * (1 + Math.ceil((columns * bits) / 8)));
  const isInterlaced = view.getUint8(28) === 1;
  check(!isInterlaced || depth >= 8, () =>
    fail(`it is interlaced with ${depth} bits a sample, which is not read: save it without interlacing`),
  );
  const along = (size: number, start: number, step: number) => Math.max(Math.ceil((size - start) / step), 0);
  const expected = isInterlaced
    ? passes.reduce((sum, [x, y, across, down]) => sum + sizeOf(along(width, x, across), along(height, y, down)), 0)
    : sizeOf(width, height);
  check(expected <= mostBytes, () => fail(`its header says ${bits} bits a pixel, more than ${mostBytes} bytes in all`));

  const parts: Uint8Array[] = [Uint8Array.from(signature)];
  const packed: Uint8Array[] = [];
  let hasPalette = false;
  for (let at = 8, part = ""; part !== "IEND"; ) {
    check(at + 12 <= bytes.length, () => fail("it is cut off"));
    const end = at + 12 + view.getUint32(at);
    part = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    check(end <= bytes.length, () => fail(`its part ${excerpt(part)} is cut off`));
    check(view.getUint32(end - 4) === checksum(bytes.subarray(at + 4, end - 4)), () => fail(`CRC mismatch in its part ${excerpt(part)}`));
    check((part === "IHDR") === (at === 8), () => fail("its header is not its first part, or not the only one"));
    // With colours of their own a palette is only a proposal of what to show instead.
    if (neededTypes.has(part) && (part !== "PLTE" || type === paletteType)) parts.push(bytes.subarray(at, end));
    hasPalette ||= part === "PLTE";
    if (part === "IDAT") packed.push(bytes.subarray(at + 8, end - 4));
    at = end;
  }
  check(type !== paletteType || hasPalette, () => fail("it has no palette, though its samples are places in one"));
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

import { deflateSync } from "node:zlib";
import { check } from "../graph/error.js";
import { crc32 } from "./crc.js";

/** Pixels of an image in rows from the top, 0 to 255, its channels side by side. */
export interface Pixels {
  readonly height: number;
  readonly width: number;
  /** 1 grey, 2 grey and opacity, 3 red, green and blue, 4 these and opacity. */
  readonly channels: 1 | 2 | 3 | 4;
  /** `height * width * channels` bytes. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** PNG's name for what the channels are, by their number (PNG specification, 11.2.1). */
const colourTypes = { 1: 0, 2: 4, 3: 2, 4: 6 } as const;

const checksum = crc32(0xedb88320);

/**
 * An image as a PNG file's bytes (www.w3.org/TR/png). Node only.
 * @throws KasaneError where its data is not that of a whole number of pixels
 */
export function encodePng({ height, width, channels, data }: Pixels): Uint8Array {
  const isSize = [height, width].every((length) => Number.isInteger(length) && length > 0);
  check(isSize, () => `PNG: got ${height} x ${width} pixels, expected integers from 1`);
  check(
    data.length === height * width * channels,
    () => `PNG: ${data.length} bytes for ${height} x ${width} pixels of ${channels} channels, expected ${height * width * channels}`,
  );
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, colourTypes[channels]);
  // Each row begins with the number of its filter; 0 is none.
  const stride = width * channels;
  const rows = new Uint8Array(height * (stride + 1));
  for (let y = 0; y < height; y++) rows.set(data.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  return Buffer.concat([
    signature,
    block("IHDR", new Uint8Array(header.buffer)),
    block("IDAT", deflateSync(rows)),
    block("IEND", new Uint8Array()),
  ]);
}

function block(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(data.length + 12);
  bytes.writeUInt32BE(data.length);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(checksum(bytes.subarray(4, -4)), data.length + 8);
  return bytes;
}

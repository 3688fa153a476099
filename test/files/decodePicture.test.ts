import { readFileSync } from "node:fs";
import { crc32, deflateSync } from "node:zlib";
import { encode } from "fast-png";
import { files } from "kasane/node";
import { describe, expect, it } from "vitest";

interface Expected {
  readonly file: string;
  readonly shape: readonly [channels: number, height: number, width: number];
  readonly pixels: readonly number[];
  readonly mask?: readonly number[];
}

const signature = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);

function chunk(type: string, data: Uint8Array = new Uint8Array()): Buffer {
  const bytes = Buffer.alloc(data.length + 12);
  bytes.writeUInt32BE(data.length);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, -4)), data.length + 8);
  return bytes;
}

function header(width: number, height: number, depth = 8, type = 0, interlace = 0): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width);
  data.writeUInt32BE(height, 4);
  data.set([depth, type, 0, 0, interlace], 8);
  return chunk("IHDR", data);
}

/** A grey PNG of 3 x 3 pixels with the given packed bytes, and something after its header. */
const pngOf = (packed: Uint8Array, after: Uint8Array = new Uint8Array()): Uint8Array =>
  Buffer.concat([signature, header(3, 3), after, chunk("IDAT", packed), chunk("IEND")]);

/** What Pillow reads: test/fixtures/pictures.py. */
const fixture = JSON.parse(readFileSync(new URL("../fixtures/pictures.json", import.meta.url), "utf8")) as Record<string, Expected>;
const bytesOf = (name: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from((fixture[name] as Expected).file, "base64"));

describe.each(Object.entries(fixture))("%s", (name, { shape: [channels, height, width], pixels }) => {
  it("has Pillow's pixels", () => {
    const picture = files.decodePicture(bytesOf(name), name);
    const isGrey = channels === 1;
    expect([picture.channels, picture.height, picture.width]).toEqual([channels, height, width]);
    // Light and colour may each be rounded otherwise: blue is the light and 1.772 times a colour. So may what lies on white.
    const bound = /jpeg|progressive/.test(name) ? 3 : Number(name === "opaque in part");
    expect(Math.max(...picture.pixels.map((value, i) => Math.abs(value - (pixels[i] as number))))).toBeLessThanOrEqual(bound);
    expect(() => files.decodePicture(bytesOf(name), name, 2 as never)).toThrow(`${name}: got channels 2, expected 1 or 3`);
    const other = files.decodePicture(bytesOf(name), name, isGrey ? 3 : 1);
    expect(other.pixels.length).toBe((isGrey ? 3 : 1) * height * width);
    if (isGrey) expect(other.pixels.subarray(2 * height * width)).toEqual(picture.pixels);
  });
});

it("reads the places of a palette as classes", () => {
  expect([...files.decodeMask(bytesOf("palette")).mask]).toEqual(fixture.palette?.mask);
});

it("leaves out what pixels do not need, so that a packed text of any size is never unpacked", () => {
  const bytes = bytesOf("grey");
  const text = chunk("zTXt", deflateSync(new Uint8Array(2 ** 20)));
  const with_ = Buffer.concat([bytes.subarray(0, 33), text, chunk("iCCP", Uint8Array.of(97, 0, 0, 1)), bytes.subarray(33)]);
  expect(files.decodePicture(with_)).toEqual(files.decodePicture(bytes));
});

it("reads grey of few bits, whose rows begin at bytes", () => {
  // Rows of five samples of two bits: 3 0 2 1, 3; then 1 1 0 2, 0.
  const data = Uint8Array.of(0b11_00_10_01, 0b11_000000, 0b01_01_00_10, 0);
  const bytes = encode({ width: 5, height: 2, data, depth: 2, channels: 1 });
  expect([...files.decodeMask(bytes).mask]).toEqual([3, 0, 2, 1, 3, 1, 1, 0, 2, 0]);
  expect([...files.decodePicture(bytes).pixels]).toEqual([255, 0, 170, 85, 255, 85, 85, 0, 170, 0]);
});

/** A JPEG without its first part of this marker, or with other bytes in its place. */
function withoutPart(bytes: Uint8Array, marker: number, instead: readonly number[] = []): Uint8Array {
  const at = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === marker);
  const length = 256 * (bytes[at + 2] as number) + (bytes[at + 3] as number);
  return Buffer.concat([bytes.subarray(0, at), Uint8Array.from(instead), bytes.subarray(at + 2 + length)]);
}

it("knows a JPEG of red, green and blue by the names of its components too", () => {
  const named = withoutPart(bytesOf("rgb jpeg"), 0xee);
  expect(named.length).toBeLessThan(bytesOf("rgb jpeg").length);
  expect(files.decodePicture(named)).toEqual(files.decodePicture(bytesOf("rgb jpeg")));
});

it("takes no proposed palette for the colours of a PNG", () => {
  const bytes = bytesOf("colours");
  const proposed = Buffer.concat([bytes.subarray(0, 33), chunk("PLTE", new Uint8Array(768)), bytes.subarray(33)]);
  expect(files.decodePicture(proposed)).toEqual(files.decodePicture(bytes));
});

describe("refuses with one line", () => {
  const changed = (name: string, at: number, values: readonly number[]): Uint8Array => {
    const bytes = bytesOf(name);
    bytes.set(values, at);
    return bytes;
  };
  it.each([
    ["what is neither", new TextEncoder().encode("GIF89a"), "cat.gif: neither a JPEG nor a PNG file"],
    ["nothing", new Uint8Array(), "cat.gif: neither a JPEG nor a PNG file"],
    [
      "a PNG that says it is huge",
      changed("grey", 16, [0x7f, 0xff, 0xff, 0xff]),
      /cat\.gif: not a readable PNG: its header says 2147483647 x 3 pixels/,
    ],
    ["a PNG without pixels", changed("grey", 16, [0, 0, 0, 0]), /not a readable PNG: its header says 0 x 3 pixels/],
    ["a PNG with other bytes", changed("colours", 45, [1]), /cat\.gif: not a readable PNG: CRC mismatch/],
    ["a PNG that is cut off", bytesOf("colours").subarray(0, 60), /cat\.gif: not a readable PNG: /],
    ["a PNG of a header", bytesOf("colours").subarray(0, 20), "cat.gif: not a readable PNG: its header is cut off"],
    ["a JPEG that is cut off", bytesOf("jpeg").subarray(0, 100), /cat\.gif: not a readable JPEG: /],
  ] as const)("%s", (_, bytes, message) => {
    const attempt = () => files.decodePicture(bytes, "cat.gif");
    expect(attempt).toThrow(message);
    expect(attempt).toThrow(/^[^\n]*$/);
  });

  it.each([
    [
      "more than its header says",
      pngOf(deflateSync(new Uint8Array(2 ** 20))),
      /its pixels do not unpack to 12 bytes \(Cannot create a Buffer larger than 12 bytes\)/,
    ],
    ["less than its header says", pngOf(deflateSync(new Uint8Array(11))), "it has fewer bytes than 3 x 3 pixels take"],
    ["two headers", pngOf(deflateSync(new Uint8Array(12)), header(30000, 2000)), "its header is not its first part, or not the only one"],
  ])("a PNG that unpacks to %s", (_, bytes, message) => {
    expect(() => files.decodePng(bytes, "bomb.png")).toThrow(message);
    expect(() => files.decodePng(bytes, "bomb.png")).toThrow(/^bomb\.png: not a readable PNG: /);
  });

  it.each([
    [[3, 8], "it has no palette, though its samples are places in one"],
    [[3, 16], "its header says 16 bits a sample of colour type 3, expected 1, 2, 4, 8"],
    [[2, 4], "its header says 4 bits a sample of colour type 2, expected 8, 16"],
    [[5, 8], "its header says 8 bits a sample of colour type 5, expected colour type 0, 2, 3, 4 or 6"],
    [[0, 2, 1], "it is interlaced with 2 bits a sample, which is not read: save it without interlacing"],
  ] as const)("a PNG of colour type, depth and interlacing %j", ([type, depth, interlace = 0], message) => {
    const rows = deflateSync(new Uint8Array(Math.ceil((3 * depth * (type === 2 ? 3 : 1)) / 8 + 1) * 3));
    const bytes = Buffer.concat([signature, header(3, 3, depth, type, interlace), chunk("IDAT", rows), chunk("IEND")]);
    expect(() => files.decodePng(bytes)).toThrow(`PNG: not a readable PNG: ${message}`);
  });

  it("a PNG with a pixel past its palette", () => {
    const rows = chunk("IDAT", deflateSync(Uint8Array.of(0, 0, 1, 2)));
    const bytes = Buffer.concat([signature, header(3, 1, 8, 3), chunk("PLTE", new Uint8Array(6)), rows, chunk("IEND")]);
    expect(() => files.decodePng(bytes)).toThrow("PNG: not a readable PNG: a pixel is colour 2 of a palette of 2");
  });

  it("a PNG of more bytes than memory is for", () => {
    const bytes = Buffer.concat([signature, header(8000, 8000, 16, 6), chunk("IDAT", deflateSync(new Uint8Array(9))), chunk("IEND")]);
    expect(() => files.decodePng(bytes)).toThrow(
      "PNG: not a readable PNG: its header says 64 bits a pixel, more than 268435456 bytes in all",
    );
  });

  it("a JPEG of a huge size, of two, of none, or of more scans than a camera writes", () => {
    const bytes = bytesOf("grey jpeg");
    const frame = bytes.indexOf(
      0xc0,
      bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0),
    );
    const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
    const resized = (height: number) => {
      const changed = Uint8Array.from(bytes);
      new DataView(changed.buffer).setUint16(frame + 4, height);
      new DataView(changed.buffer).setUint16(frame + 6, 65000);
      return changed;
    };
    const huge = "JPEG: not a readable JPEG: its header says 65000 x 65000 pixels, expected at least one and at most 67108864";
    expect(() => files.decodeJpeg(resized(65000))).toThrow(huge);
    expect(() => files.decodeJpeg(resized(0))).toThrow("its header says 65000 x 0 pixels");
    const twice = Buffer.concat([bytes.subarray(0, scan), bytes.subarray(frame - 1, scan), bytes.subarray(scan)]);
    expect(() => files.decodeJpeg(twice)).toThrow("JPEG: not a readable JPEG: it has two frames");
    const scans = Array.from({ length: 20 }, () => bytes.subarray(scan, scan + 10));
    const busy = Buffer.concat([resized(1000).subarray(0, scan), ...scans, bytes.subarray(scan)]);
    expect(() => files.decodeJpeg(busy)).toThrow(
      "JPEG: not a readable JPEG: it has 21 scans of 65000 x 1000 pixels: no camera writes so many",
    );
    expect(() => files.decodeJpeg(bytes.subarray(0, frame - 1))).toThrow("JPEG: not a readable JPEG: it has no frame");
  });

  it("a JPEG without a scan, of other samples, or of restarts that do not divide it", () => {
    const bytes = bytesOf("grey jpeg");
    const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
    const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
    const inserted = (...part: readonly number[]) => Buffer.concat([bytes.subarray(0, scan), Uint8Array.from(part), bytes.subarray(scan)]);
    expect(() => files.decodeJpeg(withoutPart(bytes, 0xda))).toThrow("JPEG: not a readable JPEG: it has no scan");
    expect(() => files.decodeJpeg(changed("grey jpeg", frame + 4, [12]))).toThrow("its header says 12 bits a sample, expected 8");
    // 16 x 24 pixels are 6 blocks.
    expect(() => files.decodeJpeg(inserted(0xff, 0xdd, 0, 4, 0, 4))).toThrow("it restarts every 4 of 6 grey blocks, which is not read");
    expect(files.decodeJpeg(inserted(0xff, 0xdd, 0, 4, 0, 6))).toEqual(files.decodeJpeg(bytes));
  });

  it("a JPEG that hides its scans in a part of a false length", () => {
    const bytes = changed("grey jpeg", 0, []);
    const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
    const scan = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xda);
    new DataView(bytes.buffer).setUint32(frame + 5, (8000 << 16) | 8000);
    const scans = Buffer.concat(Array.from({ length: 20 }, () => bytes.subarray(scan, scan + 10)));
    const hidden = (marker: number) =>
      Buffer.concat([bytes.subarray(0, scan), Uint8Array.of(0xff, marker, 0, 4 + scans.length, 0, 0), scans, bytes.subarray(scan)]);
    for (const marker of [0xdc, 0xdd])
      expect(() => files.decodeJpeg(hidden(marker))).toThrow(`its part ff${marker.toString(16)} has 204 bytes, expected 4`);
    expect(() => files.decodeJpeg(hidden(0xdb))).toThrow("it has 21 scans of 8000 x 8000 pixels: no camera writes so many");
  });

  it("a mask of colours", () => {
    expect(() => files.decodeMask(bytesOf("colours"), "cat.png")).toThrow(
      "cat.png: 3 channels of 0 to 255, expected a PNG whose grey values or palette indices are classes",
    );
  });
});

import { readFileSync } from "node:fs";
import { encode } from "fast-png";
import { files } from "kasane/node";
import { describe, expect, it } from "vitest";

interface Expected {
  readonly file: string;
  readonly shape: readonly [channels: number, height: number, width: number];
  readonly pixels: readonly number[];
  readonly mask?: readonly number[];
}

/** What Pillow reads: test/fixtures/pictures.py. */
const fixture = JSON.parse(readFileSync(new URL("../fixtures/pictures.json", import.meta.url), "utf8")) as Record<string, Expected>;
const bytesOf = (name: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from((fixture[name] as Expected).file, "base64"));

describe.each(Object.entries(fixture))("%s", (name, { shape: [channels, height, width], pixels }) => {
  it("has Pillow's pixels", () => {
    const picture = files.decodePicture(bytesOf(name), name);
    const isGrey = channels === 1;
    expect([picture.channels, picture.height, picture.width]).toEqual([channels, height, width]);
    // Light and colour may each be rounded otherwise: blue is the light and 1.772 times a colour. So may what lies on white.
    const bound = name === "jpeg" || name === "progressive" ? 3 : Number(name === "opaque in part");
    expect(Math.max(...picture.pixels.map((value, i) => Math.abs(value - (pixels[i] as number))))).toBeLessThanOrEqual(bound);
    const other = files.decodePicture(bytesOf(name), name, isGrey ? 3 : 1);
    expect(other.pixels.length).toBe((isGrey ? 3 : 1) * height * width);
    if (isGrey) expect([...other.pixels.subarray(2 * height * width)]).toEqual(pixels);
  });
});

it("reads the places of a palette as classes", () => {
  expect([...files.decodeMask(bytesOf("palette")).mask]).toEqual(fixture.palette?.mask);
});

it("reads grey of few bits, whose rows begin at bytes", () => {
  // Rows of five samples of two bits: 3 0 2 1, 3; then 1 1 0 2, 0.
  const data = Uint8Array.of(0b11_00_10_01, 0b11_000000, 0b01_01_00_10, 0);
  const bytes = encode({ width: 5, height: 2, data, depth: 2, channels: 1 });
  expect([...files.decodeMask(bytes).mask]).toEqual([3, 0, 2, 1, 3, 1, 1, 0, 2, 0]);
  expect([...files.decodePicture(bytes).pixels]).toEqual([255, 0, 170, 85, 255, 85, 85, 0, 170, 0]);
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

  it("a mask of colours", () => {
    expect(() => files.decodeMask(bytesOf("colours"), "cat.png")).toThrow(
      "cat.png: 3 channels of 0 to 255, expected a PNG whose grey values or palette indices are classes",
    );
  });
});

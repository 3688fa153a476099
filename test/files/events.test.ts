import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { threadId } from "node:worker_threads";
import { inflateSync } from "node:zlib";
import { files } from "kasane/node";
import { describe, expect, it } from "vitest";
import { crc32 } from "../../src/files/crc.js";
import { writeSampleEvents } from "./sampleEvents.js";

/** The contents of a TFRecord file's records. */
function recordsOf(file: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    records.push(file.subarray(at + 12, at + 12 + length));
    at += length + 16;
  }
  return records;
}

describe("EventWriter", () => {
  it("writes the bytes that TensorBoard was seen to read (test/fixtures/train.py)", async () => {
    const ours = await readFile(writeSampleEvents(await mkdtemp(join(tmpdir(), "kasane-"))));
    const seen = await readFile("test/fixtures/kasane.tfevents");
    const [records, expected] = [recordsOf(ours), recordsOf(seen)];
    expect(records).toHaveLength(11);
    // All but the image are the same on every version of zlib.
    expect(records.slice(0, 10)).toEqual(expected.slice(0, 10));
    const before = records.slice(0, 10).reduce((length, record) => length + record.length + 16, 0);
    expect(ours.subarray(0, before)).toEqual(seen.subarray(0, before));
  });

  it("gives each writer a file of its own", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kasane-"));
    const [a, b] = [new files.EventWriter(folder, () => 7), new files.EventWriter(folder, () => 7)];
    expect(a.file).not.toBe(b.file);
    expect(a.file).toContain("events.out.tfevents.0000000007.");
    expect(a.file).toContain(`.${process.pid}.${threadId}.`);
    a.close();
    b.close();
  });

  it("takes steps that are integers from 0 only, and integers of any kind as a histogram", async () => {
    const writer = new files.EventWriter(await mkdtemp(join(tmpdir(), "kasane-")), () => 7);
    for (const step of [-5, 1.5]) {
      expect(() => writer.restart(step)).toThrow(`EventWriter: got step ${step}, expected an integer from 0`);
      expect(() => writer.scalar("loss", step, 0)).toThrow(`EventWriter: got step ${step}, expected an integer from 0`);
    }
    writer.histogram("ids", 1, [1, 2, 5]);
    writer.histogram("ids", 1, BigInt64Array.of(1n, 2n, 5n));
    writer.close();
    const [, numbers, integers] = recordsOf(await readFile(writer.file));
    expect(integers).toEqual(numbers);
  });
});

describe("checks", () => {
  it("gives the check values of the catalogue of CRC algorithms", () => {
    const text = new TextEncoder().encode("123456789");
    expect(crc32(0x82f63b78)(text)).toBe(0xe3069283);
    expect(crc32(0xedb88320)(text)).toBe(0xcbf43926);
  });
});

describe("encodePng", () => {
  it.each([
    [1, 0],
    [2, 4],
    [3, 2],
    [4, 6],
  ] as const)("writes %i channels as colour type %i", (channels, colourType) => {
    const data = Uint8Array.from({ length: 2 * 5 * channels }, (_, i) => 7 * i);
    const png = Buffer.from(files.encodePng({ height: 2, width: 5, channels, data }));
    expect(png.subarray(0, 8).toString("latin1")).toBe("\x89PNG\r\n\x1a\n");
    expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24], png[25]]).toEqual([5, 2, 8, colourType]);
    const length = png.readUInt32BE(33);
    expect(png.subarray(37, 41).toString()).toBe("IDAT");
    const rows = inflateSync(png.subarray(41, 41 + length));
    const [first, second] = [rows.subarray(0, 5 * channels + 1), rows.subarray(5 * channels + 1)];
    expect([first[0], second[0]]).toEqual([0, 0]);
    expect([...first.subarray(1), ...second.subarray(1)]).toEqual([...data]);
    // The last block of every PNG file.
    expect(png.subarray(-12).toString("hex")).toBe("0000000049454e44ae426082");
  });

  it("refuses pixels that do not fill the image", () => {
    expect(() => files.encodePng({ height: 2, width: 2, channels: 3, data: new Uint8Array(11) })).toThrow(
      /11 bytes for 2 x 2.*expected 12/,
    );
    expect(() => files.encodePng({ height: 2, width: 2.5, channels: 1, data: new Uint8Array(5) })).toThrow(
      "PNG: got 2 x 2.5 pixels, expected integers from 1",
    );
  });
});

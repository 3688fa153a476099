import { gzipSync } from "node:zlib";
import { datasets } from "kasane/node";
import { describe, expect, it } from "vitest";
import { tarHeader, tarOf } from "./makeTar.js";

const text = (bytes: Uint8Array | undefined) => new TextDecoder().decode(bytes);
const end = new Uint8Array(1024);

it("reads the files of an archive", () => {
  const files = datasets.readTarGz(gzipSync(tarOf({ "top/a.txt": "first", "top/empty": "", "top/b.txt": "x".repeat(1500) })));
  expect([...files.keys()]).toEqual(["top/a.txt", "top/empty", "top/b.txt"]);
  expect(text(files.get("top/a.txt"))).toBe("first");
  expect(files.get("top/empty")).toHaveLength(0);
  expect(files.get("top/b.txt")).toHaveLength(1500);
});

it("joins the prefix of a long name", () => {
  const header = tarHeader("name.txt", 2, { prefix: "a/long/path" });
  const body = new Uint8Array(512);
  body.set([104, 105]);
  expect(text(datasets.readTar(Buffer.concat([header, body, end])).get("a/long/path/name.txt"))).toBe("hi");
});

it("passes over folders and pax headers", () => {
  const archive = Buffer.concat([tarHeader("top/", 0, { type: "5" }), tarHeader("x", 0, { type: "g" }), tarOf({ "top/a": "1" })]);
  expect([...datasets.readTar(archive).keys()]).toEqual(["top/a"]);
});

/** A record of a pax header, of 10 to 99 bytes. */
const record = (text: string) => `${new TextEncoder().encode(text).length + 4} ${text}\n`;

/** A pax header of records, which belong to the entry behind it. */
function pax(records: string, type = "x"): Buffer {
  const body = new TextEncoder().encode(records);
  const padded = new Uint8Array(Math.ceil(body.length / 512) * 512);
  padded.set(body);
  return Buffer.concat([tarHeader("PaxHeader", body.length, { type }), padded]);
}

it("reads names and sizes of pax headers, each for the next entry", () => {
  const first = pax(record("path=s/猫/a.wav") + record("size=2") + record("mtime=1700000000.5"));
  const body = new Uint8Array(512).fill(104, 0, 2);
  const archive = Buffer.concat([first, tarHeader("s/?/a.wav", 0), body, tarOf({ "s/cat/b": "1" })]);
  const files = datasets.readTar(archive);
  expect([...files.keys()]).toEqual(["s/猫/a.wav", "s/cat/b"]);
  expect(text(files.get("s/猫/a.wav"))).toBe("hh");
});

describe("refuses a hostile or damaged archive, naming it", () => {
  const good = tarOf({ "top/a.txt": "first" });
  const changed = (at: number, value: number) => {
    const copy = Uint8Array.from(good);
    copy[at] = value;
    return copy;
  };
  const cases: [what: string, archive: Uint8Array, message: RegExp][] = [
    ["a name above the folder", tarOf({ "top/../../etc/passwd": "x" }), /leads outside/],
    ["an absolute name", tarOf({ "/etc/passwd": "x" }), /leads outside/],
    ["a name with a drive", tarOf({ "C:/x": "x" }), /leads outside/],
    ["a name with backslashes", tarOf({ "..\\x": "x" }), /leads outside/],
    ["a name that steers a terminal", tarOf({ "a\u001b[2J": "x" }), /the name "a\\u001b\[2J" has control characters/],
    ["a name twice", Buffer.concat([tarOf({ a: "1" }).subarray(0, 1024), tarOf({ a: "2" })]), /it holds "a" twice/],
    ["no name", tarOf({ "": "x" }), /leads outside/],
    ["a symbolic link", Buffer.concat([tarHeader("link", 0, { type: "2" }), end]), /no plain file/],
    ["a hard link", Buffer.concat([tarHeader("link", 0, { type: "1" }), end]), /no plain file/],
    ["a device", Buffer.concat([tarHeader("tty", 0, { type: "3" }), end]), /no plain file/],
    ["a size past the end", Buffer.concat([tarHeader("a", 2 ** 32), end]), /cut off: "a" should have 4294967296 bytes, 1024 are left/],
    ["a size in base 256", Buffer.concat([tarHeader("a", 0, { size: Uint8Array.of(0x80, 0xff, 0xff, 0xff) }), end]), /no octal number/],
    ["a negative size", Buffer.concat([tarHeader("a", 0, { size: new TextEncoder().encode("-0000000001") }), end]), /no octal number/],
    ["a changed byte", changed(0, 0x75), /fails its checksum/],
    ["a body cut off", good.subarray(0, 514), /cut off/],
    ["a header cut off", good.subarray(0, 100), /no end mark/],
    ["no end mark", good.subarray(0, 1024), /no end mark/],
    ["a pax name above the folder", Buffer.concat([pax(record("path=../../b")), tarOf({ a: "x" })]), /leads outside/],
    ["a pax record cut off", Buffer.concat([pax("99 path=b\n"), tarOf({ a: "x" })]), /pax header has a record of another length/],
    ["a pax record without a length", Buffer.concat([pax("path=b\n"), tarOf({ a: "x" })]), /pax header has a record of another length/],
    ["a pax size that is none", Buffer.concat([pax(record("size=-1")), tarOf({ a: "x" })]), /pax header says the size "-1"/],
    ["a sparse file", Buffer.concat([pax(record("GNU.sparse.major=1")), tarOf({ a: "x" })]), /a file in it is stored as sparse/],
    ["no bytes at all", new Uint8Array(0), /no end mark/],
  ];
  it.each(cases)("%s", (_, archive, message) => {
    expect(() => datasets.readTar(archive, "x.tar")).toThrow(message);
    expect(() => datasets.readTar(archive, "x.tar")).toThrow(/^x\.tar: /);
  });

  it("what is no gzip, or cut off", () => {
    expect(() => datasets.readTarGz(Buffer.from("no gzip"), { name: "x.tar.gz" })).toThrow(/^x\.tar\.gz: not a readable \.tar\.gz/);
    const packed = gzipSync(good);
    expect(() => datasets.readTarGz(packed.subarray(0, packed.length - 12))).toThrow(/not a readable/);
  });

  it("one that unpacks to more than is allowed", () => {
    const bomb = gzipSync(new Uint8Array(10_000_000));
    expect(() => datasets.readTarGz(bomb, { limit: 1_000_000 })).toThrow(/unpacks to more than 1000000 bytes/);
    // By default a small archive may not become very large, whatever it says at its end.
    const larger = gzipSync(new Uint8Array(200_000_000));
    expect(larger.length).toBeLessThan(300_000);
    expect(() => datasets.readTarGz(larger)).toThrow(/unpacks to more than \d+ bytes/);
    larger.writeUInt32LE(1000, larger.length - 4);
    expect(() => datasets.readTarGz(larger)).toThrow(/unpacks to more than \d+ bytes/);
  });
});

import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { files } from "kasane/node";
import { expect, it, vi } from "vitest";

/** Where the disk is full. */
const disk = vi.hoisted(() => ({ size: Number.POSITIVE_INFINITY }));

// A system that takes seven bytes at a time.
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const writeSync = (descriptor: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
    if (position >= disk.size) throw Object.assign(new Error("full"), { code: "ENOSPC", errno: -28 });
    return fs.writeSync(descriptor, bytes, offset, Math.min(7, length), position);
  };
  return { ...fs, default: { ...fs, writeSync }, writeSync };
});

it("EventWriter leaves no part of an event on a full disk, and goes on when there is room", async () => {
  const writer = new files.EventWriter(await mkdtemp(join(tmpdir(), "kasane-")), () => 1);
  writer.scalar("loss", 1, 1);
  const whole = await readFile(writer.file);
  disk.size = whole.length + 10;
  expect(() => writer.text("note", 2, "x".repeat(1000))).toThrow("the disk is full: make room (ENOSPC)");
  expect(await readFile(writer.file)).toEqual(whole);
  disk.size = Number.POSITIVE_INFINITY;
  writer.scalar("loss", 1, 1);
  const firstEvent = Number(whole.readBigUInt64LE()) + 16;
  expect(await readFile(writer.file)).toEqual(Buffer.concat([whole, whole.subarray(firstEvent)]));
  writer.close();
});

it("EventWriter writes on where the system takes a part of an event", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kasane-"));
  const writer = new files.EventWriter(folder, () => 1);
  writer.text("note", 1, "x".repeat(1000));
  writer.close();
  const bytes = await readFile(writer.file);
  let at = 0;
  const lengths = [];
  while (at < bytes.length) {
    const length = Number(bytes.readBigUInt64LE(at));
    lengths.push(length);
    at += length + 16;
  }
  expect(at).toBe(bytes.length);
  expect(lengths).toHaveLength(2);
  expect(lengths[1]).toBeGreaterThan(1000);
});

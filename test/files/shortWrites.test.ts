import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { files } from "kasane/node";
import { expect, it, vi } from "vitest";

// A system that takes seven bytes at a time.
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const writeSync = (descriptor: number, bytes: Uint8Array, offset = 0) =>
    fs.writeSync(descriptor, bytes, offset, Math.min(7, bytes.length - offset));
  return { ...fs, default: { ...fs, writeSync }, writeSync };
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

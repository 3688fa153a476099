import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StoredTensor } from "kasane";
import { files } from "kasane/node";
import { beforeAll, describe, expect, it } from "vitest";

const { readSafetensors, readSafetensorsHeader, writeSafetensors } = files;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kasane-"));
});

const stored = (dtype: StoredTensor["dtype"], shape: number[], data: StoredTensor["data"]): StoredTensor => ({ dtype, shape, data });

/** The tensors of test/fixtures/train.py. */
const fixture = new Map<string, StoredTensor>([
  ["weight", stored("float32", [2, 3], new Float32Array([1.5, -2.25, 3, 0.1, 1e-30, -1e30]))],
  ["double", stored("float64", [3], new Float64Array([Math.PI, -0, Number.POSITIVE_INFINITY]))],
  ["half", stored("float16", [3, 1], new Uint16Array([0x3c00, 0xfbff, 0x0001]))],
  ["long", stored("int64", [2], new BigInt64Array([2n ** 62n, -1n]))],
  ["int", stored("int32", [1, 1, 2], new Int32Array([-(2 ** 31), 7]))],
  ["byte", stored("uint8", [3], new Uint8Array([0, 255, 3]))],
  ["signed", stored("int8", [2], new Int8Array([-128, 127]))],
  ["flag", stored("bool", [3], new Uint8Array([1, 0, 1]))],
  ["scalar", stored("float32", [], new Float32Array([42]))],
  ["empty", stored("float32", [0, 4], new Float32Array(0))],
  ['na"me\\ü', stored("float32", [1], new Float32Array([1]))],
]);
const notes = { format: "np", note: 'a "quoted" ü' };

/** A file of the given header, of a length that need not be true, and as many bytes of data. */
async function craft(header: string | Uint8Array, data = 0, length?: bigint): Promise<string> {
  const bytes = typeof header === "string" ? new TextEncoder().encode(header) : header;
  const whole = new Uint8Array(8 + bytes.length + data);
  new DataView(whole.buffer).setBigUint64(0, length ?? BigInt(bytes.length), true);
  whole.set(bytes, 8);
  const file = join(folder, "crafted.safetensors");
  await writeFile(file, whole);
  return file;
}

const entry = (shape: number[], begin: number, end: number, dtype = "F32") => JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

describe("safetensors", () => {
  it("reads a file that the Python package wrote", async () => {
    const { tensors, metadata } = await readSafetensors("test/fixtures/train.safetensors");
    expect(Object.fromEntries(metadata)).toEqual(notes);
    expect(new Map([...tensors].sort())).toEqual(new Map([...fixture].sort()));
  });

  it("reads back what it wrote, and aligns every tensor", async () => {
    const file = join(folder, "written.safetensors");
    await writeSafetensors(file, fixture, notes);
    const { tensors, metadata } = await readSafetensors(file);
    expect(Object.fromEntries(metadata)).toEqual(notes);
    expect(new Map([...tensors].sort())).toEqual(new Map([...fixture].sort()));
    const header = await readSafetensorsHeader(file);
    const bytes = await readFile(file);
    expect(Number(bytes.readBigUInt64LE(0)) % 8).toBe(0);
    for (const [name, { begin }] of header.tensors) {
      expect(begin % (fixture.get(name)?.data.BYTES_PER_ELEMENT ?? 0), name).toBe(0);
    }
  });

  it("is byte for byte the file that the Python package read", async () => {
    const file = join(folder, "same.safetensors");
    await writeSafetensors(file, fixture, notes);
    expect(await readFile(file)).toEqual(await readFile("test/fixtures/kasane.safetensors"));
  });

  it("reads only the tensors that are wanted", async () => {
    const { tensors } = await readSafetensors("test/fixtures/train.safetensors", (name) => name === "int");
    expect([...tensors.keys()]).toEqual(["int"]);
  });

  it("reads types that have no like here as the smallest that holds their values, and names those that it cannot read", async () => {
    // 1, -2.5 and infinity in bfloat16 are the upper halves of their float32.
    const parts: [string, string, Uint8Array][] = [
      ["bf16", "BF16", new Uint8Array(new Uint16Array([0x3f80, 0xc020, 0x7f80]).buffer)],
      ["i16", "I16", new Uint8Array(new Int16Array([-32768, 32767]).buffer)],
      ["u16", "U16", new Uint8Array(new Uint16Array([0, 65535]).buffer)],
      ["u32", "U32", new Uint8Array(new Uint32Array([0, 4294967295]).buffer)],
      ["u64", "U64", new Uint8Array(new BigUint64Array([0n, 2n ** 63n - 1n]).buffer)],
      ["f8", "F8_E4M3", new Uint8Array([1, 2, 3])],
    ];
    let begin = 0;
    const entries = parts.map(([name, dtype, { length }]) => {
      const shape = [length / ({ BF16: 2, I16: 2, U16: 2, U32: 4, U64: 8 }[dtype] ?? 1)];
      begin += length;
      return `"${name}":${entry(shape, begin - length, begin, dtype)}`;
    });
    const file = await craft(`{${entries.join()}}`, begin);
    const bytes = await readFile(file);
    bytes.set(Buffer.concat(parts.map(([, , data]) => data)), bytes.length - begin);
    await writeFile(file, bytes);
    const { tensors } = await readSafetensors(file, (name) => name !== "f8");
    expect(Object.fromEntries(tensors)).toEqual({
      bf16: stored("float32", [3], new Float32Array([1, -2.5, Number.POSITIVE_INFINITY])),
      i16: stored("int32", [2], new Int32Array([-32768, 32767])),
      u16: stored("int32", [2], new Int32Array([0, 65535])),
      u32: stored("int64", [2], new BigInt64Array([0n, 4294967295n])),
      u64: stored("int64", [2], new BigInt64Array([0n, 2n ** 63n - 1n])),
    });
    await expect(readSafetensors(file)).rejects.toThrow(/tensor "f8" has dtype "F8_E4M3", expected one of .*: read the others alone/);
    expect((await readSafetensorsHeader(file)).tensors.get("f8")).toMatchObject({ format: "F8_E4M3", dtype: undefined });
    bytes.set(new Uint8Array(new BigUint64Array([2n ** 63n]).buffer), bytes.length - 3 - 8);
    await writeFile(file, bytes);
    await expect(readSafetensors(file, (name) => name === "u64")).rejects.toThrow(
      /element 1 is 9223372036854775808, more than int64 holds/,
    );
  });

  it.runIf(process.platform !== "win32")("does not wait for a pipe, and reads no device", async () => {
    const pipe = join(folder, "pipe.safetensors");
    spawnSync("mkfifo", [pipe]);
    for (const file of [pipe, "/dev/zero"]) {
      await expect(readSafetensors(file)).rejects.toThrow(`${file}: not a file`);
      expect(() => files.readIfThere(file, 100)).toThrow(`${file} cannot be read: it is no plain file`);
    }
  });

  it("shows nothing of a file that steers a terminal, and little of it", async () => {
    const file = await craft(`{"a\\u001b[2J\\n${"x".repeat(5000)}":{"dtype":"\\u001b]0;title\\u0007","shape":[],"data_offsets":[0,0]}}`);
    const error = (await readSafetensors(file).catch((e: unknown) => e)) as Error;
    expect(error.message).toContain("a\\u001b[2J\\nxxx");
    expect(error.message).toMatch(/^[^\p{Cc}]+$/u);
    expect(error.message.length).toBeLessThan(file.length + 300);
  });

  it("names the file that is missing, and refuses a folder", async () => {
    await expect(readSafetensors(join(folder, "none.safetensors"))).rejects.toThrow(/none\.safetensors: no such file/);
    await expect(readSafetensors(folder)).rejects.toThrow(/not a file|cannot be read/);
  });

  it("refuses to write what it could not read", async () => {
    const file = join(folder, "refused.safetensors");
    await expect(writeSafetensors(file, new Map([["x", stored("float32", [3], new Float32Array(2))]]))).rejects.toThrow(
      /2 elements.*float32\[3\]/,
    );
    await expect(writeSafetensors(file, new Map(), { format: "np", step: 3 as never })).rejects.toThrow(
      'metadata "step" is a number, expected a string',
    );
    await expect(writeSafetensors(file, new Map([["__metadata__", stored("float32", [], new Float32Array(1))]]))).rejects.toThrow(
      /__metadata__/,
    );
    expect(await readdir(folder)).not.toContain("refused.safetensors");
  });

  it.each<[string, string, number, RegExp]>([
    ["no JSON", "hello", 0, /"h" at character 0 of the header, expected "\{"/],
    ["an array", "[]", 0, /expected "\{"/],
    ["JSON cut short", '{"a":', 0, /the end at character 5 of the header/],
    ["text after it", "{} x", 0, /"x" at character 3 of the header, expected the end/],
    ["a key twice", `{"a":${entry([1], 0, 4)},"a":${entry([1], 0, 4)}}`, 4, /has the key "a" twice/],
    ["a field twice", '{"a":{"dtype":"F32","dtype":"F32"}}', 4, /has the key "dtype" twice/],
    ["an unknown field", '{"a":{"type":"F32"}}', 4, /tensor "a" has a field "type"/],
    ["no shape", '{"a":{"dtype":"F32","data_offsets":[0,4]}}', 4, /tensor "a" is incomplete/],
    ["an unknown dtype", `{"a":${entry([2], 0, 2, "F8_E4M3")}}`, 2, /tensor "a" has dtype "F8_E4M3", expected one of BOOL, U8/],
    ["an unknown dtype that runs backwards", `{"a":${entry([1], 2, 0, "F4")}}`, 2, /lies at bytes 2 to 0/],
    ["a negative size", '{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', 4, /"-1\].*, expected an integer/],
    ["a broken size", '{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}', 4, /"\." at character/],
    ["a size past 2^53", '{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}', 4, /integer below 2\^53/],
    ["a product that overflows", `{"a":${entry([2 ** 40, 2 ** 40], 0, 4)}}`, 4, /bytes, which F32\[1099511627776, 1099511627776\] takes/],
    ["a product that would wrap to its bytes", `{"a":${entry([2 ** 32, 2 ** 30], 0, 0)}}`, 0, /tensor "a" lies at bytes 0 to 0/],
    ["too few bytes for the shape", `{"a":${entry([2], 0, 4)}}`, 4, /lies at bytes 0 to 4, expected 8 bytes/],
    ["offsets that run backwards", `{"a":${entry([1], 8, 4)}}`, 8, /lies at bytes 8 to 4, expected 4 bytes/],
    [
      "data past the end",
      `{"a":${entry([2 ** 40], 0, 2 ** 42)}}`,
      4,
      /ends at byte 4398046511104 of the data, expected at most 4: the file is truncated/,
    ],
    ["a gap", `{"a":${entry([1], 0, 4)},"b":${entry([1], 8, 12)}}`, 12, /tensor "b" begins at byte 8 of the data, expected 4.*gap/],
    ["an overlap", `{"a":${entry([2], 0, 8)},"b":${entry([1], 4, 8)}}`, 8, /tensor "b" begins at byte 4 of the data, expected 8.*overlap/],
    ["bytes after the last tensor", `{"a":${entry([1], 0, 4)}}`, 5, /5 bytes of data, expected 4/],
    ["metadata that is no string", '{"__metadata__":{"a":1}}', 0, /"1" at character 21 of the header, expected a string/],
    ["deep JSON", "[".repeat(1_000_000), 0, /expected "\{"/],
    ["deep JSON inside", `{"a":${"[".repeat(1_000_000)}`, 0, /"\[" at character 5/],
    ["a long shape", `{"a":{"shape":[${"1,".repeat(1_000_000)}1]}}`, 0, /a longer list, expected at most 64/],
    ["a long name", `{"${"x".repeat(1_000_000)}":1}`, 0, /"1" at character 1000004/],
    ["an open string", `{"${"\\".repeat(999_999)}`, 0, /expected a string of JSON/],
  ])("refuses %s", async (_, header, data, message) => {
    const file = await craft(header, data);
    const error = await readSafetensors(file).catch((e: unknown) => e as Error);
    expect(error).toMatchObject({ name: "KasaneError" });
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toContain("crafted.safetensors: ");
    expect((error as Error).message.length).toBeLessThan(600);
  });

  it("refuses a header that is not UTF-8, and a bool that is neither", async () => {
    await expect(readSafetensors(await craft(new Uint8Array([0x7b, 0xff, 0x7d])))).rejects.toThrow(/not UTF-8/);
    const file = await craft(`{"a":${entry([1], 0, 1, "BOOL")}}`, 1);
    const bytes = await readFile(file);
    bytes[bytes.length - 1] = 2;
    await writeFile(file, bytes);
    await expect(readSafetensors(file)).rejects.toThrow(/tensor "a": element 0 is 2, expected 0 or 1/);
  });

  it("believes no length that the file does not have, and allocates nothing for it", async () => {
    const before = process.memoryUsage().arrayBuffers;
    for (const length of [100n, 2n ** 24n, 2n ** 40n, 2n ** 63n, 2n ** 64n - 1n]) {
      await expect(readSafetensors(await craft("{}", 0, length))).rejects.toThrow(/a header of \d+ bytes/);
    }
    // Sparse: 8 GiB long, and nothing in it.
    const sparse = await craft("{}", 0, 2n ** 33n - 8n);
    await truncate(sparse, 2 ** 33);
    await expect(readSafetensors(sparse)).rejects.toThrow(/a header of 8589934584 bytes, expected at most/);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  });

  it("tells of a truncated file at every length", async () => {
    const whole = await readFile("test/fixtures/train.safetensors");
    const file = join(folder, "short.safetensors");
    for (let length = 0; length < whole.length; length += length < 16 ? 1 : 37) {
      await writeFile(file, whole.subarray(0, length));
      await expect(readSafetensors(file), `${length} bytes`).rejects.toMatchObject({ name: "KasaneError" });
    }
  });

  it("gives a clear error or the tensors for any damaged byte of the header", async () => {
    const whole = await readFile("test/fixtures/train.safetensors");
    const file = join(folder, "damaged.safetensors");
    const headerEnd = 8 + Number(whole.readBigUInt64LE(0));
    let refused = 0;
    for (let place = 0; place < headerEnd; place += 3) {
      const damaged = Buffer.from(whole);
      damaged[place] = (damaged[place] as number) ^ 0x11;
      await writeFile(file, damaged);
      const error = await readSafetensors(file).then(
        () => undefined,
        (e: unknown) => e as Error,
      );
      if (error) expect(error, `byte ${place}: ${error.stack}`).toMatchObject({ name: "KasaneError" });
      if (error) refused++;
    }
    expect(refused).toBeGreaterThan(50);
  });
});

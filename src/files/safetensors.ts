import { type FileHandle, open } from "node:fs/promises";
import { endianness } from "node:os";
import { arrayOf, type TypedArray } from "../graph/dtype.js";
import { check, KasaneError } from "../graph/error.js";
import { showShape, sizeOf } from "../graph/shape.js";
import type { StoredTensor } from "../graph/tensor.js";
import { writeAtomically } from "./atomicWrite.js";
import { formatTypes, parseHeader, type SafetensorsHeader, type TensorEntry } from "./safetensorsHeader.js";

export type { SafetensorsHeader, TensorEntry } from "./safetensorsHeader.js";

/** The bytes that hold the header's length. */
const prefix = 8;

/** Node reads and writes less than 2 GiB at a time. */
const chunk = 2 ** 30;

/** A header of 100,000 tensors is smaller; the length in a file is believed no further. */
const maximumHeader = 16 * 2 ** 20;

/**
 * Writes tensors in the safetensors format (huggingface.co/docs/safetensors), atomically: a crash leaves the old file or the new one.
 * Node only.
 * @param tensors by name
 * @param metadata strings that the header carries
 * @throws KasaneError where a tensor's data does not fill its shape, or the header would be larger than readers accept
 */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  checkByteOrder(file);
  // The widest elements first: then every tensor lies at a multiple of its element size.
  const ordered = [...tensors].sort(([, a], [, b]) => formatTypes[b.dtype].bytes - formatTypes[a.dtype].bytes);
  const header = headerOf(file, ordered, metadata);
  const length = new Uint8Array(prefix);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  await writeAtomically(file, async (handle) => {
    await writeAll(handle, length);
    await writeAll(handle, header);
    for (const [, { data }] of ordered) await writeAll(handle, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  });
}

function headerOf(file: string, ordered: readonly [string, StoredTensor][], metadata: Readonly<Record<string, string>>): Uint8Array {
  let begin = 0;
  const entries = ordered.map(([name, { dtype, shape, data }]) => {
    check(name !== "__metadata__", () => `${file}: a tensor is named __metadata__, which the format keeps for itself`);
    check(
      data instanceof arrayOf(dtype) && data.length === sizeOf(shape),
      () => `${file}: tensor "${name}": a ${data.constructor.name} of ${data.length} elements does not hold ${dtype}${showShape(shape)}`,
    );
    const entry = { dtype: formatTypes[dtype].name, shape, data_offsets: [begin, begin + data.byteLength] };
    begin += data.byteLength;
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  if (Object.keys(metadata).length > 0) entries.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const text = new TextEncoder().encode(`{${entries.join(",")}}`);
  // Spaces up to a multiple of 8: the data is aligned for every element type.
  const header = new Uint8Array(Math.ceil(text.length / 8) * 8).fill(0x20);
  header.set(text);
  check(
    header.length <= maximumHeader,
    () => `${file}: a header of ${header.length} bytes, expected at most ${maximumHeader}: keep large texts out of the metadata`,
  );
  return header;
}

async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, Math.min(chunk, bytes.length - done))).bytesWritten;
  }
}

/**
 * Reads the names, types and places of a file's tensors and its metadata, and none of the data. Node only.
 * @throws KasaneError where the file cannot be read or is no valid safetensors file
 */
export const readSafetensorsHeader = (file: string): Promise<SafetensorsHeader> =>
  withFile(file, async (handle) => (await readHeader(handle, file)).header);

/**
 * Reads the tensors of a safetensors file, each straight into its own array. The file is not trusted: nothing is allocated that
 * the file does not fill. Node only.
 * @param wanted says which tensors to read, by name; all by default
 * @throws KasaneError where the file cannot be read or is no valid safetensors file
 */
export function readSafetensors(
  file: string,
  wanted: (name: string) => boolean = () => true,
): Promise<{ tensors: Map<string, StoredTensor>; metadata: ReadonlyMap<string, string> }> {
  return withFile(file, async (handle) => {
    const { header, dataStart } = await readHeader(handle, file);
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of header.tensors) {
      if (!wanted(name)) continue;
      const data = await readTensor(handle, entry, dataStart, `${file}: tensor "${name}"`);
      tensors.set(name, { dtype: entry.dtype, shape: entry.shape, data });
    }
    return { tensors, metadata: header.metadata };
  });
}

async function withFile<T>(file: string, body: (handle: FileHandle) => Promise<T>): Promise<T> {
  checkByteOrder(file);
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, "r");
    return await body(handle);
  } catch (error) {
    if (error instanceof KasaneError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new KasaneError(code === "ENOENT" ? `${file}: no such file` : `${file}: cannot be read: ${message}`, { cause: error });
  } finally {
    await handle?.close();
  }
}

async function readHeader(handle: FileHandle, file: string): Promise<{ header: SafetensorsHeader; dataStart: number }> {
  const status = await handle.stat();
  check(status.isFile(), () => `${file}: not a file`);
  check(
    status.size >= prefix,
    () => `${file}: ${status.size} bytes, expected at least ${prefix}: not a safetensors file, or a truncated one`,
  );
  const start = new Uint8Array(prefix);
  await fillFrom(handle, start, 0, file);
  const length = new DataView(start.buffer).getBigUint64(0, true);
  check(
    length <= BigInt(maximumHeader),
    () => `${file}: a header of ${length} bytes, expected at most ${maximumHeader}: not a safetensors file, or a damaged one`,
  );
  const dataStart = prefix + Number(length);
  check(
    dataStart <= status.size,
    () => `${file}: a header of ${length} bytes in a file of ${status.size}: not a safetensors file, or a truncated one`,
  );
  const bytes = new Uint8Array(Number(length));
  await fillFrom(handle, bytes, prefix, file);
  return { header: parseHeader(decode(bytes, file), status.size - dataStart, file), dataStart };
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new KasaneError(`${file}: the header is not UTF-8 text: not a valid safetensors file`);
  }
}

async function readTensor(handle: FileHandle, { dtype, begin, end }: TensorEntry, dataStart: number, label: string): Promise<TypedArray> {
  const bytes = new Uint8Array(end - begin);
  await fillFrom(handle, bytes, dataStart + begin, label);
  if (dtype === "bool") {
    const place = bytes.findIndex((byte) => byte > 1);
    check(place < 0, () => `${label}: element ${place} is ${bytes[place]}, expected 0 or 1 in a bool tensor`);
  }
  return new (arrayOf(dtype))(bytes.buffer);
}

/** Reads as many bytes as `into` holds, from `position` of the file. */
async function fillFrom(handle: FileHandle, into: Uint8Array, position: number, label: string): Promise<void> {
  for (let done = 0; done < into.length; ) {
    const { bytesRead } = await handle.read(into, done, Math.min(chunk, into.length - done), position + done);
    check(bytesRead > 0, () => `${label}: ended after ${done} of ${into.length} bytes: the file shrank while it was read`);
    done += bytesRead;
  }
}

const checkByteOrder = (file: string): void =>
  check(endianness() === "LE", () => `${file}: safetensors are little-endian, and this machine is not`);

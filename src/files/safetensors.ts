import { type FileHandle, open } from "node:fs/promises";
import { endianness } from "node:os";
import { arrayOf, type DType, type TypedArray } from "../graph/dtype.js";
import { check, excerpt, KasaneError } from "../graph/error.js";
import { showShape, sizeOf } from "../graph/shape.js";
import type { StoredTensor } from "../graph/tensor.js";
import { writeAtomically } from "./atomicWrite.js";
import { fileError } from "./fileError.js";
import { openForReading } from "./readFile.js";
import { formatOf, formats } from "./safetensorsFormats.js";
import { parseHeader, type SafetensorsHeader, type TensorEntry } from "./safetensorsHeader.js";

export type { SafetensorsHeader, TensorEntry } from "./safetensorsHeader.js";

/** The bytes that hold the header's length. */
const prefix = 8;

/** Node reads and writes less than 2 GiB at a time. */
const chunk = 2 ** 30;

/** The largest header that is read. One of 100,000 tensors is smaller. */
const maximumHeader = 16 * 2 ** 20;

/** How many tensors an error names. */
const maximumNamed = 3;

/**
 * Writes tensors in the safetensors format (huggingface.co/docs/safetensors), atomically: a crash leaves the old file or the new one.
 * Node only.
 * @param tensors by name
 * @param metadata strings that the header carries
 * @throws KasaneError where a tensor's data does not fill its shape, or the header would be one that readers do not accept
 */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  checkByteOrder(file);
  // The widest elements first: then every tensor lies at a multiple of its element size.
  const ordered = [...tensors].sort(([, a], [, b]) => formatOf(b.dtype).bytes - formatOf(a.dtype).bytes);
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
    const entry = { dtype: formatOf(dtype).name, shape, data_offsets: [begin, begin + data.byteLength] };
    begin += data.byteLength;
    return `${JSON.stringify(name)}:${JSON.stringify(entry)}`;
  });
  const odd = Object.keys(metadata).find((key) => typeof metadata[key] !== "string");
  check(odd === undefined, () => `${file}: metadata "${excerpt(odd ?? "")}" is a ${typeof metadata[odd ?? ""]}, expected a string`);
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
 * the file does not fill. Types that Kasane lacks are read as the smallest that holds their values: BF16 as float32, I16 and U16 as
 * int32, U32 and U64 as int64. Node only.
 * @param wanted says which tensors to read, by name; all by default
 * @throws KasaneError where the file cannot be read or is no valid safetensors file, or naming the tensors that are wanted and have a type
 *   that cannot be read
 */
export function readSafetensors(
  file: string,
  wanted: (name: string) => boolean = () => true,
): Promise<{ tensors: Map<string, StoredTensor>; metadata: ReadonlyMap<string, string> }> {
  return withFile(file, async (handle) => {
    const { header, dataStart } = await readHeader(handle, file);
    const entries = [...header.tensors].filter(([name]) => wanted(name));
    const unknown = entries.filter(([, { dtype }]) => dtype === undefined);
    check(unknown.length === 0, () => {
      const named = unknown
        .slice(0, maximumNamed)
        .map(([name, { format }]) => `tensor "${excerpt(name, 60)}" has dtype "${excerpt(format, 20)}"`);
      const further = unknown.length > maximumNamed ? `, and ${unknown.length - maximumNamed} more` : "";
      return `${file}: ${named.join(", ")}${further}, expected one of ${[...formats.keys()].join(", ")}: read the others alone (wanted)`;
    });
    const tensors = new Map<string, StoredTensor>();
    for (const [name, entry] of entries) {
      const dtype = entry.dtype as DType;
      const data = await readTensor(handle, entry, dtype, dataStart, `${file}: tensor "${excerpt(name)}"`);
      tensors.set(name, { dtype, shape: entry.shape, data });
    }
    return { tensors, metadata: header.metadata };
  });
}

async function withFile<T>(file: string, body: (handle: FileHandle) => Promise<T>): Promise<T> {
  checkByteOrder(file);
  let handle: FileHandle | undefined;
  try {
    handle = await open(file, openForReading);
    return await body(handle);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new KasaneError(`${file}: no such file`, { cause: error });
    throw fileError(file, "cannot be read", error);
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

async function readTensor(
  handle: FileHandle,
  { format, begin, end }: TensorEntry,
  dtype: DType,
  dataStart: number,
  label: string,
): Promise<TypedArray> {
  const bytes = new Uint8Array(end - begin);
  await fillFrom(handle, bytes, dataStart + begin, label);
  return formats.get(format)?.convert?.(bytes.buffer, label) ?? new (arrayOf(dtype))(bytes.buffer);
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

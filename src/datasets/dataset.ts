import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { writeAtomically } from "../files/atomicWrite.js";
import { readIfThere } from "../files/readFile.js";
import { excerpt, KasaneError } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { readTarGz } from "./tar.js";

/** A public dataset: what its files are, how to know them, and where they live. */
export interface Dataset {
  /** Names its archive (`name.tar.gz`) and its folder. */
  readonly name: string;
  readonly title: string;
  readonly files: Readonly<Record<string, DatasetFile>>;
}

/** A file of a dataset. */
export interface DatasetFile {
  /** Its public home; packed by gzip where that ends with `.gz`. */
  readonly url: string;
  /** The SHA-256 of the file, in hexadecimal: of what is in it where it is packed, since packing differs from copy to copy. */
  readonly sha256: string;
}

/** Where {@link readDataset} looks. */
export interface DatasetOptions {
  /** A folder looked into first. */
  readonly folder?: string | undefined;
  /** Where downloads are kept. */
  readonly cache?: string;
  /** Bytes that a file or an archive may have, by default 1 GiB: more are neither read nor downloaded. */
  readonly limit?: number;
  /** Told of a download as it goes: bytes so far, and in all where the server says so. */
  readonly onDownload?: (file: string, received: number, total: number | undefined) => void;
}

/** More than any file here has, too little to fill a disk or the memory. */
const defaultLimit = 2 ** 30;

/** Where downloads are kept unless told otherwise. */
export const defaultCache = (): string => join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "kasane");

/**
 * Reads a dataset from the folder, else the cache, else its public home, from where it goes into the cache.
 * In the folder and the cache a file may lie by itself, packed by gzip (`file.gz`) or not, in a folder of the dataset's name, or in `name.tar.gz`.
 * @returns the files' bytes, by name
 * @throws KasaneError where a file is not found and cannot be downloaded (it says where to put it), or is not the published one
 */
export async function readDataset(dataset: Dataset, options: DatasetOptions = {}): Promise<Map<string, Uint8Array>> {
  const names = { folder: "optional", cache: "optional", limit: "optional", onDownload: "optional" } as const;
  checkOptions<DatasetOptions>("readDataset", options, names);
  const { folder, cache = defaultCache(), limit = defaultLimit, onDownload } = options;
  const found = new Map<string, Uint8Array>();
  const places = folder === undefined ? [cache] : [folder, cache];
  for (const place of places) collect(dataset, place, found, limit);
  for (const [file, { url, sha256 }] of Object.entries(dataset.files)) {
    if (found.has(file)) continue;
    const received = await download(dataset, file, places, limit, (received, total) => onDownload?.(file, received, total));
    const isPacked = url.endsWith(".gz");
    const bytes = isPacked ? unpacked(received, limit, url) : received;
    verify(bytes, sha256, url);
    await writeAtomically(join(cache, dataset.name, isPacked ? `${file}.gz` : file), received);
    found.set(file, bytes);
  }
  return found;
}

/** Adds the dataset's files that lie in `folder` and were not found before. */
function collect(dataset: Dataset, folder: string, found: Map<string, Uint8Array>, limit: number): void {
  const missing = () => Object.keys(dataset.files).filter((file) => !found.has(file));
  for (const file of missing()) {
    for (const path of [join(folder, dataset.name, file), join(folder, file)].flatMap((plain) => [plain, `${plain}.gz`])) {
      const read = readIfThere(path, limit);
      if (!read) continue;
      const bytes = path.endsWith(".gz") ? unpacked(read, limit, path) : read;
      verify(bytes, (dataset.files[file] as DatasetFile).sha256, path);
      found.set(file, bytes);
      break;
    }
  }
  if (missing().length === 0) return;
  const path = join(folder, `${dataset.name}.tar.gz`);
  const archive = readIfThere(path, limit);
  if (!archive) return;
  for (const [name, bytes] of readTarGz(archive, { name: path, limit })) {
    const file = basename(name);
    if (found.has(file) || !Object.hasOwn(dataset.files, file)) continue;
    verify(bytes, (dataset.files[file] as DatasetFile).sha256, `${file} in ${path}`);
    found.set(file, bytes);
  }
}

function unpacked(bytes: Uint8Array, limit: number, where: string): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw new KasaneError(`${where} cannot be unpacked as gzip (${(error as Error).message}): remove it or fetch it again`, {
      cause: error,
    });
  }
}

async function download(
  dataset: Dataset,
  file: string,
  places: readonly string[],
  limit: number,
  onProgress: (received: number, total: number | undefined) => void,
): Promise<Uint8Array> {
  const { url } = dataset.files[file] as DatasetFile;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(600_000) });
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status} ${response.statusText}`);
    const total = Number(response.headers.get("content-length")) || undefined;
    const tooLarge = () => new Error(`it has more than ${limit} bytes`);
    if (total !== undefined && total > limit) throw tooLarge();
    const parts: Uint8Array[] = [];
    let received = 0;
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      parts.push(part);
      received += part.length;
      if (received > limit) throw tooLarge();
      onProgress(received, total);
    }
    return Buffer.concat(parts);
  } catch (error) {
    const { message, cause } = error as Error;
    const reason = cause instanceof Error ? `${message}: ${cause.message}` : message;
    const cache = places.at(-1) as string;
    throw new KasaneError(
      `${dataset.title}: ${file} is not in ${places.join(" or ")}, and downloading ${url} failed (${excerpt(reason, 200)}): ` +
        `put ${file} into ${join(cache, dataset.name)}, or name a folder that holds it or ${dataset.name}.tar.gz with --data DIR or KASANE_DATA`,
      { cause: error },
    );
  }
}

function verify(bytes: Uint8Array, sha256: string, where: string): void {
  const got = createHash("sha256").update(bytes).digest("hex");
  if (got !== sha256) {
    throw new KasaneError(`${where} is not the published file: its SHA-256 is ${got}, expected ${sha256}: remove it or fetch it again`);
  }
}

import { gunzipSync } from "node:zlib";
import { check, excerpt, KasaneError, printable } from "../graph/error.js";

const block = 512;
/**
 * What an unpacked archive may hold at most unless told otherwise: enough for every dataset here, too little to exhaust memory. Texts
 * become 2 to 20 times as large, hostile archives 1,000 times.
 */
const defaultLimit = ({ length }: Uint8Array): number => Math.min(2 ** 30, Math.max(2 ** 24, 100 * length));

/**
 * Unpacks a `.tar.gz` (POSIX ustar and pax) in memory. Nothing is written, so no archive can reach outside its folder; still, a name that tries to is refused.
 * @param limit bytes that the unpacked archive may have at most, by default a hundred times the packed ones (16 MiB to 1 GiB)
 * @returns the files by their names in the archive; views of one buffer, not copies
 * @throws KasaneError where the archive is cut off, damaged, too large, or holds links, sparse files or names outside its folder
 */
export function readTarGz(bytes: Uint8Array, { name = "archive", limit = defaultLimit(bytes) } = {}): Map<string, Uint8Array> {
  let archive: Uint8Array;
  try {
    // A .gz ends with its unpacked size. Where that is true, the buffer is exactly as large as needed.
    const size = bytes.length < 4 ? 0 : new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
    if (size > limit) throw Object.assign(new Error(), { code: "ERR_BUFFER_TOO_LARGE" });
    archive = gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === "ERR_BUFFER_TOO_LARGE" ? `it unpacks to more than ${limit} bytes` : (error as Error).message;
    throw new KasaneError(`${name}: not a readable .tar.gz: ${reason}`, { cause: error });
  }
  return readTar(archive, name);
}

/** The files of an unpacked tar archive; see {@link readTarGz}. */
export function readTar(archive: Uint8Array, name = "archive"): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>();
  let at = 0;
  /** What a pax header says of the next entry. */
  let extended: PaxHeader = {};
  while (at + block <= archive.length) {
    const header = archive.subarray(at, at + block);
    if (header.every((byte) => byte === 0)) return files;
    check(checksumHolds(header), () => `${name}: damaged: the header at byte ${at} fails its checksum`);
    const type = String.fromCharCode(header[156] as number);
    const { path = [text(header, 345, 155), text(header, 0, 100)].filter((part) => part !== "").join("/"), size = octal(header, 124, 12) } =
      extended;
    extended = {};
    const shown = excerpt(path);
    check(size !== undefined, () => `${name}: damaged: the size of "${shown}" is no octal number`);
    const body = at + block;
    check(
      body + size <= archive.length,
      () => `${name}: cut off: "${shown}" should have ${size} bytes, ${Math.max(0, archive.length - body)} are left`,
    );
    if (type === "0" || type === "\0") {
      checkName(path, name);
      check(!files.has(path), () => `${name}: damaged: it holds "${shown}" twice`);
      files.set(path, archive.subarray(body, body + size));
    } else if (type === "x") {
      extended = paxHeader(archive.subarray(body, body + size), name);
    } else {
      // Folders, and pax headers of the whole archive, such as the commit that it was made of.
      check(
        "5g".includes(type),
        () => `${name}: "${shown}" is no plain file (tar type "${printable(type)}"): links and devices are not unpacked`,
      );
    }
    at = body + Math.ceil(size / block) * block;
  }
  throw new KasaneError(`${name}: cut off: it has no end mark`);
}

/** What is read of a pax header (POSIX.1-2001): names and sizes that a ustar header cannot hold. */
interface PaxHeader {
  readonly path?: string;
  readonly size?: number;
}

/** Records such as `19 path=a/name.txt`, each with its own length in bytes and a line break at the end. */
function paxHeader(bytes: Uint8Array, name: string): PaxHeader {
  const found = new Map<string, string>();
  const decoder = new TextDecoder();
  for (let at = 0; at < bytes.length; ) {
    const [, digits = ""] = /^(\d{1,9}) /.exec(decoder.decode(bytes.subarray(at, at + 10))) ?? [];
    const record = decoder.decode(bytes.subarray(at + digits.length + 1, at + Number(digits)));
    const isWhole = digits !== "" && at + Number(digits) <= bytes.length && record.endsWith("\n") && record.includes("=");
    check(isWhole, () => `${name}: damaged: a pax header has a record of another length than it says`);
    found.set(record.slice(0, record.indexOf("=")), record.slice(record.indexOf("=") + 1, -1));
    at += Number(digits);
  }
  const isSparse = [...found.keys()].some((key) => key.startsWith("GNU.sparse."));
  check(!isSparse, () => `${name}: a file in it is stored as sparse, which is not unpacked: pack it with tar without --sparse`);
  const [path, size] = [found.get("path"), found.get("size")];
  check(size === undefined || /^\d{1,15}$/.test(size), () => `${name}: damaged: a pax header says the size "${excerpt(size ?? "")}"`);
  return { ...(path !== undefined && { path }), ...(size !== undefined && { size: Number(size) }) };
}

function checkName(path: string, archive: string): void {
  check(printable(path) === path, () => `${archive}: the name "${excerpt(path)}" has control characters`);
  const leaves = path.startsWith("/") || /^[a-z]:/i.test(path) || path.includes("\\") || path.split("/").includes("..");
  check(path !== "" && !leaves, () => `${archive}: the name "${excerpt(path)}" leads outside the archive's folder`);
}

/** The sum of the header's bytes, its own field counted as spaces. */
function checksumHolds(header: Uint8Array): boolean {
  let sum = 0;
  header.forEach((byte, i) => {
    sum += i >= 148 && i < 156 ? 0x20 : byte;
  });
  return sum === octal(header, 148, 8);
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function octal(header: Uint8Array, start: number, length: number): number | undefined {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : undefined;
}

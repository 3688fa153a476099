import { randomBytes } from "node:crypto";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileError, makeFolder } from "./fileError.js";
import { hasEnded, thisProcess } from "./processIdentity.js";

/** Milliseconds after which a temporary file is removed if nobody can tell whether its process still runs. */
const abandonedAfter = 3_600_000;

/**
 * Writes a file so that a crash at any moment leaves the old file or the new one, whole: `write` fills a temporary file beside it,
 * which is forced to the disk and then renamed. An overwritten file keeps its mode. Makes the folder where it is missing. Temporary
 * files that killed processes left behind are removed. Node only.
 * @param write the contents, or what writes them
 * @throws KasaneError naming the file where it cannot be written, such as on a full disk; then the old file stays
 */
export async function writeAtomically(file: string, write: string | Uint8Array | ((handle: FileHandle) => Promise<void>)): Promise<void> {
  const folder = dirname(file);
  const temporary = join(folder, temporaryName(basename(file)));
  try {
    makeFolder(folder);
    await removeAbandoned(folder);
    const mode = await stat(file).then(
      (status) => status.mode,
      () => undefined,
    );
    const handle = await open(temporary, "wx");
    try {
      if (mode !== undefined) await handle.chmod(mode & 0o7777);
      if (typeof write === "function") await write(handle);
      else await handle.writeFile(write);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw fileError(file, "cannot be written", error);
  }
}

/** A name that identifies the writing process and that no other thread, process or host uses. Of a long name it has the beginning only. */
function temporaryName(name: string): string {
  const { pid, space, started } = thisProcess();
  return `${name.slice(0, 40)}.${pid}-${space}-${started}-${randomBytes(6).toString("hex")}.tmp`;
}

const temporaryPattern = /\.(\d{1,10})-([0-9a-f]{8})-(\d*)-[0-9a-f]{12}\.tmp$/;

/** Removes the temporary files whose process has ended. Where that fails, as for those of another user, they stay. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const entry of await readdir(folder).catch(() => [])) {
    const [, pid, space, started] = temporaryPattern.exec(entry) ?? [];
    if (pid === undefined || space === undefined || started === undefined) continue;
    const path = join(folder, entry);
    const ended = hasEnded({ pid: Number(pid), space, started }) ?? (await ageOf(path)) > abandonedAfter;
    if (ended) await rm(path, { force: true }).catch(() => undefined);
  }
}

/** Milliseconds since a file was last written; 0 where it is gone. */
async function ageOf(path: string): Promise<number> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch {
    return 0;
  }
}

/** Forces a rename to the disk; Windows has no such call for folders and does it by itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

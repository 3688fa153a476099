import { type FileHandle, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** The temporary files that this process is writing. */
const underWay = new Set<string>();
let written = 0;

/**
 * Writes a file so that a crash at any moment leaves the old file or the new one, whole: `write` fills a temporary file beside it,
 * which is forced to the disk and then renamed. Makes the folder where it is missing. Temporary files that killed processes
 * left behind are removed. Node only.
 * @param write the contents, or what writes them
 */
export async function writeAtomically(file: string, write: string | Uint8Array | ((handle: FileHandle) => Promise<void>)): Promise<void> {
  const folder = dirname(file);
  await mkdir(folder, { recursive: true });
  await removeAbandoned(folder, basename(file));
  const temporary = join(folder, `${basename(file)}.${process.pid}-${written++}.tmp`);
  underWay.add(temporary);
  try {
    const handle = await open(temporary, "wx");
    try {
      if (typeof write === "function") await write(handle);
      else await handle.writeFile(write);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    underWay.delete(temporary);
  }
}

/** Removes the temporary files of `name` whose process is gone. */
async function removeAbandoned(folder: string, name: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    if (!entry.startsWith(`${name}.`)) continue;
    const owner = /^(\d+)-\d+\.tmp$/.exec(entry.slice(name.length + 1))?.[1];
    if (owner === undefined || underWay.has(join(folder, entry))) continue;
    if (Number(owner) === process.pid || !isRunning(Number(owner))) await rm(join(folder, entry), { force: true });
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
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

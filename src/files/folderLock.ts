import { randomBytes } from "node:crypto";
import { lstatSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { check, excerpt, KasaneError } from "../graph/error.js";
import { makeFolder, writing } from "./fileError.js";
import { hasEnded, thisProcess } from "./processIdentity.js";

/** Milliseconds between two signs of life of a lock's holder. */
const heartbeat = 5_000;

/** How long a lock is watched for a sign of life where nobody can tell whether its holder still runs. */
const defaultPatience = 60_000;

/** Milliseconds after which the mark of a takeover is stale: a crash during one leaves it, and none takes as long. */
const takeoverTime = 10_000;

const holderSchema = z.object({
  pid: z.int().min(1),
  space: z.string(),
  started: z.string(),
  host: z.string(),
  since: z.string(),
});

/** Locks that are held by this process, and the text in the file of each. */
const held = new Map<string, string>();

/** Keeps other processes from writing into a folder: see {@link lockFolder}. */
export interface FolderLock {
  /**
   * Does nothing while this process holds the folder.
   * @throws KasaneError where another process has taken the folder, since this one gave no sign of life for a minute
   */
  check(): void;
  /** Releases the folder. */
  release(): void;
}

/**
 * Locks a folder by a file in it, which is made where it is missing. The lock of a process that has ended is taken over: at once where that
 * can be told, else, as for one of another host, when it gave no sign of life for a minute. Node only.
 * @param name of the file
 * @param patience milliseconds to watch for that sign
 * @throws KasaneError naming the process that holds it
 */
export async function lockFolder(folder: string, name: string, patience = defaultPatience): Promise<FolderLock> {
  const file = join(folder, name);
  const since = new Date().toISOString();
  const own = `${JSON.stringify({ ...thisProcess(), host: hostname(), since, token: randomBytes(6).toString("hex") })}\n`;
  makeFolder(folder);
  while (!writing(folder, () => create(file, own))) {
    const seen = look(file);
    if (seen === undefined) continue;
    const holder = parse(seen.text);
    const ended = (holder && hasEnded(holder)) ?? (await isSilent(file, seen, patience));
    check(ended, () => `${folder} is in use: ${describe(holder)}: wait for its end; if there is no such process, remove ${file}`);
    await writing(folder, () => takeOver(file, seen.text));
  }
  if (held.size === 0) process.on("exit", removeAll);
  held.set(file, own);
  const beat = () => attempt(() => look(file)?.text === own && utimesSync(file, new Date(), new Date()));
  const beats = setInterval(beat, heartbeat);
  beats.unref();
  return {
    check: () =>
      check(
        look(file)?.text === own,
        () => `${folder}: another process has taken over the folder, as this one gave no sign of life for a minute`,
      ),
    release: () => {
      clearInterval(beats);
      remove(own, file);
      held.delete(file);
      if (held.size === 0) process.off("exit", removeAll);
    },
  };
}

const removeAll = (): void => held.forEach(remove);

/** Removes a lock if it still is its holder's. */
function remove(own: string, file: string): void {
  attempt(() => {
    if (look(file)?.text === own) rmSync(file, { force: true });
  });
}

/** Makes a file; returns whether it was not there. */
function create(file: string, text: string): boolean {
  try {
    writeFileSync(file, text, { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    // On a full disk the file is made and stays empty.
    attempt(() => rmSync(file, { force: true }));
    throw error;
  }
}

/** What a lock says, and when its holder last gave a sign of life; undefined where it is gone. */
function look(file: string): { readonly text: string; readonly time: number } | undefined {
  try {
    const status = lstatSync(file);
    if (!status.isFile() || status.size > 4096) throw new KasaneError(`${file} is no lock of Kasane's: remove it`);
    return { text: readFileSync(file, "utf8"), time: status.mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parse(text: string): z.output<typeof holderSchema> | undefined {
  try {
    return holderSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function describe(holder: z.output<typeof holderSchema> | undefined): string {
  if (!holder) return "another process holds its lock";
  const { pid, host, since } = holder;
  return `process ${pid} on ${excerpt(host)} has held it since ${excerpt(since, 40)}`;
}

/** Watches a lock; returns whether it stayed without a sign of life. */
async function isSilent(file: string, seen: { readonly text: string; readonly time: number }, patience: number): Promise<boolean> {
  for (const end = performance.now() + patience; performance.now() < end; ) {
    await pause(Math.min(500, patience));
    const now = look(file);
    if (now === undefined) return true;
    if (now.text !== seen.text || now.time !== seen.time) return false;
  }
  return true;
}

/** Removes a lock whose holder has ended, unless another process did so and has it now. */
async function takeOver(file: string, text: string): Promise<void> {
  const mark = `${file}.taking`;
  if (!create(mark, "")) {
    const begun = look(mark)?.time;
    // A clock that was set back leaves marks of the future.
    if (begun !== undefined && Math.abs(Date.now() - begun) > takeoverTime) rmSync(mark, { force: true });
    await pause(20);
    return;
  }
  try {
    if (look(file)?.text === text) rmSync(file, { force: true });
  } finally {
    rmSync(mark, { force: true });
  }
}

/** Runs what may fail without harm, as where the file of a lock was removed meanwhile. */
function attempt(action: () => unknown): void {
  try {
    action();
  } catch {
    // The check of the lock says what is wrong.
  }
}

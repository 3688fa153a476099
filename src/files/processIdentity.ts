import { createHash } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** A process, told apart from all others that may reach the same folder: those of other hosts and containers, and later ones of its number. */
export interface ProcessIdentity {
  readonly pid: number;
  /** What its number belongs to: the host, since it was started, and there the container. Eight hexadecimal digits. */
  readonly space: string;
  /** When it was started, in the clock of the system; empty where the system does not tell. */
  readonly started: string;
}

/** The identity of this process. Threads share it. */
export const thisProcess = (): ProcessIdentity => {
  identity ??= { pid: process.pid, space: spaceOfThisProcess(), started: startOf(process.pid) };
  return identity;
};

let identity: ProcessIdentity | undefined;

/** Whether a process has ended; undefined where that cannot be told: it is of another host or container, or its number may be another's now. */
export function hasEnded({ pid, space, started }: ProcessIdentity): boolean | undefined {
  if (space !== thisProcess().space) return undefined;
  if (!isRunning(pid)) return true;
  return started === "" ? undefined : startOf(pid) !== started;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Linux counts from the start of the host: with the number of the process, no two have the same. */
function startOf(pid: number): string {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, "utf8"));
  // The second field is the program's name in parentheses, which may hold anything; the 22nd is the start.
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
}

function spaceOfThisProcess(): string {
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  const container = attempt(() => readlinkSync("/proc/self/ns/pid"));
  return createHash("sha256").update([hostname(), boot, container].join("\n")).digest("hex").slice(0, 8);
}

/** What `/proc` says, empty where there is none. */
function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { benchFolder, type PeerDescription, python } from "./peers.js";

/** Which packages could not be installed, and why, for the lists of packages with this hash. */
interface Installed {
  readonly lists: string;
  readonly failures: Readonly<Record<string, string>>;
}

const inBench = (...path: string[]): string => join(benchFolder, ...path);
const hashOf = (...files: string[]): string =>
  files.reduce((hash, file) => hash.update(readFileSync(inBench(file))), createHash("sha256")).digest("hex");

/** Installs what is not there yet; says which peers cannot be had, and why. */
export function setUp(peers: readonly PeerDescription[]): Record<string, string> {
  const missing: Record<string, string> = {};
  const needs = (kind: string) => peers.some((peer) => peer.kind === kind && peer.needs.length > 0);
  const failures = {
    ...(needs("javascript") && once("node_modules", ["package-lock.json"], installJavaScript)),
    ...(needs("python") && once(".venv", ["requirements.txt", "constraints.txt"], installPython)),
  };
  for (const { name, needs } of peers) {
    const reason = needs.map((need) => failures[need] ?? failures["*"]).find(Boolean);
    if (reason) missing[name] = reason;
  }
  return missing;
}

/** Installs anew where the lists have changed; what failed is remembered, not tried at every run. */
function once(folder: string, lists: string[], install: () => Record<string, string>): Installed["failures"] {
  const note = inBench(folder, "installed.json");
  const hash = hashOf(...lists);
  if (existsSync(note)) {
    const { lists: before, failures } = JSON.parse(readFileSync(note, "utf8")) as Installed;
    if (before === hash) return failures;
  }
  const failures = install();
  if (existsSync(inBench(folder))) writeFileSync(note, JSON.stringify({ lists: hash, failures } satisfies Installed, null, 2));
  return failures;
}

function installJavaScript(): Record<string, string> {
  console.log("installing the JavaScript peers (npm ci in bench) ...");
  const failure = attempt("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
  return failure ? { "*": failure } : {};
}

function installPython(): Record<string, string> {
  console.log("installing the Python peers (bench/.venv, some gigabytes) ...");
  const failure = existsSync(python) ? undefined : attempt("python3", ["-m", "venv", ".venv"]);
  if (failure) return { "*": failure };
  const requirements = readFileSync(inBench("requirements.txt"), "utf8").split("\n").filter(Boolean);
  const failures: Record<string, string> = {};
  // One by one: a peer that this machine cannot have leaves the others.
  for (const requirement of requirements) {
    const name = requirement.split("==")[0] as string;
    const failure = attempt(python, ["-m", "pip", "install", "--quiet", "--constraint", "constraints.txt", requirement]);
    if (failure) failures[name] = failure;
  }
  return failures;
}

/** Runs a command in this folder: why it failed, if it did. */
function attempt(command: string, args: string[]): string | undefined {
  const { status, stderr, error } = spawnSync(command, args, { cwd: benchFolder, encoding: "utf8", stdio: ["ignore", "inherit", "pipe"] });
  if (status === 0) return undefined;
  const reason =
    error?.message ??
    stderr
      .trim()
      .split("\n")
      .findLast((line) => /error/i.test(line)) ??
    stderr.trim().split("\n").at(-1);
  return `not installed: ${reason}`.slice(0, 300);
}

import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { files } from "kasane/node";
import { expect, it } from "vitest";
import { thisProcess } from "../../src/files/processIdentity.js";

const makeFolder = () => mkdtemp(join(tmpdir(), "kasane-"));
const temporary = ({ pid, space, started } = thisProcess()) => `a.txt.${pid}-${space}-${started}-0123456789ab.tmp`;

/** A process number that has just become free. */
const deadPid = () => spawnSync("true").pid;

it("many writers of one file in one process leave one of their texts, whole, and nothing else", async () => {
  const folder = await makeFolder();
  const file = join(folder, "a.txt");
  const texts = Array.from({ length: 60 }, (_, i) => `${i};`.repeat(20_000));
  await Promise.all(texts.map((text) => files.writeAtomically(file, text)));
  expect(texts).toContain(await readFile(file, "utf8"));
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

it("threads, which share the number of the process, do not remove each other's temporary files", async () => {
  const folder = await makeFolder();
  const code = `
    const { workerData } = require("node:worker_threads");
    import(workerData.tsx).then(({ register }) => register()).then(() => import(workerData.module)).then(async ({ writeAtomically }) => {
      for (let i = 0; i < 50; i++) await writeAtomically(workerData.file, String(i).repeat(1000));
    });`;
  const workerData = {
    tsx: import.meta.resolve("tsx/esm/api"),
    module: new URL("../../src/files/atomicWrite.ts", import.meta.url).href,
    file: join(folder, "a.txt"),
  };
  const ended = Array.from(
    { length: 3 },
    () =>
      new Promise((resolve, reject) => {
        const worker = new Worker(code, { eval: true, workerData });
        worker.on("error", reject);
        worker.on("exit", resolve);
      }),
  );
  expect(await Promise.all(ended)).toEqual([0, 0, 0]);
  expect(await readFile(join(folder, "a.txt"), "utf8")).toBe("49".repeat(1000));
  expect(await readdir(folder)).toEqual(["a.txt"]);
});

it("removes the temporary files of processes that have ended, and of others when they are old", async () => {
  const folder = await makeFolder();
  const own = thisProcess();
  const dead = temporary({ ...own, pid: deadPid() });
  // The number was given to this process after another of it had ended.
  const reused = temporary({ ...own, started: "1" });
  const [live, elsewhere, old] = [temporary(), temporary({ ...own, space: "00000000" }), temporary({ ...own, space: "11111111" })];
  const users = "a.txt.12-34.tmp";
  for (const name of [dead, reused, live, elsewhere, old, users]) await writeFile(join(folder, name), "half");
  const yesterday = new Date(Date.now() - 86_400_000);
  await utimes(join(folder, old), yesterday, yesterday);
  await files.writeAtomically(join(folder, "b.txt"), "whole");
  expect((await readdir(folder)).sort()).toEqual(["b.txt", live, elsewhere, users].sort());
});

it("is not kept from writing by a left-over that it cannot remove", async () => {
  const folder = await makeFolder();
  const left = temporary({ ...thisProcess(), pid: deadPid() });
  await mkdir(join(folder, left));
  await files.writeAtomically(join(folder, "b.txt"), "whole");
  expect((await readdir(folder)).sort()).toEqual([left, "b.txt"]);
});

it.runIf(process.platform !== "win32")("keeps the mode of a file that it overwrites, and takes names of any length", async () => {
  const folder = await makeFolder();
  for (const [name, mode] of [
    ["secret", 0o600],
    ["é".repeat(110), 0o755],
  ] as const) {
    const file = join(folder, name);
    await files.writeAtomically(file, "old");
    await chmod(file, mode);
    await files.writeAtomically(file, "new");
    expect([await readFile(file, "utf8"), (await stat(file)).mode & 0o777]).toEqual(["new", mode]);
  }
});

it.runIf(process.platform !== "win32")("says in one line that a link to nothing is no folder", async () => {
  const link = join(await makeFolder(), "link");
  await symlink("nowhere", link);
  const message = `${link} cannot be made: something else has its name (EEXIST)`;
  await expect(files.writeAtomically(join(link, "a.txt"), "")).rejects.toThrow(message);
  await expect(files.lockFolder(link, "run.lock")).rejects.toThrow(message);
  expect(() => new files.EventWriter(link)).toThrow(message);
});

it.runIf(process.platform === "linux")("says in one line which file a full disk or too few open files keep from being written", () => {
  const run = (limit: string, argument: string) => {
    const command = `trap '' XFSZ; ${limit}; exec "$0" --import tsx test/files/writeUntilRefused.ts ${argument}`;
    return spawnSync("bash", ["-c", command, process.execPath], { encoding: "utf8" });
  };
  for (const [limit, argument, reason] of [
    ["ulimit -f 8", "", "the file would be larger than the system allows (EFBIG)"],
    ["ulimit -n 200", "descriptors", "too many open files: raise the limit (ulimit -n) (EMFILE)"],
  ] as const) {
    const { stdout, stderr } = run(limit, argument);
    const lines = stdout.trim().split("\n");
    expect({ lines: lines.length, stderr }, limit).toEqual({ lines: 4, stderr: "" });
    for (const line of lines.slice(0, 3)) {
      expect(line).toMatch(/^KasaneError: \S*kasane-\S+ cannot be written: /);
      expect(line).toContain(reason);
    }
    expect(lines[3]).toBe("kept: before");
  }
  expect(() => new files.EventWriter("/proc/none")).toThrow(/^\/proc\/none cannot be made: no such file \(ENOENT\)$/);
});

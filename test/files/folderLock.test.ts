import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { mkdtemp, utimes } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { files } from "kasane/node";
import { expect, it, vi } from "vitest";
import { thisProcess } from "../../src/files/processIdentity.js";

const makeFolder = () => mkdtemp(join(tmpdir(), "kasane-"));
const name = "run.lock";
const lockOf = (changes: object) => ({ ...thisProcess(), host: hostname(), since: "2026-01-01T00:00:00.000Z", token: "a", ...changes });
const deadPid = () => spawnSync("true").pid;

it("is held by one at a time, and is free again when it was released", async () => {
  const folder = await makeFolder();
  const lock = await files.lockFolder(folder, name);
  await expect(files.lockFolder(folder, name)).rejects.toThrow(
    new RegExp(`${folder} is in use: process ${process.pid} on .* has held it since .*; if there is no such process, remove .*run\\.lock$`),
  );
  lock.check();
  lock.release();
  expect(readdirSync(folder)).toEqual([]);
  (await files.lockFolder(folder, name)).release();
});

it("is taken over at once from a process that has ended, also where another has its number now", async () => {
  const folder = await makeFolder();
  for (const changes of [{ pid: deadPid() }, { started: "1" }]) {
    writeFileSync(join(folder, name), JSON.stringify(lockOf(changes)));
    const start = performance.now();
    const lock = await files.lockFolder(folder, name);
    expect(performance.now() - start).toBeLessThan(1000);
    lock.check();
    lock.release();
  }
  expect(readdirSync(folder)).toEqual([]);
});

it("of another host or container is taken over when it gives no sign of life, and only then", async () => {
  const folder = await makeFolder();
  const file = join(folder, name);
  for (const text of [JSON.stringify(lockOf({ space: "00000000", host: "elsewhere" })), "damaged", ""]) {
    writeFileSync(file, text);
    const beats = setInterval(() => utimes(file, new Date(), new Date()), 50);
    await expect(files.lockFolder(folder, name, 400), text).rejects.toThrow(
      text.startsWith("{") ? /in use: process \d+ on elsewhere/ : /in use: another process holds its lock/,
    );
    clearInterval(beats);
    const lock = await files.lockFolder(folder, name, 100);
    lock.check();
    lock.release();
  }
});

it("is refused where something else has its name", async () => {
  const folder = await makeFolder();
  symlinkSync(join(folder, "nowhere"), join(folder, name));
  await expect(files.lockFolder(folder, name)).rejects.toThrow(/run\.lock is no lock of Kasane's: remove it$/);
});

it("tells its holder that another has taken the folder over", async () => {
  const folder = await makeFolder();
  const lock = await files.lockFolder(folder, name);
  writeFileSync(join(folder, name), JSON.stringify(lockOf({ token: "another" })));
  expect(() => lock.check()).toThrow(/another process has taken over the folder/);
  lock.release();
  expect(existsSync(join(folder, name))).toBe(true);
});

it("is given no sign of life by a holder that lost it", async () => {
  const folder = await makeFolder();
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  const lock = await files.lockFolder(folder, name);
  const past = new Date(1e12);
  const timeAfterBeat = () => {
    utimesSync(join(folder, name), past, past);
    vi.advanceTimersByTime(5000);
    return statSync(join(folder, name)).mtimeMs;
  };
  expect(timeAfterBeat()).toBeGreaterThan(1e12);
  writeFileSync(join(folder, name), JSON.stringify(lockOf({ token: "another" })));
  expect(timeAfterBeat()).toBe(1e12);
  lock.release();
  vi.useRealTimers();
});

it("is taken over also where a takeover of the future was broken off", async () => {
  const folder = await makeFolder();
  const mark = join(folder, `${name}.taking`);
  writeFileSync(join(folder, name), JSON.stringify(lockOf({ pid: deadPid() })));
  writeFileSync(mark, "");
  const tomorrow = new Date(Date.now() + 86_400_000);
  utimesSync(mark, tomorrow, tomorrow);
  (await files.lockFolder(folder, name)).release();
  expect(readdirSync(folder)).toEqual([]);
});

it("of a killed process goes to one of many that want it", async () => {
  const folder = await makeFolder();
  const code = `
    const { lockFolder } = await import("./src/files/folderLock.ts");
    const folder = process.argv[1];
    process.on("message", async () => {
      const won = await lockFolder(folder, "run.lock").then(() => true, () => false);
      process.send(won);
    });
    process.send("ready");`;
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code, folder], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    }),
  );
  await Promise.all(children.map((child) => once(child, "message")));
  for (let round = 0; round < 10; round++) {
    writeFileSync(join(folder, name), JSON.stringify(lockOf({ pid: deadPid() })));
    const answers = children.map((child) => once(child, "message"));
    for (const child of children) child.send("go");
    expect((await Promise.all(answers)).map(([won]) => won).filter(Boolean), `round ${round}`).toHaveLength(1);
  }
  for (const child of children) child.kill("SIGKILL");
});

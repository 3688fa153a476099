import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { mkdtemp, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Variable, zeros } from "kasane";
import { files, train } from "kasane/node";
import { expect, it } from "vitest";

const kills = 12;
const filesPerProcess = 4;

/**
 * Starts a process that saves to `files` and kills it when all of them were saved once, some time has passed, and `saving` holds.
 * Gives the last step that it reported of each.
 */
function saveUntilKilled(files: readonly string[], saving: () => boolean): Promise<Map<string, number>> {
  const reported = new Map<string, number>();
  const child = spawn(process.execPath, ["--import", "tsx", "test/train/saveForever.ts", ...files], { stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const killWhen = (ready: () => boolean) => {
    if (ready()) child.kill("SIGKILL");
    else setImmediate(() => killWhen(ready));
  };
  let line = "";
  let doomed = false;
  child.stdout.on("data", (text: Buffer) => {
    line += text.toString();
    const lines = line.split("\n");
    line = lines.pop() as string;
    for (const [file, step] of lines.map((each) => each.split(" ") as [string, string])) reported.set(file, Number(step));
    if (reported.size < files.length || doomed) return;
    doomed = true;
    setTimeout(() => killWhen(saving), Math.random() * 60);
  });
  return new Promise((resolve, reject) => {
    child.on("close", (code, signal) =>
      signal === "SIGKILL" ? resolve(reported) : reject(new Error(`the child ended (${code}): ${errors}`)),
    );
  });
}

it("leaves a whole checkpoint however a process that saves is killed", async () => {
  const folder = await mkdtemp(join(tmpdir(), "kasane-"));
  let interrupted = 0;
  const rounds = async (group: number) => {
    const written = Array.from({ length: filesPerProcess }, (_, i) => join(folder, `group${group}-${i}.safetensors`));
    const unfinished = () => readdirSync(folder).filter((name) => name.startsWith(`group${group}-`) && name.endsWith(".tmp"));
    for (let kill = 0; kill < kills / 2; kill++) {
      const reported = await saveUntilKilled(written, () => kill % 3 === 0 || unfinished().length > 0);
      const left = unfinished().length;
      interrupted += left;
      expect(left).toBeLessThanOrEqual(written.length);
      for (const file of written) {
        const weight = new Variable(zeros([512, 512]));
        const { step, config } = await train.loadCheckpoint(file, { model: { namedVariables: () => new Map([["weight", weight]]) } });
        expect(step, basename(file)).toBeGreaterThanOrEqual(reported.get(file) as number);
        expect((await weight.data()).every((x) => x === step)).toBe(true);
        expect(config).toEqual({ filler: `${step},`.repeat(1000) });
      }
    }
    // The next save removes what the killed ones left.
    for (const file of written) await files.writeSafetensors(file, new Map());
  };
  await Promise.all([rounds(0), rounds(1)]);
  expect(await readdir(folder)).toHaveLength(2 * filesPerProcess);
  // Otherwise no kill came in the middle of a save, and the test says nothing.
  expect(interrupted).toBeGreaterThan(kills / 4);
}, 60_000);

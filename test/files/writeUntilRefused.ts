/**
 * Writes each kind of file until the system refuses, and says how; test/files/atomicWrite.test.ts limits the size of files. With `descriptors`
 * so many files are opened first that no further one can be.
 */
import { closeSync, openSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { files, train } from "kasane/node";

const folder = await mkdtemp(join(tmpdir(), "kasane-"));
const kept = join(folder, "kept.txt");
await files.writeAtomically(kept, "before");
const metrics = new train.MetricsFile(join(folder, "metrics.jsonl"));
const events = new files.EventWriter(folder);

const opened: number[] = [];
try {
  while (process.argv[2] === "descriptors") opened.push(openSync("/dev/null", "r"));
} catch {
  // There are no more.
}

const attempts: (() => unknown)[] = [
  () => files.writeAtomically(kept, "x".repeat(100_000)),
  () => {
    for (let step = 0; step < 100_000; step++) metrics.append({ step });
  },
  () => {
    if (opened.length > 0) new files.EventWriter(folder);
    for (let step = 0; step < 100_000; step++) events.scalar("loss", step, 0);
  },
];
const said: string[] = [];
for (const attempt of attempts) {
  try {
    await attempt();
    said.push("nothing was refused");
  } catch (error) {
    said.push(String(error));
  }
}
opened.forEach(closeSync);
console.log([...said, `kept: ${readFileSync(kept, "utf8")}`].join("\n"));

import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { train } from "kasane/node";
import { expect, vi } from "vitest";
import { kasane } from "../helpers.js";

/** The folder of the run that a command with `--json` has made. */
export const folderOf = (stdout: string): string => JSON.parse(stdout.slice(0, stdout.indexOf("\n"))).folder;

/** The lines of a command's JSON output that are of one kind. */
export const eventsOf = (stdout: string, event: string): Record<string, number>[] =>
  stdout.split("\n").flatMap((line) => (line.startsWith(`{"event":"${event}"`) ? [JSON.parse(line)] : []));

/**
 * Runs an experiment without a break, and again with an interrupt after so many records and a resume, and expects the same figures to the bit.
 * @param words the command, without `--runs`
 * @param parent the folder that the runs go to
 */
export async function expectSameWhenResumed(words: readonly string[], parent: string, records: number): Promise<void> {
  const runs = ["--json", "--runs", parent];
  // An experiment that trains several models has a folder for each.
  const metrics = (folder: string) => {
    const files = readdirSync(folder, { recursive: true })
      .map(String)
      .filter((name) => basename(name) === "metrics.jsonl");
    return files
      .sort()
      .map((name) => `${name}\n${readFileSync(join(folder, name), "utf8")}`)
      .join("");
  };
  const unbroken = await kasane([...words, ...runs]);
  expect(unbroken).toMatchObject({ code: 0 });

  const { append } = train.MetricsFile.prototype;
  let appended = 0;
  const spy = vi.spyOn(train.MetricsFile.prototype, "append").mockImplementation(function (this: train.MetricsFile, line) {
    append.call(this, line);
    if (++appended === records) process.emit("SIGINT", "SIGINT");
  });
  const broken = await kasane([...words, ...runs]).finally(() => spy.mockRestore());
  expect(broken).toMatchObject({ code: 130 });
  const folder = folderOf(broken.stdout);
  expect(metrics(folder).split("\n").length).toBeLessThan(metrics(folderOf(unbroken.stdout)).split("\n").length);

  const resumed = await kasane(["run", words[1] as string, "--resume", folder, ...runs]);
  expect(resumed).toMatchObject({ code: 0 });
  expect(metrics(folder)).toBe(metrics(folderOf(unbroken.stdout)));
}

import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { temporaryFolder } from "./helpers.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const command = ["--import", "tsx", "lab/main.ts"];
const folder = temporaryFolder();

const kasane = (...words: string[]) => spawnSync(process.execPath, [...command, ...words], { cwd: root, encoding: "utf8" });

/** Runs the command and interrupts it, once, as soon as what it has written is enough; gives its exit code and what it wrote. */
async function interrupted(words: readonly string[], isEnough: (stdout: string) => boolean, signal: NodeJS.Signals = "SIGINT") {
  const child = spawn(process.execPath, [...command, ...words], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const written = { stdout: "", stderr: "" };
  child.stderr.on("data", (text) => {
    written.stderr += text;
  });
  child.stdout.on("data", (text) => {
    written.stdout += text;
    // A second interrupt would end it at once.
    if (!child.killed && isEnough(written.stdout)) child.kill(signal);
  });
  const [code] = await once(child, "close");
  return { code, ...written };
}

it("a device that this machine lacks is one line and exit code 2, whatever its drivers say", () => {
  const missing = process.platform === "darwin" ? "dml" : "coreml";
  const { status, stdout, stderr } = kasane("run", "binary-addition", "--device", missing, "--runs", folder);
  expect(stderr).toMatch(new RegExp(`^kasane: --device: "${missing}" is not available here: this machine offers .*cpu.*\n$`));
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
});

it("a reader that leaves, such as head, is no error", () => {
  const line = `"${process.execPath}" ${command.join(" ")} run binary-addition --iterations 5000 --plot-interval 1 --runs "${folder}" | head -n 1`;
  const { stdout, stderr } = spawnSync("bash", ["-c", `set -o pipefail; ${line}`], { cwd: root, encoding: "utf8" });
  expect({ lines: stdout.split("\n").length, stderr }).toEqual({ lines: 2, stderr: "" });
});

it("an interrupted run says how to go on, ends with 130, and gives the same figures when it was resumed", async () => {
  const runs = join(folder, "interrupted");
  const options = ["--iterations", "2000", "--plot-interval", "5", "--runs", runs];
  const { code, stderr } = await interrupted(["run", "binary-addition", ...options], (stdout) => stdout.includes("iteration 20\n"));
  expect(code).toBe(130);
  const step = Number(/interrupted after step (\d+), saved as /.exec(stderr)?.[1]);
  expect(step).toBeGreaterThanOrEqual(20);
  expect(step).toBeLessThan(2000);

  const [run] = readdirSync(runs) as [string];
  expect(stderr).toMatch(new RegExp(`run binary-addition --resume .*${run}\n$`));
  expect(JSON.parse(readFileSync(join(runs, run, "config.json"), "utf8")).finished).toBe(false);
  expect(kasane("run", "binary-addition", "--resume", run, "--runs", runs).status).toBe(0);
  expect(kasane("run", "binary-addition", ...options).status).toBe(0);
  const [resumed, unbroken] = readdirSync(runs).map((name) => readFileSync(join(runs, name, "metrics.jsonl"), "utf8"));
  expect(resumed).toBe(unbroken);
});

it("SIGTERM saves as an interrupt does, and ends with 143; the hint it leaves is a command line that goes on", async () => {
  const runs = join(folder, "with a space's");
  const options = ["--iterations", "1000", "--plot-interval", "5", "--runs", runs];
  const { code, stderr } = await interrupted(["run", "binary-addition", ...options], (out) => out.includes("iteration 20\n"), "SIGTERM");
  expect(code).toBe(143);
  const [, hint = ""] = /interrupted after step \d+, saved as .*; to go on: npm run kasane -- (.*)\n$/.exec(stderr) ?? [];
  expect(hint).toContain("with a space'\\''s");
  const { status } = spawnSync("bash", ["-c", `"${process.execPath}" ${command.join(" ")} ${hint}`], { cwd: root, encoding: "utf8" });
  expect(status).toBe(0);
  const [run] = readdirSync(runs) as [string];
  expect(JSON.parse(readFileSync(join(runs, run, "config.json"), "utf8")).finished).toBe(true);
});

it("several seeds are runs side by side, the same as one by one, and their figures stand beside each other", () => {
  const [together, alone] = [join(folder, "together"), join(folder, "alone")];
  const words = ["run", "binary-addition", "--iterations", "1000", "--plot-interval", "5"];
  const { status, stdout, stderr } = kasane(...words, "--seed", "3,4", "--runs", together);
  expect({ status, stderr: stderr.replaceAll(/^seed [34]: step .*\n/gm, "") }).toEqual({ status: 0, stderr: "" });
  const runs = /\n\nfinished: (.*)\n$/.exec(stdout)?.[1]?.split(",") as string[];
  expect(runs.map((run) => JSON.parse(readFileSync(resolve(root, run, "config.json"), "utf8")).seed)).toEqual([3, 4]);
  expect(readdirSync(together)).toHaveLength(2);
  expect(stdout).toMatch(/^seed 3: finished: /m);
  expect(readFileSync(resolve(root, runs[0] as string, "seeds.svg"), "utf8")).toContain("binary-addition: mean of 2 seeds");
  expect(stdout).toMatch(/\nlast figure +seed 3 +seed 4 +mean +standard deviation\n/);

  kasane(...words, "--seed", "4", "--runs", alone);
  const [run] = readdirSync(alone) as [string];
  expect(readFileSync(resolve(root, runs[1] as string, "metrics.jsonl"), "utf8")).toBe(
    readFileSync(join(alone, run, "metrics.jsonl"), "utf8"),
  );
});

it("an interrupt saves the runs of all seeds, and what they lack is said for each", async () => {
  const runs = join(folder, "seeds");
  const words = ["run", "binary-addition", "--iterations", "100000", "--plot-interval", "5", "--seed", "0,1", "--runs", runs, "--json"];
  const { code, stderr } = await interrupted(words, (stdout) =>
    [0, 1].every((seed) => stdout.includes(`{"seed":${seed},"event":"metrics"`)),
  );
  expect(code).toBe(130);
  for (const seed of [0, 1]) {
    expect(stderr).toMatch(new RegExp(`^seed ${seed}: interrupted after step \\d+, saved as .*--resume .*$`, "m"));
  }

  const missing = kasane("run", "pronounce", "--dictionary", join(folder, "none.dict"), "--seed", "0,1", "--runs", runs);
  expect(missing.status).toBe(2);
  expect(missing.stderr).toMatch(/^(seed [01]: kasane: --dictionary: got .*: there is no such file\n){2}$/);
});

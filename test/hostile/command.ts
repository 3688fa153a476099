import { cpSync, existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { KasaneError } from "kasane";
import { execute } from "../../lab/command/execute.js";
import { experiments } from "../../lab/experiments.js";
import type { Kind } from "./files.js";
import { type Choices, damaged, mutated } from "./random.js";

/** Runs the command in this process; throws its complaint, or what is no right end: other codes than 0 and 2, several lines, control characters. */
export async function command(words: readonly string[]): Promise<string> {
  const written = { stdout: "", stderr: "" };
  const write = { stdout: process.stdout.write, stderr: process.stderr.write };
  for (const stream of ["stdout", "stderr"] as const) {
    process[stream].write = (text: string | Uint8Array) => {
      written[stream] += String(text);
      return true;
    };
  }
  const code = await execute(experiments, words).finally(() => Object.assign(process.stdout, { write: write.stdout }));
  Object.assign(process.stderr, { write: write.stderr });
  const said = `${JSON.stringify(words)} ended with ${code}: ${JSON.stringify(written.stderr.slice(0, 3000))}`;
  const complaints = written.stderr.split("\n").filter((line) => line.startsWith("kasane: "));
  if (code !== 0 && (code !== 2 || complaints.length !== 1)) throw new Error(said);
  const isClean = [written.stdout, written.stderr].every((text) => !/[\p{Cc}\u202e]/u.test(text.replaceAll(/[\n\t]/g, "")));
  if (!isClean) throw new Error(`${said}, with control characters: ${JSON.stringify(written.stdout.slice(0, 2000))}`);
  if (code === 2) throw new KasaneError((complaints[0] as string).slice("kasane: ".length));
  return written.stdout;
}

let whole: string | undefined;

/** A run of a few iterations, made once. */
async function runIn(folder: string): Promise<string> {
  if (whole === undefined || !existsSync(whole)) {
    const words = ["run", "binary-addition", "--iterations", "20", "--plot-interval", "5", "--runs", join(folder, "..", "whole"), "--json"];
    whole = (JSON.parse((await command(words)).split("\n")[0] as string) as { folder: string }).folder;
  }
  const copy = join(folder, "run");
  cpSync(whole, copy, { recursive: true });
  return copy;
}

const words = [
  "run",
  "show",
  "runs",
  "list",
  "predict",
  "devices",
  "compare",
  "remove",
  "binary-addition",
  "toString",
  "__proto__",
  "",
  "-",
  "--",
];
const flags = [
  "--iterations",
  "--hidden-size",
  "--seed",
  "--threads",
  "--runs",
  "--resume",
  "--device",
  "--preset",
  "--data",
  "--json",
  "--help",
  "--x",
];
const values = [
  "1",
  "0",
  "-1",
  "1e309",
  "NaN",
  "1.5",
  "cpu",
  "toString",
  "\u001b[2J",
  "a\nb",
  "x".repeat(3000),
  "/dev/null",
  "/proc/none",
  "1,1",
  "99999999999",
];

function commandLine(choices: Choices): string[] {
  const line = choices.once(2) ? ["run", "binary-addition", "--iterations", "2"] : [choices.of(words)];
  for (let more = choices.integer(6); more > 0; more--) line.push(choices.of(choices.of([words, flags, flags, values])));
  return line;
}

export const commandKinds: Readonly<Record<string, Kind>> = {
  async runFolder(choices, folder) {
    const run = await runIn(folder);
    const file = join(run, choices.of(["config.json", "config.json", "metrics.jsonl", "last.safetensors"]));
    const bytes = readFileSync(file);
    const config = file.endsWith("config.json") && !choices.once(4);
    writeFileSync(file, config ? JSON.stringify(mutated(JSON.parse(bytes.toString()), choices)) : damaged(bytes, choices));
    if (choices.once(20)) symlinkSync("/dev/zero", join(run, "best.safetensors"));
    const asked = choices.of([
      ["show", run],
      ["show", run, "--json"],
      ["runs", "--runs", folder],
      ["predict", run, "1 + 2"],
      ["run", "binary-addition", "--resume", run],
    ]);
    await command(asked);
  },

  async commandLine(choices, folder) {
    const line = commandLine(choices);
    await command(
      line.includes("--runs") ? line : [...line, ...(["list", "devices", ""].includes(line[0] as string) ? [] : ["--runs", folder])],
    );
  },
};

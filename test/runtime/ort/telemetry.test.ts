import { spawnSync } from "node:child_process";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
let home = "";
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "kasane-home-"));
});
afterAll(() => rm(home, { recursive: true, force: true }));

/** Runs a program in a process of its own, whose home is an empty folder. */
async function run(program: string, set: Record<string, string> = {}) {
  const file = join(home, "program.mts");
  await writeFile(file, program);
  const { ORT_DISABLE_TELEMETRY: _, XDG_CACHE_HOME: __, ...env } = process.env;
  const { stdout, stderr, status } = spawnSync(process.execPath, ["--import", "tsx", file], {
    cwd: root,
    env: { ...env, HOME: home, USERPROFILE: home, TSX_TSCONFIG_PATH: join(root, "tsconfig.json"), ...set },
    encoding: "utf8",
    timeout: 50_000,
  });
  return { stdout, stderr, status, files: (await readdir(home)).filter((name) => name !== "program.mts") };
}

const library = JSON.stringify(join(root, "src/index.ts"));
const use = `
  import { tensor } from ${library};
  console.log(await tensor([1, 2]).add(1).array(), process.env.ORT_DISABLE_TELEMETRY);`;

test("ONNX Runtime keeps no files about the machine", async () => {
  expect(await run(use)).toEqual({ stdout: "[ 2, 3 ] 1\n", stderr: "", status: 0, files: [] });
});

test("what the user has set stays", async () => {
  const read = `import ${library}; console.log(process.env.ORT_DISABLE_TELEMETRY);`;
  expect((await run(read, { ORT_DISABLE_TELEMETRY: "0" })).stdout).toBe("0\n");
});

test("a worker thread, which cannot set it, says so, unless the main thread did", async () => {
  const worker = (first: string) => `
    ${first}
    import { Worker } from "node:worker_threads";
    new Worker('import("tsx/esm/api").then((tsx) => { tsx.register(); return import(${library.replaceAll('"', '\\"')}); })', { eval: true });`;
  expect((await run(worker(""))).stderr).toContain("telemetry cannot be switched off from a worker thread");
  expect((await run(worker(`import ${library};`))).stderr).toBe("");
});

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { temporaryFolder } from "./helpers.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");
const programs = [...readme.matchAll(/```ts\n(import [\s\S]*?)```/g)].map(([, code]) => code as string);

/** Runs a program in a folder of its own, where `kasane` is this library. */
function run(program: string, folder: string) {
  writeFileSync(join(folder, "program.ts"), program);
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction");
  const env = { ...process.env, TSX_TSCONFIG_PATH: join(root, "tsconfig.json") };
  return spawnSync(process.execPath, ["--import", "tsx", "program.ts"], { cwd: folder, env, encoding: "utf8" });
}

describe("the programs of the README", () => {
  it("the first trains in twenty lines", () => {
    const [program = ""] = programs;
    expect(program.trim().split("\n").slice(2).length).toBeLessThanOrEqual(20);
    const folder = temporaryFolder();
    const { stdout, stderr } = run(program, folder);
    expect(stderr).toBe("");
    expect(stdout.replaceAll(/\s/g, "")).toBe("[[0],[1],[1],[0]]");
    expect(existsSync(join(folder, "xor.onnx"))).toBe(true);
  });

  it("the layer computes", () => {
    const use = 'import { ones } from "kasane";\nconsole.log((await new GatedLinear(3, 5).forward(ones([7, 3])).data()).length);';
    const { stdout, stderr } = run(`${programs[1]}\n${use}`, temporaryFolder());
    expect({ stdout, stderr }).toEqual({ stdout: "35\n", stderr: "" });
  });
});

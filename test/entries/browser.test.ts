import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle, pack } from "./packed.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kasane-packed-"));
  await pack(folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("the main entry, bundled for a browser", () => {
  test("reaches no module of Node and gives no warning", async () => {
    const { warnings, missing, modules } = await bundle(folder, 'export * from "kasane"');
    expect({ warnings, missing }).toEqual({ warnings: [], missing: [] });
    expect(modules).toContain("kasane/dist/src/runtime/compile.js");
    expect(modules.some((module) => module.startsWith("onnxruntime-web/"))).toBe(true);
    expect(modules.filter((module) => module.startsWith("onnxruntime-node/"))).toEqual([]);
    await expect(bundle(folder, 'export * from "kasane/node"')).rejects.toThrow('Could not resolve "node:');
  });

  test("leaves out what a program does not use, but not the methods of tensors", async () => {
    const { warnings, modules } = await bundle(folder, 'import { tensor } from "kasane"; console.log(await tensor([1]).add(1).array());');
    expect(warnings).toEqual([]);
    expect(modules).toContain("kasane/dist/src/ops/methods.js");
    expect(modules).toContain("kasane/dist/src/runtime/eager.js");
    const unused = /^(zod|@huggingface)\/|^kasane\/dist\/src\/(data|decode|metrics|models|nn|optim|parallel|rl)\//;
    expect(modules.filter((module) => unused.test(module))).toEqual([]);
  });

  test("is at most 150 kB in a program that trains, packed by gzip, ONNX Runtime aside", async () => {
    const program = 'import { compile, nn, optim, seed, tensor } from "kasane"; console.log(compile, nn, optim, seed, tensor);';
    const { code } = await bundle(folder, program, { external: ["onnxruntime-web"] });
    const size = gzipSync(code).length;
    expect(size).toBeGreaterThan(50_000);
    expect(size).toBeLessThanOrEqual(150_000);
  });
});

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { cases } from "../ops/cases.js";
import type { Outcome } from "../ops/evaluate.js";
import { disagreement } from "../ops/pytorch.js";
import { browser, type OpenPage, openPage, pageOf } from "./chromiumPage.js";
import { bundle, pack, root } from "./packed.js";
import type { offered } from "./pageProgram.js";
import { compute, trainAll } from "./program.js";

/** Cases in one graph: of more, ONNX Runtime's preparation takes longer than their sum. */
const atOnce = 80;

describe.skipIf(!browser && !process.env.CI)("in Chromium", () => {
  let folder = "";
  let opened: OpenPage;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kasane-browser-"));
    await pack(folder);
    const program = `import { offered } from ${JSON.stringify(join(root, "test/entries/pageProgram.ts"))}; Object.assign(globalThis, offered);`;
    const { code, warnings } = await bundle(folder, program, { alias: { kasane: join(folder, "node_modules/kasane/dist/src/index.js") } });
    expect(warnings).toEqual([]);
    opened = await openPage(pageOf(code));
  }, 120_000);
  afterAll(async () => {
    await opened?.close();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => expect(opened.faults).toEqual([]));

  type Offered = typeof offered;
  /** Calls a function that pageProgram.ts offers. */
  const call = <Name extends keyof Offered>(name: Name, ...values: Parameters<Offered[Name]>): ReturnType<Offered[Name]> =>
    opened.page.evaluate(`${name}(...${JSON.stringify(values)})`) as ReturnType<Offered[Name]>;

  test("there are WebAssembly and WebGPU", async () => {
    expect(await call("devices")).toEqual(["cpu", "webgpu"]);
  });

  test("values are what Node computes", async () => {
    // 256 products of ones, and 1; 1, 200 and -4 as float16.
    const expected = { eager: [257, 257], compiled: [257, 257], many: [257, 257], half: [0x3c00, 0x5a40, 0xc400] };
    expect(await compute()).toEqual(expected);
    expect(await call("compute")).toEqual(expected);
  });

  // On WebGPU numbers count from 1, as in webgpu.test.ts.
  test.each([
    ["cpu", undefined],
    ["webgpu", 1],
  ] as const)(
    "all operators and their gradients agree with PyTorch on %s",
    async (device, least) => {
      const outcomes = new Map<string, Outcome>();
      for (let i = 0; i < cases.length; i += atOnce)
        for (const [name, outcome] of await call("operators", device, i, i + atOnce)) outcomes.set(name, outcome);
      expect(outcomes.size).toBe(cases.length);
      const wrong = cases.flatMap(({ name }) => disagreement(name, outcomes.get(name), least) ?? []);
      expect(wrong).toEqual([]);
    },
    480_000,
  );

  test.each(["cpu", "webgpu"] as const)(
    "models learn on %s as they do in Node",
    async (device) => {
      const { mlpInWasm, ...inNode } = await trainAll("cpu");
      const expected: Record<string, number[]> = device === "cpu" ? { ...inNode, mlpInWasm: mlpInWasm as number[] } : inNode;
      const trainings = await call("trainAll", device);
      expect(Object.keys(trainings).sort()).toEqual(Object.keys(expected).sort());
      for (const [name, losses] of Object.entries(trainings)) {
        const right = expected[name] as number[];
        expect(right[9], name).toBeLessThan((right[0] as number) / 2);
        losses.forEach((loss, i) => expect(Math.abs(loss - (right[i] as number)), `${name} ${i}`).toBeLessThan(1e-4));
      }
    },
    240_000,
  );
});

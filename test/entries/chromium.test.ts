import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { expect, test } from "vitest";
import { browser, serve } from "./chromiumPage.js";
import { bundle, pack, root } from "./packed.js";
import { run } from "./program.js";

/** What `run` of program.ts gives in Chromium. */
async function runInChromium(): Promise<Awaited<ReturnType<typeof run>>> {
  const folder = await mkdtemp(join(tmpdir(), "kasane-browser-"));
  await pack(folder);
  await copyFile(join(root, "test/entries/program.ts"), join(folder, "program.ts"));
  const program =
    'import { run } from "./program.ts"; window.outcome = run().catch((error) => ({ error: String(error?.stack ?? error) }));';
  const server = await serve((await bundle(folder, program)).code);
  const instance = await chromium.launch({ executablePath: browser as string, args: ["--no-sandbox"] });
  try {
    const page = await instance.newPage();
    const faults: string[] = [];
    page.on("pageerror", (error) => faults.push(String(error)));
    await page.goto(server.url, { waitUntil: "load" });
    const outcome = (await page.evaluate("window.outcome")) as Awaited<ReturnType<typeof run>>;
    expect(faults).toEqual([]);
    return outcome;
  } finally {
    await instance.close();
    server.close();
    await rm(folder, { recursive: true, force: true });
  }
}

test.skipIf(!browser && !process.env.CI)("Chromium computes what Node computes", async () => {
  const [inNode, inBrowser] = [await run(), await runInChromium()];
  expect(inBrowser.error).toBeUndefined();
  const { devices, eager, compiled, many, half, ...trainings } = inBrowser;
  expect(devices).toContain("cpu");
  // 256 products of ones, and 1.
  expect({ eager, compiled, many }).toEqual({ eager: [257, 257], compiled: [257, 257], many: [257, 257] });
  expect(half).toEqual([0x3c00, 0x5a40, 0xc400]);
  expect(Object.keys(trainings)).toEqual(["mlp", "mlpInWasm", "wordsByRows"]);
  for (const [name, losses] of Object.entries(trainings)) {
    const expected = inNode[name] as number[];
    expect(expected[9]).toBeLessThan((expected[0] as number) / 2);
    (losses as number[]).forEach((loss, i) => expect(Math.abs(loss - (expected[i] as number)), `${name} ${i}`).toBeLessThan(1e-4));
  }
});

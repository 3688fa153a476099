import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Page } from "playwright-core";
import { build, createLogger } from "vite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { browser, openPage, type PageFiles } from "./chromiumPage.js";
import { pack, root } from "./packed.js";

/** Draws a stroke; places are shares of the drawing's width and height. */
async function draw(page: Page, points: readonly (readonly [x: number, y: number])[]): Promise<void> {
  const box = (await page.locator("#drawing").boundingBox()) as { x: number; y: number; width: number; height: number };
  const [first, ...rest] = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
  await page.mouse.move(...(first as readonly [number, number]));
  await page.mouse.down();
  for (const [x, y] of rest) await page.mouse.move(x, y, { steps: 4 });
  await page.mouse.up();
}

/** The page as Vite builds it, which gives no warning. */
async function buildByVite(folder: string): Promise<PageFiles> {
  for (const name of ["index.html", "main.ts", "vite.config.ts"]) await cp(join(root, "examples/browser", name), join(folder, name));
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  const warnings: string[] = [];
  const note = (message: string) => void warnings.push(message);
  const customLogger = { ...createLogger("silent"), warn: note, warnOnce: note, error: note };
  // How long a build takes is not the page's doing.
  const rolldownOptions = { checks: { pluginTimings: false, bundlerTimings: false } };
  const settings = { write: false, chunkSizeWarningLimit: 4000, rolldownOptions };
  const result = await build({ root: folder, customLogger, build: settings });
  expect(warnings).toEqual([]);
  type Output = { readonly fileName: string; readonly code?: string; readonly source?: string | Uint8Array };
  const { output } = [result].flat()[0] as { output: readonly Output[] };
  return Object.fromEntries(output.map(({ fileName, code, source }) => [basename(fileName), code ?? source ?? ""]));
}

const one = (x: number) => [[x, 0.15], [x + 0.02, 0.85]] as const; // biome-ignore format: a stroke
const seven = (x: number) => [[x, 0.2], [x + 0.5, 0.2], [x + 0.2, 0.85]] as const; // biome-ignore format: a stroke

async function learnTwo(page: Page): Promise<void> {
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);

  for (const x of [0.4, 0.5, 0.6]) {
    await draw(page, one(x));
    await page.getByRole("button", { name: "1", exact: true }).click();
    await draw(page, seven(x - 0.25));
    await page.getByRole("button", { name: "7", exact: true }).click();
  }
  await page.getByText("6 examples, learnt").waitFor();
}

async function guessAndRemember(page: Page): Promise<void> {
  expect(await page.locator("#curve").getAttribute("title")).toMatch(/^loss 0\.[01]/);
  await draw(page, seven(0.3));
  await page.getByText("This looks like 7").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await draw(page, one(0.45));
  await page.getByText("This looks like 1").waitFor();

  await page.reload();
  await page.getByText("6 examples").waitFor();
  await draw(page, one(0.55));
  await page.getByText("This looks like 1").waitFor();
  await page.getByRole("button", { name: "Forget all" }).click();
  await page.getByText("0 examples, nothing learnt yet").waitFor();
}

describe("examples/browser, built by Vite from the package", () => {
  let folder = "";
  let built: PageFiles = {};
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "kasane-example-"));
    await pack(folder);
    built = await buildByVite(folder);
  }, 120_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test("is a page whose scripts import nothing of Node", () => {
    expect(Object.keys(built)).toContain("index.html");
    const scripts = Object.entries(built).filter(([name]) => name.endsWith(".js"));
    expect(scripts.length).toBeGreaterThan(0);
    for (const [name, code] of scripts) expect(String(code), name).not.toMatch(/(from|import)\s*\(?["']node:/);
  });

  test.skipIf(!browser && !process.env.CI)(
    "learns digits as they are drawn on a phone, names the next one, and remembers them",
    async () => {
      const { page, faults, longestTask, close } = await openPage(built, { viewport: { width: 360, height: 740 } });
      try {
        const longest = await longestTask(() => learnTwo(page));
        console.log(`examples/browser: while it learns, the page's longest task takes ${longest.toFixed(1)} ms of the processor`);
        expect(longest).toBeGreaterThan(0);
        expect(longest).toBeLessThan(50);
        await guessAndRemember(page);
        expect(faults).toEqual([]);
      } finally {
        await close();
      }
    },
    240_000,
  );
});

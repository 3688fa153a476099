import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { browser, openPage } from "./chromiumPage.js";
import { bundle, pack, root } from "./packed.js";

/** Draws a stroke; places are shares of the drawing's width and height. */
async function draw(page: Page, points: readonly (readonly [x: number, y: number])[]): Promise<void> {
  const box = (await page.locator("#drawing").boundingBox()) as { x: number; y: number; width: number; height: number };
  const [first, ...rest] = points.map(([x, y]) => [box.x + x * box.width, box.y + y * box.height] as const);
  await page.mouse.move(...(first as readonly [number, number]));
  await page.mouse.down();
  for (const [x, y] of rest) await page.mouse.move(x, y, { steps: 4 });
  await page.mouse.up();
}

const one = (x: number) => [[x, 0.15], [x + 0.02, 0.85]] as const; // biome-ignore format: a stroke
const seven = (x: number) => [[x, 0.2], [x + 0.5, 0.2], [x + 0.2, 0.85]] as const; // biome-ignore format: a stroke

async function tryOut(page: Page): Promise<void> {
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(360);

  for (const x of [0.4, 0.5, 0.6]) {
    await draw(page, one(x));
    await page.getByRole("button", { name: "1", exact: true }).click();
    await draw(page, seven(x - 0.25));
    await page.getByRole("button", { name: "7", exact: true }).click();
  }
  await page.getByText("6 examples, learnt").waitFor();
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

test.skipIf(!browser && !process.env.CI)(
  "the page learns digits as they are drawn on a phone, names the next one, and remembers them",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "kasane-example-"));
    await pack(folder);
    const [source, html] = await Promise.all(
      ["main.ts", "index.html"].map((name) => readFile(join(root, "examples/browser", name), "utf8")),
    );
    const { code, warnings } = await bundle(folder, source as string, { loader: "ts" });
    expect(warnings).toEqual([]);
    const phone = { width: 360, height: 740 };
    const { page, faults, close } = await openPage(code, { html: (html as string).replace("./main.ts", "./bundle.js"), viewport: phone });
    try {
      await tryOut(page);
      expect(faults).toEqual([]);
    } finally {
      await close();
      await rm(folder, { recursive: true, force: true });
    }
  },
  240_000,
);

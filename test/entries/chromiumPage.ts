import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { chromium, type Page } from "playwright-core";
import { root } from "./packed.js";

/** The Chromium of the machine, if there is one. */
export const browser = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (!browser && !process.env.CI) console.warn("SKIPPED: the tests in a browser need Chromium, as /usr/bin/chromium");

/** Files of a page by their names, whatever their folders. */
export type PageFiles = Readonly<Record<string, string | Uint8Array>>;

/** A page that runs `code`. */
export const pageOf = (code: string): PageFiles => ({
  "index.html": '<!doctype html><script type="module" src="bundle.js"></script>',
  "bundle.js": code,
});

/** Serves the files of a page, and the WebAssembly files of onnxruntime-web beside them. */
function serve(known: PageFiles) {
  const types = { html: "text/html", js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" } as const;
  const server = createServer(async ({ url = "/" }, response) => {
    const file = basename(url === "/" ? "index.html" : url);
    const body = known[file] ?? (await readFile(join(root, "node_modules/onnxruntime-web/dist", file)).catch(() => undefined));
    response.writeHead(body === undefined ? 404 : 200, {
      "content-type": types[file.replace(/^.*\./, "") as keyof typeof types] ?? "text/plain",
      // Threads of WebAssembly need a page that is isolated.
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-embedder-policy": "require-corp",
    });
    response.end(body);
  });
  return new Promise<{ url: string; close(): void }>((resolve) => {
    server.listen(0, "127.0.0.1", () =>
      resolve({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close: () => server.close() }),
    );
  });
}

/** SwiftShader is WebGPU's adapter where there is no GPU; what it draws and computes, the CPU does. */
const flags = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** What is read of Chromium's traces: `tdur` is a task's time on the processor, in microseconds. */
interface TraceEvent {
  readonly pid: number;
  readonly tid: number;
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** A page of Chromium. */
export interface OpenPage {
  readonly page: Page;
  /** The processor's time of the page's longest task while `body` runs, in milliseconds: what else the machine does is not in it. */
  longestTask(body: () => Promise<void>): Promise<number>;
  /** Errors that nobody in the page caught. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** Opens a page of Chromium of the given files. */
export async function openPage(
  files: PageFiles,
  { viewport }: { readonly viewport?: { width: number; height: number } } = {},
): Promise<OpenPage> {
  const server = await serve(files);
  const instance = await chromium.launch({ executablePath: browser as string, args: flags });
  const page = await instance.newPage({ viewport: viewport ?? null });
  // Other tests run beside this one.
  page.setDefaultTimeout(120_000);
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await page.goto(server.url, { waitUntil: "load" });
  return {
    page,
    faults,
    async longestTask(body) {
      await instance.startTracing(page, { categories: ["toplevel"] });
      await body();
      const { traceEvents } = JSON.parse((await instance.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
      const threadOf = ({ pid, tid }: TraceEvent) => `${pid}:${tid}`;
      const main = new Set(traceEvents.filter(({ args }) => args?.name === "CrRendererMain").map(threadOf));
      const tasks = traceEvents.filter((event) => event.tdur !== undefined && main.has(threadOf(event)));
      return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
    },
    async close() {
      await instance.close();
      server.close();
    },
  };
}

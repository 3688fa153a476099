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

/** Serves a page that runs `code` as `bundle.js`, and the WebAssembly files of onnxruntime-web beside it. */
function serve(code: string, html = '<!doctype html><script type="module" src="bundle.js"></script>') {
  const types = { html: "text/html", js: "text/javascript", mjs: "text/javascript", wasm: "application/wasm" } as const;
  const server = createServer(async ({ url = "/" }, response) => {
    const file = basename(url === "/" ? "index.html" : url);
    const known: Record<string, string> = {
      "index.html": html,
      "bundle.js": code,
    };
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

/** A page of Chromium. */
export interface OpenPage {
  readonly page: Page;
  /** Errors that nobody in the page caught. */
  readonly faults: readonly string[];
  close(): Promise<void>;
}

/** Opens a page of Chromium that runs `code`. */
export async function openPage(
  code: string,
  { html, viewport }: { readonly html?: string; readonly viewport?: { width: number; height: number } } = {},
): Promise<OpenPage> {
  const server = await serve(code, html);
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
    async close() {
      await instance.close();
      server.close();
    },
  };
}

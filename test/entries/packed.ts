import { cp, mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

export const root = fileURLToPath(new URL("../..", import.meta.url));

/** Puts the library into a folder as users have it: `node_modules/kasane` with package.json and the compiled sources, and its dependencies. */
export async function pack(folder: string): Promise<void> {
  const home = join(folder, "node_modules", "kasane");
  await mkdir(home, { recursive: true });
  await cp(join(root, "package.json"), join(home, "package.json"));
  const sources = ["src", "lab"].map(async (room) =>
    (await readdir(join(root, room), { recursive: true })).filter((file) => file.endsWith(".ts")).map((file) => join(root, room, file)),
  );
  await build({
    entryPoints: (await Promise.all(sources)).flat(),
    outbase: root,
    outdir: join(home, "dist"),
    format: "esm",
    target: "es2022",
  });
  for (const name of await readdir(join(root, "node_modules"))) {
    const link = join(folder, "node_modules", name);
    if (!name.startsWith(".")) await symlink(join(root, "node_modules", name), link).catch(() => undefined);
  }
}

/** A program bundled for a browser. */
export interface Bundle {
  readonly code: string;
  readonly warnings: readonly string[];
  /** What it imports that is not in it. */
  readonly missing: readonly string[];
  /** The modules that some code is left of, as `kasane/dist/src/index.js`. */
  readonly modules: readonly string[];
}

/**
 * Bundles a program that uses the library in `folder` for a browser, minified, with no stub for anything.
 * @param options.external packages that are left out
 * @param options.alias the files that stand for packages
 */
export async function bundle(
  folder: string,
  program: string,
  { loader = "js", external = [], alias = {} }: { loader?: "js" | "ts"; external?: string[]; alias?: Record<string, string> } = {},
): Promise<Bundle> {
  const { outputFiles, warnings, metafile } = await build({
    stdin: { contents: program, resolveDir: folder, loader },
    bundle: true,
    external,
    alias,
    platform: "browser",
    format: "esm",
    minify: true,
    write: false,
    metafile: true,
    outdir: folder,
    absWorkingDir: root,
    logLevel: "silent",
  });
  const [{ inputs, imports }] = Object.values(metafile.outputs) as [(typeof metafile.outputs)[string]];
  return {
    code: (outputFiles[0] as { text: string }).text,
    warnings: warnings.map(({ text }) => text),
    missing: imports.map(({ path }) => path),
    modules: Object.entries(inputs).flatMap(([file, { bytesInOutput }]) =>
      bytesInOutput > 0 ? [file.replace(/^.*node_modules\//, "")] : [],
    ),
  };
}

/**
 * The package as somebody new meets it: packed, installed into an empty folder, type checked without mercy, its examples run as docs/start.md
 * says. Needs the package registry. Run by `npm run test:package`.
 */
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "kasane-package-"));
const home = join(folder, "home");
const project = join(folder, "project");
mkdirSync(home);
mkdirSync(project);

function run(command: string, args: readonly string[], cwd = project, env: NodeJS.ProcessEnv = {}): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd, encoding: "utf8", env: { ...process.env, ...env }, timeout: 600_000 });
}

/** Runs a command that must succeed, and gives what it printed. */
function succeed(command: string, args: readonly string[], cwd?: string, env?: NodeJS.ProcessEnv): string {
  const { status, stdout, stderr } = run(command, args, cwd, env);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

let passed = 0;
function expect(what: string, text: string, pattern: RegExp): void {
  if (!pattern.test(text)) throw new Error(`${what}: expected ${pattern}, got:\n${text}`);
  passed++;
  console.log(`ok ${what}`);
}

/** Flowers of three kinds, told apart by four measures: the same at every call. */
function flowers(): string {
  const kinds = { setosa: [5, 3.4, 1.5, 0.2], versicolor: [5.9, 2.8, 4.3, 1.3], virginica: [6.6, 3, 5.6, 2] };
  const rows = Object.entries(kinds).flatMap(([kind, means]) =>
    Array.from({ length: 40 }, (_, i) => `${means.map((mean, j) => (mean + 0.2 * Math.sin(i * (j + 1))).toFixed(2)).join()},${kind}`),
  );
  return ["sepal length,sepal width,petal length,petal width,species", ...rows].join("\n");
}

/** Pictures of 8 x 8 in MNIST's format, whose bright column is their class. */
function pictures(count: number): { images: Uint8Array; labels: Uint8Array } {
  const header = (...sizes: number[]) => [0, 0, 8, sizes.length, ...sizes.flatMap((size) => [0, 0, size >> 8, size & 255])];
  const labels = Array.from({ length: count }, (_, i) => i % 8);
  const pixels = labels.flatMap((label, i) => Array.from({ length: 64 }, (_, place) => (place % 8 === label ? 255 - (i % 50) : 10)));
  return {
    images: gzipSync(Uint8Array.from([...header(count, 8, 8), ...pixels])),
    labels: gzipSync(Uint8Array.from([...header(count), ...labels])),
  };
}

try {
  succeed("npm", ["pack", "--no-ignore-scripts", "--pack-destination", folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) as string;
  writeFileSync(join(project, ".npmrc"), "ignore-scripts=true\n");
  succeed("npm", ["init", "-y"]);
  succeed("npm", ["pkg", "set", "type=module"]);
  succeed("npm", ["install", "--no-audit", "--no-fund", join(folder, tarball)]);
  succeed("npm", ["install", "--no-audit", "--no-fund", "--save-dev", "tsx", "typescript@6.0", "@types/node@20"]);

  // The page that lies in a folder beside them is tried in a browser (test/entries).
  const examples = readdirSync(join(root, "examples")).filter((name) => name.endsWith(".ts"));
  for (const name of examples) copyFileSync(join(root, "examples", name), join(project, name));
  const options = { module: "NodeNext", target: "ES2022", strict: true, skipLibCheck: false, noEmit: true, types: ["node"] };
  writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: options, include: ["*.ts"] }));
  expect("the examples' types, and those of the package", succeed("npx", ["tsc", "-p", "."]), /^$/);

  const env = { HOME: home };
  const tsx = (...args: string[]) => succeed("npx", ["tsx", ...args], project, env);
  expect("spirals.ts", tsx("spirals.ts"), /accuracy on unseen points: (1\.00|0\.9\d)/);
  expect("pendulum.ts", tsx("pendulum.ts"), /gravity 9\.8\d, friction 0\.30:/);
  expect("text.ts", tsx("text.ts"), /accuracy on unseen sentences: (1\.00|0\.9\d)/);

  writeFileSync(join(project, "flowers.csv"), flowers());
  expect("table.ts", tsx("table.ts", "flowers.csv"), /accuracy: 1\b/);
  expect("serve.ts in another process", tsx("serve.ts", "flowers", "5", "3.4", "1.5", "0.2"), /setosa 0\.9\d\d|setosa 1\.000/);
  const page = readFileSync(join(root, "docs/start.md"), "utf8");
  writeFileSync(join(project, "plain.js"), /```js\n([\s\S]*?)```/.exec(page)?.[1] as string);
  const answers = succeed("node", ["plain.js"], project, env);
  expect("model.onnx in plain onnxruntime-node", answers, /\[\s*(1|0\.9)/);

  mkdirSync(join(project, "mnist"));
  for (const [part, count] of [["train", 1600] as const, ["t10k", 400] as const]) {
    const { images, labels } = pictures(count);
    writeFileSync(join(project, "mnist", `${part}-images-idx3-ubyte.gz`), images);
    writeFileSync(join(project, "mnist", `${part}-labels-idx1-ubyte.gz`), labels);
  }
  expect("digits.ts", tsx("digits.ts", "mnist"), /accuracy on the test pictures: 1\.0000/);

  const fault = run("npx", ["tsx", "table.ts", "nothing.csv"], project, env);
  expect("a missing file's one line", fault.stderr, /nothing\.csv: no such file/);
  expect("kasane --help", succeed("npx", ["kasane", "--help"], project, env), /Usage: /);
  expect("kasane list", succeed("npx", ["kasane", "list"], project, env), /binary-addition/);

  const dist = join(project, "node_modules/kasane/dist");
  const maps = readdirSync(dist, { recursive: true }).filter((name) => String(name).endsWith(".js.map"));
  const withoutSource = maps.filter((name) => !JSON.parse(readFileSync(join(dist, String(name)), "utf8")).sourcesContent?.[0]);
  expect("source maps hold their sources", `${maps.length > 100} ${withoutSource.length}`, /^true 0$/);
  console.log(`${passed} passed, 0 failed`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { pack, root } from "../entries/packed.js";
import { temporaryFolder } from "./helpers.js";

// An experiment in a file of one's own, run by the package from a project that is no clone.

const project = temporaryFolder();
const programs = [...readFileSync(join(root, "README.md"), "utf8").matchAll(/```ts\n([\s\S]*?)```/g)].map(([, program = ""]) => program);
const example = programs.find((program) => program.includes('from "kasane/lab"')) ?? "";

beforeAll(async () => {
  await pack(project);
  writeFileSync(join(project, "package.json"), '{ "type": "module" }');
  writeFileSync(join(project, "line.ts"), example);
});

/** Runs the package's command in the project. */
function kasane(...words: string[]) {
  const { npm_lifecycle_event: _, ...env } = process.env;
  const main = join("node_modules", "kasane", "dist", "lab", "main.js");
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...words], { cwd: project, env, encoding: "utf8" });
  return { status, stdout, stderr };
}

it("runs the README's, is resumed and asked", () => {
  const { status, stdout, stderr } = kasane("run", "./line.ts", "--steps", "400");
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  // Least squares from noise of deviation 0.1 end near the slope 2; a constant step keeps it moving by about 0.03.
  const slope = Number(/slope (\S+), expected 2/.exec(stdout)?.[1]);
  expect(Math.abs(slope - 2)).toBeLessThan(0.2);

  const [run = ""] = readdirSync(join(project, "runs"));
  expect(readdirSync(join(project, "runs", run))).toContain("loss.svg");
  expect(kasane("run", "line.ts", "--resume", run, "--steps", "500").status).toBe(0);
  // y = 2 x + 1
  const asked = kasane("predict", run, "0.5", "--from", "./line.ts");
  expect(asked.stderr).toBe("");
  expect(Math.abs(Number(asked.stdout) - 2)).toBeLessThan(0.2);
  expect(kasane("predict", run, "0.5")).toEqual({
    status: 2,
    stdout: "",
    stderr: `kasane: predict: ${join("runs", run)} is a run of line, which is none of Kasane's own: say where it is with --from FILE\n`,
  });
});

it("has the help of its options", () => {
  const { status, stdout } = kasane("run", "./line.ts", "--help");
  const text = stdout.replaceAll(/\s+/g, " ");
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Usage: kasane run .\/line.ts \[options\]/);
  expect(text).toMatch(/--steps <n> updates \(at least 1; default: 500\)/);
  expect(text).toMatch(/--learning-rate <x> step size of plain gradient descent \(above 0; default: 0\.1\)/);
});

it("may use all of TypeScript, other files, and JavaScript", () => {
  writeFileSync(
    join(project, "helper.ts"),
    "export class Held { constructor(readonly value: string) {} }\nexport enum Kind { Small = 'small' }",
  );
  const body = "options: z.object({}), async run(context) { context.print(say); } });";
  const head = 'import { defineExperiment, z } from "kasane/lab";';
  const name = (kind: string) => `export const mine = defineExperiment({ name: "mine", title: "${kind}",`;
  const said = 'import { Held, Kind } from "./helper.js";\nconst say = new Held(Kind.Small).value;';
  writeFileSync(join(project, "mine.ts"), `${head}\n${said}\n${name("TypeScript")} ${body}`);
  writeFileSync(join(project, "mine.mjs"), `${head}\nconst say = "plain";\n${name("JavaScript")} ${body}`);
  expect(kasane("run", "./mine.ts").stdout).toMatch(/^TypeScript\nrun folder: .*\nsmall\n/);
  expect(kasane("run", "mine.mjs").stdout).toMatch(/^JavaScript\nrun folder: .*\nplain\n/);
});

const cases: [file: string, text: string | undefined, message: RegExp][] = [
  ["none.ts", undefined, /there is no file none\.ts: expected an experiment of the list/],
  ["empty.ts", "export const x = 3;", /empty\.ts exports no experiment, expected one: export const mine = defineExperiment/],
  ["broken.ts", "export const = 3;", /broken\.ts cannot be loaded: /],
  ["lost.ts", 'import "./nowhere.js";', /lost\.ts cannot be loaded: .*nowhere/],
  [
    "taken.ts",
    'import { defineExperiment, z } from "kasane/lab";\nexport const a = defineExperiment({ name: "ptb", title: "", options: z.object({}), run: async () => {} });',
    /taken\.ts: the name ptb is that of an experiment of Kasane's own/,
  ],
  [
    "odd.ts",
    'import { defineExperiment, z } from "kasane/lab";\nexport const a = defineExperiment({ name: "../up", title: "", options: z.object({}), run: async () => {} });',
    /odd\.ts: the experiment's name is "\.\.\/up", expected one like my-experiment/,
  ],
  [
    "clash.ts",
    'import { defineExperiment, z } from "kasane/lab";\nexport const a = defineExperiment({ name: "clash", title: "", options: z.object({ seed: z.int() }), run: async () => {} });',
    /clash: the option seed is one that every experiment has/,
  ],
];

it.each(cases)("%s is refused in one line", (file, text, message) => {
  if (text !== undefined) writeFileSync(join(project, file), text);
  const { status, stdout, stderr } = kasane("run", file);
  expect(stderr).toMatch(message);
  expect(stderr.trim().split("\n")).toHaveLength(1);
  expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
});

it("an error of the experiment's keeps its trace, and is not called a fault of Kasane's", () => {
  const text = 'options: z.object({}), async run() { throw new TypeError("mine alone"); } });';
  writeFileSync(
    join(project, "wrong.ts"),
    `import { defineExperiment, z } from "kasane/lab";\nexport const wrong = defineExperiment({ name: "wrong", title: "", ${text}`,
  );
  const { status, stderr } = kasane("run", "./wrong.ts");
  expect(stderr).toMatch(/^kasane: an unexpected error, in Kasane or in the experiment:\nTypeError: mine alone\n +at .*wrong\.ts:/);
  expect(status).toBe(1);
});

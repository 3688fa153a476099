import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { experiments } from "../../lab/experiments.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(join(root, file), "utf8");
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true }).map((name) => `docs/${String(name).replaceAll("\\", "/")}`),
].filter((name) => name.endsWith(".md"));

it("every dependency has its reason", () => {
  const { dependencies, devDependencies } = JSON.parse(read("package.json"));
  const reasons = read("docs/dependencies.md");
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) expect(reasons).toContain(`| \`${name}\` |`);
});

it("the page of an experiment has its exercises, and the index names it", () => {
  const written = pages.flatMap((page) => /^docs\/experiments\/(.+)\.md$/.exec(page)?.[1] ?? []);
  expect(written).toContain("binary-addition");
  for (const name of written) {
    expect(experiments.map((experiment) => experiment.name)).toContain(name);
    expect(read(`docs/experiments/${name}.md`)).toMatch(/^## Exercises\n\n1\. [\s\S]*^2\. [\s\S]*^3\. /m);
    expect(read("docs/README.md")).toContain(`(experiments/${name}.md)`);
  }
});

it.each(pages)("the links of %s lead somewhere", (page) => {
  const links = [...read(page).matchAll(/\]\(([^)#]+)[^)]*\)/g)]
    .map(([, link]) => link as string)
    .filter((link) => !link.startsWith("http"));
  for (const link of links) expect(existsSync(join(root, dirname(page), link)), link).toBe(true);
});

// The programs of a page lie in a folder too, where they are run.
it.each(
  pages.flatMap((page) =>
    [...read(page).matchAll(/<!-- file: (\S+) -->\n```ts\n([\s\S]*?)```/g)].map(([, file, code]) => ({ page, file, code })),
  ),
)("$file stands in $page as it is", ({ file, code }) => {
  expect(code).toBe(read(file as string));
  expect((code as string).split("\n").length).toBeLessThanOrEqual(61);
});

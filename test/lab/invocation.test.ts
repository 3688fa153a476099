import { delimiter } from "node:path";
import { expect, it } from "vitest";
import { invocation, quoted } from "../../lab/invocation.js";

const words = ["run", "line", "--resume", "runs/my run's"];
const inQuotes = "run line --resume 'runs/my run'\\''s'";

it.each([
  ["a clone, from its sources", { isSource: true, script: "/clone/lab/main.ts", env: {} }, "npm run kasane --"],
  ["a script of the package of that name", { env: { npm_lifecycle_event: "kasane" } }, "npm run kasane --"],
  ["npx", { env: { npm_lifecycle_event: "npx" } }, "npx kasane"],
  ["another script of the user's project", { env: { npm_lifecycle_event: "train" } }, "npx kasane"],
  ["the project's own folder of programs", { script: "/home/me/project/node_modules/.bin/kasane" }, "npx kasane"],
  ["a program on the path", { script: "/usr/local/bin/kasane", env: { PATH: ["/bin", "/usr/local/bin"].join(delimiter) } }, "kasane"],
])("names the command as it was called: %s", (_, caller, command) => {
  expect(invocation(words, { isSource: false, script: "/opt/kasane/main.js", env: {}, ...caller })).toBe(`${command} ${inQuotes}`);
});

it("puts in quotes what a shell would take apart", () => {
  expect(quoted("runs/a-1", "linux")).toBe("runs/a-1");
  expect(quoted("", "linux")).toBe("''");
  expect(quoted("a b;$(c)", "linux")).toBe("'a b;$(c)'");
  expect(quoted("C:\\runs\\a-1", "win32")).toBe("C:\\runs\\a-1");
  expect(quoted("C:\\my runs", "win32")).toBe('"C:\\my runs"');
});

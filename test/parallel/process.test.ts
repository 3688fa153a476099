import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const command = ["--import", "tsx", fileURLToPath(new URL("./trainOnce.ts", import.meta.url))];

test("a process that has trained with workers ends by itself", () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: root, encoding: "utf8", timeout: 50_000 });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "step\n", stderr: "" });
});

test("an interrupt ends a process that trains with workers", async () => {
  const child = spawn(process.execPath, [...command, "forever"], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  child.kill("SIGINT");
  child.stdout.resume();
  expect((await once(child, "close"))[1]).toBe("SIGINT");
});

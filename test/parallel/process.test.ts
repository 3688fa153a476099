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

const endWhileTraining = ["--import", "tsx", fileURLToPath(new URL("./endWhileTraining.ts", import.meta.url))];

// onnxruntime-node aborts the process where a thread ends during a call: not at every time, so several are tried.
test.each([10, 25, 45])(
  "a second interrupt, %i ms after the first, ends a process that trains with workers with exit code 130",
  async (pause) => {
    const child = spawn(process.execPath, [...endWhileTraining, "process", "2"], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    child.stderr.on("data", (text) => {
      errors += text;
    });
    await once(child.stdout, "data");
    child.kill("SIGINT");
    await new Promise((resolve) => setTimeout(resolve, pause));
    child.kill("SIGINT");
    expect([...(await once(child, "close")), errors]).toEqual([130, null, ""]);
  },
);

test.each(["1", "2", "2"])("a thread of one's own that trains with %s workers can be terminated", (workers) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...endWhileTraining, "thread", workers], {
    cwd: root,
    encoding: "utf8",
    timeout: 50_000,
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: "ended 1\n", stderr: "" });
});

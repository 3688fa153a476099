import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const folder = temporaryFolder();
const small = ["--digits", "1", "--examples", "20", "--held-out", "3", "--size", "16", "--batch-size", "10"];

it("learns its examples, reports on sums that it has not seen, and answers questions", async () => {
  const words = [...small, "--epochs", "150", "--learning-rate", "0.01"];
  const { code, stdout } = await kasane(["run", "addition", "--json", "--runs", folder, ...words]);
  expect(code).toBe(0);
  const run = folderOf(stdout);
  const losses = eventsOf(stdout, "metrics").flatMap(({ loss }) => (typeof loss === "number" ? [loss] : []));
  // 20 examples are learnt by heart.
  expect(losses.at(-1)).toBeLessThan(0.1);
  const [result] = eventsOf(stdout, "test");
  expect([0, 1 / 3, 2 / 3, 1].some((share) => Math.abs((result?.exact as number) - share) < 1e-9)).toBe(true);
  for (const file of ["exact.svg", "encoder.onnx", "decoder.onnx", "best.safetensors"])
    expect(existsSync(join(run, file)), file).toBe(true);

  const asked = await kasane(["predict", run, " 3 + 4", "--json"]);
  expect(JSON.parse(asked.stdout)).toMatchObject({ question: "3+4", sum: 7, answer: expect.stringMatching(/^[\d+]*$/) });
  for (const text of ["3+44", "three plus four", "３+4", ""]) {
    const { code, stderr } = await kasane(["predict", run, text]);
    expect(stderr).toContain(`got "${text}", expected two integers of at most 1 digits`);
    expect(code).not.toBe(0);
  }
});

it.each(["gru", "lstm", "transformer"])("has a choice of what reads and writes: %s", async (architecture) => {
  const { code, stdout } = await kasane(["run", "addition", "--runs", folder, ...small, "--epochs", "1", "--architecture", architecture]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/exact: [\d.]+ % of 3 held-out sums/);
});

it("says where there are not so many sums", async () => {
  const { code, stderr } = await kasane(["run", "addition", "--runs", folder, "--digits", "1", "--examples", "100"]);
  expect(stderr).toContain("--examples: 10100 sums of 55 with 1 digits: lower --examples or --held-out");
  expect(code).not.toBe(0);
});

it("goes on after an interrupt as if there had been none", async () => {
  await expectSameWhenResumed(["run", "addition", ...small, "--epochs", "6"], folder, 5);
});

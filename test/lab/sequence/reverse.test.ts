import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const folder = temporaryFolder();
const small = ["--trained-length", "4", "--longest", "10", "--size", "8", "--batch-size", "4", "--tried", "4"];

it("tries every architecture at every length, and plots both tasks", async () => {
  const words = [...small, "--steps", "3", "--architectures", "gru,lstm,attention,transformer"];
  const { code, stdout } = await kasane(["run", "reverse", "--json", "--runs", folder, ...words]);
  expect(code).toBe(0);
  const results = eventsOf(stdout, "result");
  expect(results.map(({ task, architecture }) => `${task} ${architecture}`)).toEqual(
    ["copy", "reverse"].flatMap((task) => ["lstm", "gru", "attention", "transformer"].map((name) => `${task} ${name}`)),
  );
  for (const { lengths, exact } of results) {
    expect(lengths).toEqual([5, 10]);
    expect(exact).toHaveLength(2);
  }
  for (const task of ["copy", "reverse"]) {
    expect(readFileSync(join(folderOf(stdout), `${task}.svg`), "utf8")).toContain(">length of the sequence (letters)</text>");
  }
});

it("learns to reverse what is short", async () => {
  const words = ["--trained-length", "5", "--longest", "5", "--size", "32", "--batch-size", "32", "--steps", "400"];
  const chosen = ["--learning-rate", "0.01", "--tasks", "reverse", "--architectures", "attention"];
  const { stdout } = await kasane(["run", "reverse", "--json", "--runs", folder, ...words, ...chosen]);
  const [result] = eventsOf(stdout, "result");
  // Nine in ten of a hundred sequences of five letters are right as a whole; guessing would have it once in 8^5 times.
  expect(result?.holds).toBe(5);

  const ask = (text: string) => kasane(["predict", folderOf(stdout), text, "--json"]);
  const { answers } = JSON.parse((await ask("abcde")).stdout);
  expect(answers).toEqual([{ task: "reverse", architecture: "attention", answer: "edcba", right: true }]);
  for (const text of ["abcdefgh", "xyz", ""]) {
    expect(await ask(text)).toMatchObject({ code: 2, stderr: expect.stringContaining("expected at most 5 letters from a to h") });
  }
});

it("complains of tasks, architectures and lengths that there are not", async () => {
  for (const [flag, value] of [
    ["--tasks", "copy,sort"],
    ["--architectures", "gru,cnn"],
  ] as const) {
    const { code, stderr } = await kasane(["run", "reverse", "--runs", folder, flag, value]);
    expect(stderr).toContain(`${flag}: got "${value}"`);
    expect(code).toBe(2);
  }
  const { stderr } = await kasane(["run", "reverse", "--runs", folder, "--longest", "10"]);
  expect(stderr).toContain("--longest: 10 is below --trained-length, 20");
});

it("goes on after an interrupt as if there had been none", async () => {
  const words = [...small, "--tasks", "copy", "--architectures", "gru,attention", "--steps", "210"];
  // Each model has three records of its training, then two of what was tried.
  await expectSameWhenResumed(["run", "reverse", ...words], folder, 2);
  await expectSameWhenResumed(["run", "reverse", ...words], folder, 7);
});

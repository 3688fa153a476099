import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "./interruption.js";

const folder = temporaryFolder();
const run = (...words: string[]) => kasane(["run", "predict-sin", "--json", "--runs", folder, ...words]);

it("learns the curve's next point, and draws on", async () => {
  const { code, stdout } = await run("--iters", "20");
  expect(code).toBe(0);

  const rows = eventsOf(stdout, "test");
  expect(rows).toHaveLength(100);
  const curve = Array.from({ length: 500 }, (_, i) => Math.sin((10 * Math.PI * i) / 499));
  for (const { loss, target, prediction } of rows as { loss: number; target: number; prediction: number }[]) {
    expect(curve).toContain(target);
    // Computed in float32, the loss from the difference of values near 1.
    expect(Math.abs(loss - (prediction - target) ** 2 / 2)).toBeLessThan(1e-6 * (Math.abs(prediction - target) + 1e-6));
  }
  // A network that gives the last point for the next is wrong by the slope times the step: the mean of cos² is 1/2, so its loss is h²/4.
  const step = (10 * Math.PI) / 499;
  const figures = eventsOf(stdout, "metrics").at(-1) as { testLoss: number; generatedError: number };
  expect(figures.testLoss).toBeLessThan(step ** 2 / 4);
  expect(figures.testLoss).toBeCloseTo(rows.reduce((sum, row) => sum + (row.loss as number), 0) / 100, 12);
  expect(figures.generatedError).toBeLessThan(2);

  const svg = readFileSync(join(folderOf(stdout), "generated.svg"), "utf8");
  for (const text of ["true", "generated", "t (radians)"]) expect(svg).toContain(`>${text}</text>`);

  // Asked of a test window, it gives the prediction that the run reported; asked for more, it goes on from there.
  const { target, prediction } = rows[0] as { target: number; prediction: number };
  const place = curve.indexOf(target);
  const ask = (text: string, ...words: string[]) => kasane(["predict", folderOf(stdout), text, "--json", ...words]);
  const asked = JSON.parse((await ask(`${curve[place - 2]} ${curve[place - 1]}`, "--points", "3")).stdout);
  expect(asked.points).toHaveLength(3);
  // float32
  expect(asked.points[0]).toBeCloseTo(prediction, 6);
  const next = JSON.parse((await ask(`${curve[place - 1]} ${asked.points[0]}`, "--points", "1")).stdout);
  expect(next.points[0]).toBeCloseTo(asked.points[1], 6);
  for (const text of ["0", "0 1 2", "0 one", ""]) {
    expect(await ask(text)).toMatchObject({ code: 2, stderr: expect.stringMatching(/^kasane: predict: .*expected 2 numbers.*\n$/) });
  }
});

it("has the report's variations as presets", async () => {
  const given = async (...words: string[]) => JSON.parse((await run(...words)).stdout.split("\n")[0] as string).options;
  expect(await given("--preset", "iters-100", "--hidden-size", "1")).toMatchObject({ maxlen: 2, iters: 100, learningRate: 0.1 });
  expect(await given("--preset", "maxlen-5", "--iters", "1")).toMatchObject({ maxlen: 5, iters: 1, hiddenSize: 5 });
});

it("goes on after an interrupt as if there had been none", async () => {
  await expectSameWhenResumed(["run", "predict-sin", "--iters", "12", "--maxlen", "5"], folder, 5);
});

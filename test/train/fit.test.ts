import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, random, seed, type Tensor, Variable, zeros } from "kasane";
import { files, train } from "kasane/node";
import { describe, expect, it } from "vitest";
import { sampleRun } from "./sampleRun.js";

const makeFolder = () => mkdtemp(join(tmpdir(), "kasane-"));

/** A loop without a model: what a step gives is the batch. */
const plain = { step: async (loss: number) => ({ loss }), progress: false as const };

describe("fit", () => {
  it("records means of the steps' figures, to the end of the epochs", async () => {
    const folder = await makeFolder();
    const seen: train.Metrics[] = [];
    const result = await train.fit({
      ...plain,
      batches: (epoch) => [epoch, epoch + 1, epoch + 2],
      epochs: 3,
      recordEvery: 4,
      folder,
      onRecord: (metrics) => seen.push(metrics),
    });
    const history = [
      { step: 4, loss: (0 + 1 + 2 + 1) / 4 },
      { step: 8, loss: (2 + 3 + 2 + 3) / 4 },
      { step: 9, loss: 4 },
    ];
    expect(result).toEqual({ step: 9, ended: "complete", history, best: undefined });
    expect(seen).toEqual(history);
    expect(new train.MetricsFile(join(folder, "metrics.jsonl")).read()).toEqual(history);
    // Without state there is nothing to save.
    expect(await readdir(folder)).toEqual(["metrics.jsonl"]);
  });

  it("ends at a number of steps in the middle of endless batches", async () => {
    function* endless() {
      for (let i = 0; ; i++) yield i;
    }
    expect(await train.fit({ ...plain, batches: endless, steps: 7, epochs: 2 })).toMatchObject({ step: 7, ended: "complete" });
  });

  it("validates after every epoch or every so many steps, and once at the end", async () => {
    const at: number[] = [];
    let count = 0;
    const options = {
      ...plain,
      batches: () => [1, 2, 3],
      step: async (loss: number) => ({ loss: loss + 0 * count++ }),
      validate: async () => ({ validationLoss: at.push(count) }),
    };
    await train.fit({ ...options, epochs: 2 });
    expect(at).toEqual([3, 6]);
    at.length = count = 0;
    await train.fit({ ...options, steps: 7 });
    expect(at).toEqual([3, 6, 7]);
    at.length = count = 0;
    await train.fit({ ...options, steps: 7, validateEvery: 2 });
    expect(at).toEqual([2, 4, 6, 7]);
  });

  it("stops early, and keeps the best and the last checkpoint", async () => {
    const folder = await makeFolder();
    const weight = new Variable(zeros([]));
    const scores = [0.2, 0.5, 0.4, 0.5, 0.45, 0.9];
    let epoch = 0;
    const result = await train.fit({
      ...plain,
      step: async () => {
        await weight.assign(zeros([]).add(++epoch));
        return {};
      },
      batches: () => [0],
      epochs: 6,
      validate: async () => ({ accuracy: scores[epoch - 1] as number }),
      best: { metric: "accuracy", mode: "max", patience: 3 },
      folder,
      state: { model: { namedVariables: () => new Map([["weight", weight]]) } },
    });
    expect(result).toMatchObject({ step: 5, ended: "stoppedEarly", best: 0.5 });
    const read = async (name: string) => (await files.readSafetensors(join(folder, name))).tensors.get("model.weight")?.data;
    expect(await read("best.safetensors")).toEqual(new Float32Array([2]));
    expect(await read("last.safetensors")).toEqual(new Float32Array([5]));
    expect((await readdir(folder)).sort()).toEqual(["best.safetensors", "last.safetensors", "metrics.jsonl"]);
  });

  it("goes on after an interruption at any step as if there had been none", async () => {
    const whole = sampleRun(11);
    const validate = (run: typeof whole) => async () => ({ weight: (await run.model.output.weight.data())[0] as number });
    const settings = { epochs: 4, recordEvery: 3, best: { metric: "weight" } };
    const unbroken = await train.fit({ ...whole.options, ...settings, validate: validate(whole) });
    expect(unbroken.history.map(({ step }) => step)).toEqual([3, 5, 5, 6, 9, 10, 10, 12, 15, 15, 18, 20, 20]);
    for (const stop of [1, 5, 7, 15, 19]) {
      const folder = await makeFolder();
      const first = sampleRun(11);
      const controller = new AbortController();
      const step: typeof first.options.step = async (batch) => {
        const figures = await first.options.step(batch);
        if (first.losses.length === stop) controller.abort();
        return figures;
      };
      const broken = await train.fit({ ...first.options, ...settings, validate: validate(first), step, folder, signal: controller.signal });
      expect(broken).toMatchObject({ step: stop, ended: "interrupted" });
      const second = sampleRun(12);
      const resumed = await train.fit({ ...second.options, ...settings, validate: validate(second), folder, resume: true });
      expect([...first.losses, ...second.losses], `stopped at ${stop}`).toEqual(whole.losses);
      expect(resumed, `stopped at ${stop}`).toEqual(unbroken);
      await first.dispose();
      await second.dispose();
    }
    await whole.dispose();
  });

  it("resumes batches that are drawn from the random numbers of the run itself", async () => {
    const run = (start: number) => {
      seed(start);
      const weight = new Variable(random.normal([4]));
      const step = compile((x: Tensor) => {
        const loss = x
          .sub(weight)
          .add(random.normal([4]))
          .square()
          .mean();
        weight.assign(weight.mul(0.9).add(x.mul(0.1)));
        return { loss };
      });
      const losses: number[] = [];
      function* batches() {
        const centre = random.uniform([4]);
        for (;;) yield centre.add(random.uniform([4]));
      }
      const measured = async (x: Tensor) => {
        const { loss } = await step(x);
        losses.push(await loss.item());
        return { loss };
      };
      const state = { model: { namedVariables: () => new Map([["weight", weight]]) } };
      return { options: { step: measured, batches, state, progress: false as const }, losses };
    };
    const [whole, first, second] = [run(1), run(1), run(2)];
    seed(1);
    await train.fit({ ...whole.options, steps: 9 });
    seed(1);
    const folder = await makeFolder();
    await train.fit({ ...first.options, steps: 4, folder });
    await train.fit({ ...second.options, steps: 9, folder, resume: true });
    expect([...first.losses, ...second.losses]).toEqual(whole.losses);
  });

  it("forgets what was recorded after the checkpoint that it resumes from", async () => {
    const folder = await makeFolder();
    const options = { ...plain, batches: () => [1, 2], state: {}, folder, recordEvery: 1 };
    await train.fit({ ...options, epochs: 1 });
    new train.MetricsFile(join(folder, "metrics.jsonl")).append({ step: 3, loss: 99 });
    const { history } = await train.fit({ ...options, epochs: 2, resume: true });
    expect(history.map(({ step, loss }) => [step, loss])).toEqual([
      [1, 1],
      [2, 2],
      [3, 1],
      [4, 2],
    ]);
    // A run that is complete has nothing left to do.
    expect(await train.fit({ ...options, epochs: 2, resume: true })).toEqual({ step: 4, ended: "complete", history, best: undefined });
  });

  it("writes figures for TensorBoard", async () => {
    const folder = await makeFolder();
    const events = new files.EventWriter(folder, () => 1);
    await train.fit({ ...plain, batches: () => [1, 2], epochs: 1, recordEvery: 1, events });
    events.close();
    const written = (await readFile(events.file)).toString("latin1");
    expect(written.split("loss").length - 1).toBe(2);
  });

  it("says what is wrong with what it is given, or becomes of it", async () => {
    const folder = await makeFolder();
    const batches = () => [1, 2, Number.NaN];
    await expect(train.fit({ ...plain, batches })).rejects.toThrow(/neither epochs nor steps/);
    await expect(train.fit({ ...plain, batches, epochs: 1 })).rejects.toThrow(
      /loss is NaN at step 3: lower the learning rate.*detectAnomalies/,
    );
    await expect(train.fit({ ...plain, batches: () => [], epochs: 1 })).rejects.toThrow(/epoch 0 has no batches/);
    await expect(train.fit({ ...plain, batches, epochs: 1, resume: true })).rejects.toThrow(/resume needs the folder/);
    await expect(train.fit({ ...plain, batches, epochs: 1, resume: true, folder, state: {} })).rejects.toThrow(
      /last\.safetensors: no such file/,
    );
    const validate = async () => ({ loss: 1 });
    await expect(train.fit({ ...plain, batches: () => [1], epochs: 1, validate, best: { metric: "accuracy" } })).rejects.toThrow(
      /best\.metric is "accuracy", but validate gives loss/,
    );
    await train.saveCheckpoint(join(folder, "last.safetensors"), { state: {}, step: 3 });
    await expect(train.fit({ ...plain, batches, epochs: 1, resume: true, folder, state: {} })).rejects.toThrow(
      /not a checkpoint that fit saved/,
    );
  });

  it("ends the step, saves and says how to go on at Ctrl-C, and ends at once at a second", async () => {
    const [folder, slowFolder] = [await makeFolder(), await makeFolder()];
    const once = interrupt([folder], 3, 1);
    const twice = interrupt([slowFolder, "slow"], 1, 2);
    const { code, output, errors } = await once;
    expect(code).toBe(0);
    const step = Number(/interrupted (\d+)/.exec(output)?.[1]);
    expect(step).toBeGreaterThanOrEqual(3);
    expect(errors).toContain(`interrupted after step ${step}, saved as ${join(folder, "last.safetensors")}; to go on: run it again`);
    expect((await train.readCheckpointNotes(join(folder, "last.safetensors"))).step).toBe(step);
    expect(await twice).toMatchObject({ code: 130 });
  });
});

/** Starts a run, and after some steps sends it SIGINT. */
function interrupt(
  args: readonly string[],
  steps: number,
  signals: number,
): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, ["--import", "tsx", "test/train/interruptedRun.ts", ...args]);
  let output = "";
  let errors = "";
  let sent = 0;
  child.stderr.on("data", (text) => {
    errors += text;
  });
  child.stdout.on("data", (text) => {
    output += text;
    if (output.split("step\n").length <= steps || sent > 0) return;
    for (; sent < signals; sent++) setTimeout(() => child.kill("SIGINT"), 200 * sent);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output, errors })));
}

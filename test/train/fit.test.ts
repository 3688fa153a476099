import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, random, seed, type Tensor, tensor, Variable, zeros } from "kasane";
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
      on: { record: (metrics) => void seen.push(metrics) },
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

  it("saves the last state however often the best one is saved", async () => {
    const folder = await makeFolder();
    let loss = 100;
    const saves: string[] = [];
    await train.fit({
      ...plain,
      step: async () => {
        await new Promise((done) => setTimeout(done, 5));
        return { loss: loss-- };
      },
      steps: 30,
      validateEvery: 1,
      validate: async () => ({ loss }),
      best: { metric: "loss" },
      folder,
      state: {},
      saveEverySeconds: 0.02,
      on: { save: ({ file, step }) => void (file.endsWith("last.safetensors") && step < 30 && saves.push(file)) },
    });
    expect(saves.length).toBeGreaterThan(2);
  });

  it("forgets the best of another goal, and counts for none", async () => {
    const folder = await makeFolder();
    const options = { ...plain, step: async () => ({ loss: 1 }), validateEvery: 1, folder, state: {}, progress: false as const };
    const validate = async () => ({ loss: 1, accuracy: 0.5 });
    await train.fit({ ...options, steps: 5, validate });
    const best = { metric: "loss", patience: 3 };
    expect(await train.fit({ ...options, steps: 7, validate, best, resume: true })).toMatchObject({ step: 7, ended: "complete", best: 1 });
    const goal = { metric: "accuracy", mode: "max" } as const;
    expect(await train.fit({ ...options, steps: 9, validate, best: goal, resume: true })).toMatchObject({ best: 0.5 });
    await expect(train.fit({ ...options, steps: 9, best: goal, overwrite: true })).rejects.toThrow("best and validateEvery need validate");
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
    expect(await weight.item()).toBe(5);
    const resumed = {
      ...plain,
      batches: () => [0],
      epochs: 6,
      folder,
      state: { model: { namedVariables: () => new Map([["weight", weight]]) } },
    };
    const best = { metric: "accuracy", mode: "max", patience: 3, restore: true } as const;
    await train.fit({ ...resumed, resume: true, validate: async () => ({ accuracy: 0 }), best });
    expect(await weight.item()).toBe(2);
    expect(await read("last.safetensors")).toEqual(new Float32Array([5]));
    await expect(train.fit({ ...plain, batches: () => [0], epochs: 1, validate: async () => ({ accuracy: 0 }), best })).rejects.toThrow(
      /best\.restore needs a folder and state/,
    );
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

  it("records nothing twice after it was killed between a record and the next checkpoint", async () => {
    const validate = async () => ({ accuracy: 0.5 });
    const options = { ...plain, batches: () => [1, 2, 3], state: {}, recordEvery: 2, epochs: 3, validate, saveEverySeconds: 0 };
    const whole = await train.fit({ ...options, folder: await makeFolder() });
    for (let killed = 1; killed <= whole.history.length; killed++) {
      const folder = await makeFolder();
      let left = killed;
      // As a kill does, an error that comes from outside leaves all as it is at that moment.
      const events = {
        scalar: () => {
          if (--left === 0) throw new Error("killed");
        },
      } as unknown as files.EventWriter;
      const broken = train.fit({ ...options, folder, events, saveEverySeconds: killed % 2 === 0 ? 0 : 60 });
      await expect(broken).rejects.toThrow("killed");
      const resume = (await readdir(folder)).includes("last.safetensors");
      const resumed = await train.fit({ ...options, folder, resume, overwrite: true });
      expect(resumed.history, `killed after record ${killed}`).toEqual(whole.history);
      expect(new train.MetricsFile(join(folder, "metrics.jsonl")).read()).toEqual(whole.history);
    }
  });

  it("tells of its events in their order, each awaited", async () => {
    const folder = await makeFolder();
    const told: unknown[] = [];
    const tell = (name: string) => async (event: object) => {
      await new Promise(setImmediate);
      told.push([name, event]);
    };
    const scores = [0.5, 0.25];
    const on: train.FitCallbacks = {
      record: tell("record"),
      validation: tell("validation"),
      epochEnd: tell("epochEnd"),
      save: tell("save"),
      end: tell("end"),
    };
    const validate = async () => ({ accuracy: scores[told.length === 0 ? 0 : 1] as number });
    const best = { metric: "accuracy", mode: "max" } as const;
    const state = {};
    const result = await train.fit({ ...plain, batches: () => [1, 3], epochs: 2, validate, best, folder, state, on });
    const [saved, kept] = ["last", "best"].map((name) => join(folder, `${name}.safetensors`));
    expect(told).toEqual([
      ["record", { step: 2, loss: 2 }],
      ["record", { step: 2, accuracy: 0.5 }],
      ["save", { file: kept, step: 2 }],
      ["validation", { epoch: 0, step: 2, figures: { accuracy: 0.5 }, isBest: true }],
      ["epochEnd", { epoch: 0, step: 2 }],
      ["save", { file: saved, step: 2 }],
      ["record", { step: 4, loss: 2 }],
      ["record", { step: 4, accuracy: 0.25 }],
      ["validation", { epoch: 1, step: 4, figures: { accuracy: 0.25 }, isBest: false }],
      ["epochEnd", { epoch: 1, step: 4 }],
      ["save", { file: saved, step: 4 }],
      ["save", { file: saved, step: 4 }],
      ["end", result],
    ]);
    const unknown = { ...plain, batches: () => [1], epochs: 1, on: { validate: () => undefined } as never };
    await expect(train.fit(unknown)).rejects.toThrow(/fit: on: unknown option validate: did you mean validation\?/);
  });

  it("saves itself when a function called at an event throws, and goes on from there to the bit", async () => {
    const settings = { epochs: 3, recordEvery: 2, validateEvery: 2, best: { metric: "weight" }, saveEverySeconds: 60 };
    const whole = sampleRun(11);
    const validate = (run: typeof whole) => async () => ({ weight: (await run.model.output.weight.data())[0] as number });
    const unbroken = await train.fit({ ...whole.options, ...settings, validate: validate(whole) });
    for (const event of ["record", "validation", "epochEnd", "save"] as const) {
      const folder = await makeFolder();
      const first = sampleRun(11);
      let left = 2;
      const fail = () => {
        if (--left === 0) throw new Error(`from ${event}`);
      };
      const options = { ...first.options, ...settings, validate: validate(first), folder, on: { [event]: fail } };
      await expect(train.fit(options)).rejects.toThrow(`from ${event}`);
      const second = sampleRun(12);
      const resumed = await train.fit({ ...second.options, ...settings, validate: validate(second), folder, resume: true });
      expect([...first.losses, ...second.losses], event).toEqual(whole.losses);
      expect(resumed, event).toEqual(unbroken);
      await first.dispose();
      await second.dispose();
    }
    await whole.dispose();
    // Where the state cannot be saved, the error is still the function's own.
    const weight = new Variable(zeros([1]).sub(Number.POSITIVE_INFINITY));
    const state = { model: { namedVariables: () => new Map([["weight", weight]]) } };
    const fail = () => {
      throw new Error("from record");
    };
    let shown = "";
    const progress = { write: (text: string) => (shown += text) };
    const options = { ...plain, batches: () => [1, 2], epochs: 1, recordEvery: 1, folder: await makeFolder(), state, progress };
    await expect(train.fit({ ...options, on: { record: fail } })).rejects.toThrow("from record");
    expect(shown).toMatch(/not saved: .*model\.weight is not finite after step 1/);
  });

  it("records the time that a step takes where it is asked to, without that of validation and of callbacks", async () => {
    const wait = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
    const step = async () => {
      await wait(20);
      return { loss: 1 };
    };
    const validate = async () => wait(300).then(() => ({ accuracy: 1 }));
    const options = { batches: () => [1, 2], epochs: 2, recordEvery: 2, validateEvery: 1, validate, on: { validation: () => wait(300) } };
    const { history } = await train.fit({ ...plain, ...options, step, recordTimes: true });
    const times = history.flatMap(({ stepMilliseconds }) => stepMilliseconds ?? []);
    expect(times).toHaveLength(4);
    for (const time of times) {
      expect(time).toBeGreaterThanOrEqual(19);
      expect(time).toBeLessThan(300);
    }
    // A call of three steps counts as three in the mean of the next record.
    const uneven = { stepsPerCall: (done: number) => Math.min(4 - done, 3), steps: 4, recordEvery: 4 };
    const { history: weighed } = await train.fit({ ...plain, ...uneven, step: async (_: number, count: number) => ({ loss: count }) });
    expect(weighed.map(({ loss }) => loss)).toEqual([(3 * 3 + 1) / 4]);
    // Two steps a call: half the time each.
    const { history: pairs } = await train.fit({ ...plain, step, stepsPerCall: () => 2, steps: 4, recordTimes: true });
    expect(pairs).toHaveLength(1);
    expect(pairs[0]?.stepMilliseconds).toBeGreaterThanOrEqual(9.5);
    expect(pairs[0]?.stepMilliseconds).toBeLessThan(19);
    const clash = train.fit({ ...plain, step: async () => ({ stepMilliseconds: 1 }), steps: 1, recordTimes: true });
    await expect(clash).rejects.toThrow(/recordTimes records stepMilliseconds: rename the figure/);
  });

  it("refuses a folder that holds a run, unless it is to be overwritten, and one that another run is in", async () => {
    const folder = await makeFolder();
    const options = { ...plain, batches: () => [1, 2], state: {}, folder, epochs: 1, recordEvery: 1 };
    await train.fit(options);
    await expect(train.fit(options)).rejects.toThrow(
      /holds a run already \(.*metrics\.jsonl\): go on with it \(resume: true\).*overwrite: true/,
    );
    const { history } = await train.fit({ ...options, overwrite: true });
    expect(new train.MetricsFile(join(folder, "metrics.jsonl")).read()).toEqual(history);
    expect(history).toHaveLength(2);
    const both = await Promise.allSettled([train.fit({ ...options, resume: true }), train.fit({ ...options, resume: true })]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(both.find((each) => each.status === "rejected")?.reason.message).toMatch(/is in use: process \d+ on/);
  });

  it("keeps the last finite checkpoint where a parameter is infinite", async () => {
    const folder = await makeFolder();
    const weight = new Variable(zeros([2]));
    const state = { model: { namedVariables: () => new Map([["weight", weight]]) } };
    const step = async (value: number) => {
      await weight.assign(zeros([2]).add(value));
      return { loss: 1 };
    };
    const batches = (epoch: number) => [1, epoch === 0 ? 2 : Number.POSITIVE_INFINITY];
    await expect(train.fit({ ...plain, step, batches, epochs: 2, folder, state })).rejects.toThrow(
      /last\.safetensors is left as it was: model\.weight is not finite after step 4: lower the learning rate/,
    );
    expect((await train.readCheckpointNotes(join(folder, "last.safetensors"))).step).toBe(2);
    expect((await files.readSafetensors(join(folder, "last.safetensors"))).tensors.get("model.weight")?.data).toEqual(
      new Float32Array([2, 2]),
    );
    // What no optimizer trains, such as a mask, may be infinite.
    const mask = new Variable(zeros([1]).sub(Number.POSITIVE_INFINITY), { trainable: false });
    const masked = { model: { namedVariables: () => new Map([["mask", mask]]) } };
    expect(await train.fit({ ...plain, batches: () => [1], epochs: 1, folder: await makeFolder(), state: masked })).toMatchObject({
      step: 1,
    });
  });

  it("saves early and then every so many seconds", async () => {
    const folder = await makeFolder();
    const saved: number[] = [];
    const step = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10));
      const last = await train.readCheckpointNotes(join(folder, "last.safetensors")).catch(() => ({ step: 0 }));
      saved.push(last.step);
      return {};
    };
    await train.fit({ ...plain, step, steps: 20, folder, state: {}, saveEverySeconds: 0.05 });
    // The first pause, like the others, is at most what was asked for.
    expect(new Set(saved).size).toBeGreaterThan(2);
    expect(new Set(saved).size).toBeLessThan(20);
  });

  it("tells of an interrupt that comes after the last step", async () => {
    const printed: string[] = [];
    const folder = await makeFolder();
    const result = await train.fit({
      ...plain,
      progress: { write: (text) => void printed.push(text) },
      batches: () => [1, 2, 3],
      epochs: 1,
      ...{ folder, state: {} },
      validate: async () => {
        process.emit("SIGINT", "SIGINT");
        return { validationLoss: 1 };
      },
    });
    expect(result).toMatchObject({ step: 3, ended: "complete", interrupt: "SIGINT" });
    expect(printed.join("")).toContain("interrupted after step 3, saved as");
  });

  it("says so where a checkpoint is beyond the batches, and is interrupted while it passes over them", async () => {
    const folder = await makeFolder();
    const options = { ...plain, state: {}, folder };
    await train.fit({ ...options, batches: () => Array(50).fill(1), steps: 30, epochs: 1 });
    await expect(train.fit({ ...options, batches: () => [1, 2, 3], steps: 60, resume: true })).rejects.toThrow(
      /last\.safetensors is of batch 30 of epoch 0, which has 3: the run was of other data or batches/,
    );
    const controller = new AbortController();
    let drawn = 0;
    async function* slow() {
      for (;;) {
        if (++drawn === 5) controller.abort();
        yield 1;
      }
    }
    const result = await train.fit({ ...options, batches: slow, steps: 60, resume: true, signal: controller.signal });
    expect(result).toMatchObject({ step: 30, ended: "interrupted" });
    expect(drawn).toBeLessThan(8);
    expect(await train.fit({ ...options, batches: () => Array(50).fill(1), steps: 50, resume: true })).toMatchObject({ step: 50 });
  });

  it("refuses options and figures that make no sense", async () => {
    const batches = () => [1];
    const refused: [Partial<train.FitOptions<number>>, RegExp][] = [
      [{ epochs: 1 }, /got epochs and no batches: without batches, steps must say where to end/],
      [{ batches, epochs: -1 }, /got epochs -1, expected an integer from 0/],
      [{ batches, steps: 1.5 }, /got steps 1\.5/],
      [{ batches, steps: 2, recordEvery: 0 }, /got recordEvery 0, expected an integer from 1/],
      [{ batches, steps: 2, validateEvery: 0 }, /got validateEvery 0/],
      [{ batches, steps: 2, saveEverySeconds: Number.NaN }, /got saveEverySeconds NaN/],
      [{ batches, steps: 2, stepsPerCall: () => 0 }, /stepsPerCall gave 0 at step 0, expected an integer from 1/],
      [{ batches, steps: 2, stepsPerCall: () => 1.5 }, /stepsPerCall gave 1\.5/],
      [{ batches, steps: 2, best: { metric: "x", patience: 0 } }, /got best\.patience 0/],
      [{ batches, steps: 2, step: async () => ({ ["__proto__"]: 1 }) }, /a figure is named "__proto__"/],
      [{ batches, steps: 2, step: async () => ({ step: 1 }) }, /a figure is named "step"/],
      [{ batches, steps: 2, step: async () => ({ "a\u001b[31m": 1 }) }, /a figure is named "a\\u001b\[31m"/],
      [{ batches, epochs: 1, validate: async () => ({ loss: null as never }) }, /validate: loss is null, expected a number/],
      [{ batches, steps: 2, epoch: 3 } as never, /fit: unknown option epoch: did you mean epochs\?/],
    ];
    for (const [options, message] of refused) await expect(train.fit({ ...plain, ...options })).rejects.toThrow(message);
    const config = { sizes: [1, { deep: 1n }] };
    const fitWith = (config: unknown) =>
      makeFolder().then((folder) => train.fit({ ...plain, batches, steps: 1, folder, state: {}, config }));
    await expect(fitWith(config)).rejects.toThrow(/the checkpoint\.config\.sizes\.1\.deep is a bigint, expected what JSON holds/);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    await expect(fitWith(circle)).rejects.toThrow(/config\.self is a part of itself/);
    await expect(fitWith({ rate: Number.NaN })).rejects.toThrow(/config\.rate is NaN/);
    await expect(fitWith({ date: new Date(0) })).rejects.toThrow(/config\.date is a Date/);
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

  it.each(["SIGINT", "SIGTERM"] as const)(
    "ends the step, saves and says how to go on at %s, and ends at once at a second",
    async (signal) => {
      const [folder, slowFolder] = [await makeFolder(), await makeFolder()];
      const once = interrupt([folder], 3, 1, signal);
      const twice = interrupt([slowFolder, "slow"], 1, 2, signal);
      const { code, output, errors } = await once;
      expect(code).toBe(0);
      expect(output).toContain(`by ${signal}\n`);
      expect((await readdir(folder)).sort()).toEqual(["last.safetensors"]);
      const step = Number(/interrupted (\d+)/.exec(output)?.[1]);
      expect(step).toBeGreaterThanOrEqual(3);
      expect(errors).toContain(`interrupted after step ${step}, saved as ${join(folder, "last.safetensors")}; to go on: run it again`);
      expect((await train.readCheckpointNotes(join(folder, "last.safetensors"))).step).toBe(step);
      expect(await twice).toMatchObject({ code: signal === "SIGINT" ? 130 : 143 });
    },
  );
});

/** Starts a run, and after some steps sends it a signal. */
function interrupt(
  args: readonly string[],
  steps: number,
  signals: number,
  signal: NodeJS.Signals,
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
    for (; sent < signals; sent++) setTimeout(() => child.kill(signal), 200 * sent);
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, output, errors })));
}

it("gives a compiled function the batch alone, however many steps it makes", async () => {
  const weight = new Variable(tensor(0));
  const step = compile((x: Tensor) => {
    weight.assign(weight.add(x));
    return { loss: x.mul(2) };
  });
  const ones = Array.from({ length: 70 }, () => tensor(1));
  const { step: made } = await train.fit({ step, batches: () => ones, epochs: 1, progress: false });
  expect(made).toBe(70);
  expect(await weight.item()).toBe(70);
  const told: number[][] = [];
  const told3 = async (_: Tensor, count: number, done: number) => {
    told.push([count, done]);
    return { loss: 0 };
  };
  await train.fit({ step: told3, batches: () => ones.slice(0, 2), epochs: 1, progress: false });
  expect(told).toEqual([
    [1, 0],
    [1, 1],
  ]);
});

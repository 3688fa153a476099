import { copyFile, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { random, randomState, rl, setRandomState, tensor, Variable, zeros } from "kasane";
import { files, train } from "kasane/node";
import { beforeAll, describe, expect, it } from "vitest";
import { sampleRun } from "./sampleRun.js";

const { loadCheckpoint, readCheckpointNotes, saveCheckpoint } = train;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "kasane-"));
});

describe("checkpoints", () => {
  it.each([1.5, -1, Number.NaN, 2 ** 53])("refuses the step %s, which could not be read again", async (step) => {
    const file = join(folder, "step.safetensors");
    await expect(saveCheckpoint(file, { state: {}, step })).rejects.toThrow(`saveCheckpoint: got step ${step}, expected an integer from 0`);
    await expect(readCheckpointNotes(file)).rejects.toThrow("no such file");
  });

  it("restores variables, random numbers and notes", async () => {
    const file = join(folder, "run.safetensors");
    const { model, optimizer } = sampleRun(3);
    const state = { model, optimizer };
    await model.hidden.weight.assign(zeros([16, 4]).add(0.1));
    optimizer.learningRate = 0.125;
    setRandomState({ seed: 3, counter: 77 });
    await saveCheckpoint(file, { state, step: 12, config: { hidden: 16 }, extra: ["note"] });
    const kept = [...(await model.stateDict())];

    const other = sampleRun(4);
    expect(await loadCheckpoint(file, { model: other.model, optimizer: other.optimizer })).toEqual({
      step: 12,
      config: { hidden: 16 },
      extra: ["note"],
    });
    expect([...(await other.model.stateDict())]).toEqual(kept);
    expect(await other.optimizer.learningRate.item()).toBe(0.125);
    expect(randomState()).toEqual({ seed: 3, counter: 77 });
    expect(await readCheckpointNotes(file)).toEqual({ step: 12, config: { hidden: 16 }, extra: ["note"] });
  });

  it("loads a part alone, and does not read the others", async () => {
    const file = join(folder, "parts.safetensors");
    const { model, optimizer } = sampleRun(3);
    await saveCheckpoint(file, { state: { model, optimizer }, step: 1 });
    const other = sampleRun(4).model;
    expect(await loadCheckpoint(file, { model: other })).toEqual({ step: 1, config: undefined, extra: undefined });
    expect(await other.stateDict()).toEqual(await model.stateDict());
  });

  it("keeps arrays that are no tensors, and writes into them when it is loaded", async () => {
    const file = join(folder, "arrays.safetensors");
    const { model } = sampleRun(3);
    const partOf = (arrays: readonly (Float64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>)[]) => ({
      namedArrays: () => new Map(arrays.map((array, i) => [`${i}`, array])),
    });
    const arrays = [Float64Array.of(1 / 3, Number.POSITIVE_INFINITY), Int32Array.of(-7), Uint8Array.of(255, 0, 1), new Int32Array(0)];
    await saveCheckpoint(file, { state: { model, buffer: partOf(arrays) }, step: 1 });
    const [floats, integers, bytes] = [new Float64Array(2), new Int32Array(1), new Uint8Array(3)];
    await loadCheckpoint(file, { model, buffer: partOf([floats, integers, bytes, new Int32Array(0)]) });
    expect([floats, integers, bytes]).toEqual(arrays.slice(0, 3));

    await model.hidden.weight.assign(zeros([16, 4]));
    const wrong = (first: Parameters<typeof partOf>[0][number]) =>
      loadCheckpoint(file, { model, buffer: partOf([first, integers, bytes, new Int32Array(0)]) });
    await expect(wrong(new Float64Array(3))).rejects.toThrow(`${file} is of another model: buffer.0 is float64[2], expected float64[3]`);
    await expect(wrong(new Int32Array(2))).rejects.toThrow("buffer.0 is float64[2], expected int32[2]");
    await expect(loadCheckpoint(file, { model, buffer: partOf([floats, integers, bytes]) })).rejects.toThrow("unexpected: buffer.3");
    expect((await model.hidden.weight.data()).every((x) => x === 0)).toBe(true);
  });

  it("refuses a part that keeps nothing", async () => {
    const state = { counts: [1, 2] as never };
    await expect(train.saveCheckpoint(join(folder, "none.safetensors"), { state, step: 0 })).rejects.toThrow(
      'checkpoint: the part "counts" has neither namedVariables nor namedArrays',
    );
  });

  it("keeps what bandits and values of states have learnt", async () => {
    const make = () => new rl.GradientBandit({ actions: 2, learningRate: 1, seed: 3 });
    const [first, second] = [make(), make()];
    first.begin();
    for (const reward of [1, 0, 2]) first.learn(reward);
    const file = join(folder, "bandit.safetensors");
    await train.saveCheckpoint(file, { state: { bandit: first }, step: 3 });
    await train.loadCheckpoint(file, { bandit: second });
    expect(second.namedArrays()).toEqual(first.namedArrays());
    first.begin();
    second.begin();
    for (const reward of [1, 5, 2]) expect(second.learn(reward)).toBe(first.learn(reward));
    const values = new rl.StateValues({ features: rl.tableFeatures(new rl.Discrete(3)), learningRate: 0.5 });
    expect([...values.namedArrays().keys()]).toEqual(["weights", "counts"]);
  });

  it("names what differs in a checkpoint of another model, and changes nothing", async () => {
    const file = join(folder, "other.safetensors");
    const { model } = sampleRun(3);
    await saveCheckpoint(file, { state: { model }, step: 1 });
    const wider = sampleRun(9, 5).model;
    const weights = await wider.stateDict();
    const numbers = randomState();
    await expect(loadCheckpoint(file, { model: wider })).rejects.toThrow(
      /other\.safetensors is of another model: model\.hidden\.weight is float32\[16, 4\], expected float32\[16, 5\]$/,
    );
    const x = new Variable(zeros([2]));
    await expect(loadCheckpoint(file, { model: { namedVariables: () => new Map([["x", x]]) } })).rejects.toThrow(
      /another model: unexpected: model\.hidden\.weight; unexpected: .*; missing: model\.x$/,
    );
    await expect(loadCheckpoint(file, { generator: { namedVariables: () => new Map([["x", x]]) } })).rejects.toThrow(
      /missing: generator\.x$/,
    );
    expect(await wider.stateDict()).toEqual(weights);
    expect(randomState()).toEqual(numbers);
  });

  it("says so where the file is no checkpoint, damaged, truncated or newer", async () => {
    const state = { model: sampleRun(3).model };
    const load = (file: string) => loadCheckpoint(file, state);
    await expect(load("test/fixtures/train.safetensors")).rejects.toThrow(
      /train\.safetensors: not a checkpoint: .*without the metadata "kasane"/,
    );
    await expect(load("package.json")).rejects.toThrow(/package\.json: a header of \d+ bytes, expected at most/);
    await expect(load(join(folder, "none.safetensors"))).rejects.toThrow(/none\.safetensors: no such file/);
    const notes = join(folder, "notes.safetensors");
    for (const damaged of ["{", "[]", '{"version":1,"step":-1,"random":{"seed":1,"counter":1}}', '{"version":1,"step":1}']) {
      await files.writeSafetensors(notes, new Map(), { kasane: damaged });
      await expect(load(notes)).rejects.toThrow(/notes\.safetensors: not a checkpoint: its metadata "kasane" is damaged/);
    }
    await files.writeSafetensors(notes, new Map(), { kasane: '{"version":2,"step":1,"random":{"seed":1,"counter":1}}' });
    await expect(load(notes)).rejects.toThrow(/a checkpoint of version 2, expected at most 1/);
    const short = join(folder, "short.safetensors");
    await saveCheckpoint(short, { state, step: 1 });
    const whole = await readFile(short);
    await writeFile(short, whole.subarray(0, whole.length - 4));
    await expect(load(short)).rejects.toThrow(/short\.safetensors: tensor "model\.\S+" ends at byte \d+ of the data, .*truncated/);
  });

  it("leaves the old checkpoint where saving fails", async () => {
    const file = join(folder, "kept.safetensors");
    const { model } = sampleRun(3);
    await saveCheckpoint(file, { state: { model }, step: 1 });
    await expect(saveCheckpoint(file, { state: { model }, step: 2, config: "x".repeat(2 ** 24) })).rejects.toThrow(/a header of \d+ bytes/);
    await expect(
      files.writeAtomically(file, async (handle) => {
        await handle.write("half");
        throw new Error("disk full");
      }),
    ).rejects.toThrow("disk full");
    expect((await readCheckpointNotes(file)).step).toBe(1);
  });

  it("goes on to the bit after a break", async () => {
    const whole = sampleRun(11);
    const file = join(folder, "break.safetensors");
    const trained = await train.fit({ ...whole.options, steps: 23, folder: await mkdtemp(join(folder, "whole-")) });
    expect(trained).toMatchObject({ step: 23, ended: "complete" });

    const first = sampleRun(11);
    const firstFolder = await mkdtemp(join(folder, "first-"));
    await train.fit({ ...first.options, steps: 13, folder: firstFolder });
    expect(first.losses).toEqual(whole.losses.slice(0, 13));
    await copyFile(join(firstFolder, "last.safetensors"), file);

    // As in a new process: other weights, another state of the random numbers.
    const second = sampleRun(999);
    await random
      .normal([3])
      .add(tensor([1, 2, 3]))
      .data();
    await train.fit({ ...second.options, steps: 23, folder: firstFolder, resume: true });
    expect(second.losses).toEqual(whole.losses.slice(13));
    expect(await second.model.stateDict()).toEqual(await whole.model.stateDict());
    for (const run of [whole, first, second]) await run.dispose();
  });
});

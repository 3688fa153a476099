import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { metrics, tensor } from "kasane";
import { train } from "kasane/node";
import { describe, expect, it } from "vitest";

describe("metrics", () => {
  it("computes weighted running means, and begins anew after take", () => {
    const means = new metrics.RunningMeans();
    means.add({ loss: 1, accuracy: 0.5 }, 3);
    means.add({ loss: 5 }, 1);
    expect(means.values()).toEqual({ loss: 2, accuracy: 0.5 });
    const other = new metrics.RunningMeans();
    other.restore(JSON.parse(JSON.stringify(means.sums())));
    other.add({ loss: 2 }, 4);
    expect(other.take()).toEqual({ loss: 2, accuracy: 0.5 });
    expect(other.size).toBe(0);
  });

  it("computes accuracy and perplexity in the graph", async () => {
    const logits = tensor([
      [0.1, 0.9, 0],
      [2, 1, 0],
      [0, 0, 1],
      [3, 4, 5],
    ]);
    expect(await metrics.accuracy(logits, tensor([1, 1, 2, 2], { dtype: "int64" })).item()).toBe(0.75);
    expect(() => metrics.accuracy(logits, tensor([1, 2], { dtype: "int32" }))).toThrow(/targets \[2\] for logits \[4, 3\], expected \[4\]/);
    expect(await metrics.perplexity(tensor(Math.log(50))).item()).toBeCloseTo(50, 3);
  });

  it("counts confusions: precision, recall and F1 by hand", () => {
    const confusion = new metrics.Confusion(3);
    confusion.add([0, 0, 1, 1, 1], [0, 1, 1, 1, 0]);
    confusion.add([0n], [0n]);
    expect([confusion.count(0, 0), confusion.count(0, 1), confusion.count(1, 0), confusion.count(1, 1)]).toEqual([2, 1, 1, 2]);
    expect(confusion.accuracy()).toBeCloseTo(4 / 6, 12);
    expect(confusion.precision(0)).toBeCloseTo(2 / 3, 12);
    expect(confusion.recall(1)).toBeCloseTo(2 / 3, 12);
    expect(confusion.f1(1)).toBeCloseTo(2 / 3, 12);
    expect([confusion.precision(2), confusion.recall(2), confusion.f1(2)]).toEqual([0, 0, 0]);
    // Class 2 is no example's and no prediction's.
    expect(confusion.f1()).toBeCloseTo(2 / 3, 12);
    expect(() => confusion.add([3], [0])).toThrow(/class 3, expected 0 to 2/);
    expect(() => confusion.add([1], [0, 1])).toThrow(/1 predictions for 2 targets/);
  });

  it("computes the mean IoU over all pixels without void, by hand", () => {
    const confusion = new metrics.Confusion(4, { ignore: 255 });
    confusion.add([0, 0, 1, 1, 2], [0, 1, 1, 255, 0]);
    confusion.add(Uint8Array.of(1, 3), Uint8Array.of(1, 255));
    // Class 0: 1 of 3; class 1: 2 of 3; class 2: 0 of 1; class 3 was only predicted for void, so it does not occur.
    expect([0, 1, 2, 3].map((c) => confusion.iou(c))).toEqual([1 / 3, 2 / 3, 0, 0]);
    expect(confusion.meanIou()).toBeCloseTo(1 / 3, 12);
    expect(new metrics.Confusion(2).meanIou()).toBe(0);
    expect(() => new metrics.Confusion(2).add([0], [255])).toThrow(/class 255, expected 0 to 1/);
  });
});

describe("MetricsFile", () => {
  it("keeps figures that are not finite, passes over a line cut off, and forgets what came after a size", async () => {
    const file = new train.MetricsFile(join(await mkdtemp(join(tmpdir(), "kasane-")), "metrics.jsonl"));
    expect(file.read()).toEqual([]);
    file.append({ step: 1, loss: 0.1 + 0.2 });
    const size = file.sync();
    file.append({ step: 2, loss: Number.NaN, norm: Number.POSITIVE_INFINITY });
    await writeFile(file.file, `${await readFile(file.file, "utf8")}{"step":3,"lo`);
    expect(file.read()).toEqual([
      { step: 1, loss: 0.1 + 0.2 },
      { step: 2, loss: Number.NaN, norm: Number.POSITIVE_INFINITY },
    ]);
    // A record goes on a line of its own, whatever the line before.
    file.append({ step: 4, loss: 4 });
    expect(file.read().at(-1)).toEqual({ step: 4, loss: 4 });
    expect(file.damage()).toBe(`${file.file}: 1 damaged line is skipped`);
    for (const line of ['{"step":1,"loss":null}', '{"step":-1}', '{"step":1,"__proto__":2}', '{"step":1,"a\\u001b":2}', "[]", "1"]) {
      await writeFile(file.file, `${await readFile(file.file, "utf8")}${line}\n`);
    }
    expect(file.read()).toHaveLength(3);
    expect(file.damage()).toMatch(/: 7 damaged lines are skipped$/);
    file.truncate(size);
    file.append({ step: 2, loss: 1 });
    expect(await readFile(file.file, "utf8")).toBe('{"step":1,"loss":0.30000000000000004}\n{"step":2,"loss":1}\n');
  });
});

describe("Progress", () => {
  /** A stream that keeps what is written, and what a terminal of it would show. */
  const collect = (isTTY: boolean, columns = 80) => {
    const texts: string[] = [];
    return { texts, isTTY, columns, write: (text: string) => texts.push(text) };
  };
  const clear = "\r\x1b[2K";
  const wait = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  it("draws one line anew in a terminal, no wider than it, and prints above it", async () => {
    const stream = collect(true, 60);
    const progress = new train.Progress({ total: 200, stream });
    const start = performance.now();
    for (let step = 1; step <= 30; step++) {
      await wait(5);
      progress.update(step, { loss: 0.123456, veryLongNameOfAFigureThatDoesNotFit: 1 });
    }
    progress.print("validated");
    progress.end();
    const drawn = stream.texts.filter((text) => text.includes("step"));
    expect(drawn.length).toBeGreaterThan(0);
    // At most ten a second, and once more by print.
    expect(drawn.length).toBeLessThanOrEqual((performance.now() - start) / 100 + 1);
    expect(drawn.every((text) => text.startsWith(clear))).toBe(true);
    expect(drawn[0]?.slice(clear.length)).toMatch(/^step \d+\/200 \d+% {2}[\d.]+ steps\/s {2}0:\d\d left {2}loss 0\.1235/);
    for (const text of drawn) if (!text.includes("\n")) expect(text.length - clear.length).toBeLessThan(60);
    expect(stream.texts.at(-2)?.startsWith(`${clear}validated\nstep`)).toBe(true);
    expect(stream.texts.at(-1)).toBe(clear);
  });

  it("writes plain lines elsewhere, and few of them", async () => {
    const stream = collect(false);
    const progress = new train.Progress({ stream });
    for (let step = 1; step <= 20; step++) progress.update(step);
    progress.print("validated");
    progress.end();
    expect(stream.texts).toEqual(["validated\n"]);
  });

  it("tells the rate in what a step goes through, too", async () => {
    const stream = collect(true);
    const progress = new train.Progress({ total: 10, stream, work: { unit: "words", perStep: 400 } });
    await wait(110);
    progress.update(1);
    progress.end();
    const [, steps, words] = stream.texts[0]?.match(/ ([\d.]+) steps\/s {2}(\d+) words\/s {2}/) ?? [];
    // The steps' rate is shown in four digits.
    expect(Math.abs(Number(words) / Number(steps) / 400 - 1)).toBeLessThan(1e-3);
  });

  it("shows figures and durations briefly", () => {
    expect(train.showFigures({ loss: 0.1 + 0.2, steps: 12345678, tiny: 1.23456e-9 })).toBe("loss 0.3  steps 12345678  tiny 1.235e-9");
    expect([0, 61.4, 3723].map(train.showDuration)).toEqual(["0:00", "1:01", "1:02:03"]);
  });
});

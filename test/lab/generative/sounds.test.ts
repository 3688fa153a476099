import { rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { data } from "kasane";
import { expect, it } from "vitest";
import type { PredictContext } from "../../../lab/context.js";
import { baselineNats } from "../../../lab/generative/codeBaselines.js";
import { CodeBatches, judgedBatches, silence } from "../../../lab/generative/codeBatches.js";
import { codesOf, conditionsOf, readClips } from "../../../lab/generative/sounds.js";
import { drawSound } from "../../../lab/plot/soundPicture.js";
import { temporaryFolder } from "../helpers.js";
import { tone, writeSounds } from "./soundFiles.js";

const clip = (name: string, codes: readonly number[], classes = {}) => ({ name, codes: Uint8Array.from(codes), classes });
const rowsOf = async (x: { array(): Promise<unknown> }) => (await x.array()) as number[][];

it("cuts an epoch's stretches of a ring of recordings, each target after its code", async () => {
  const count = (from: number, length: number) => Array.from({ length }, (_, i) => from + i);
  const clips = [clip("a", count(0, 25), { kind: "x" }), clip("b", count(100, 13), { kind: "y" })];
  const conditions = conditionsOf(clips, ["kind"]);
  const batches = new CodeBatches(clips, conditions, { length: 5, batchSize: 2 });
  expect(batches.perEpoch).toBe(3);
  const seen: number[] = [];
  for (const { codes, targets, labels } of batches.of(0, 7)) {
    const [before, after, kinds] = [await rowsOf(codes), await rowsOf(targets), labels && (await rowsOf(labels))];
    before.forEach((row, i) => {
      const [first, length] = kinds?.[i]?.[0] === 0 ? [0, 25] : [100, 13];
      row.forEach((code, j) => expect(after[i]?.[j]).toBe(first + ((code - first + 1) % length)));
      seen.push(...(after[i] as number[]));
    });
  }
  // Five stretches of the one and two of the other, of which one is left over; none overlaps another.
  expect(seen).toHaveLength(30);
  expect(new Set(seen).size).toBe(30);
  const firsts = async (epoch: number) => Promise.all([...batches.of(epoch, 7)].map(({ codes }) => rowsOf(codes)));
  expect(await firsts(1)).toEqual(await firsts(1));
  expect(await firsts(1)).not.toEqual(await firsts(0));
});

it("judges each sample once, with all that is seen before it", async () => {
  const clips = [
    clip(
      "a",
      Array.from({ length: 23 }, (_, i) => i),
    ),
    clip("b", [200, 201]),
  ];
  const judged: number[] = [];
  for (const { codes, targets, ranges } of judgedBatches(clips, [], { seen: 4, step: 6, batchSize: 3 })) {
    const [before, after] = [await rowsOf(codes), await rowsOf(targets)];
    expect(before.map((row) => row.length)).toEqual([9, 9, 9]);
    ranges.forEach(({ from, to }, row) => {
      for (let i = from; i < to; i++) {
        const target = after[row]?.[i] as number;
        const isFirst = target === 0 || target === 200;
        judged.push(target);
        expect(before[row]?.[i]).toBe(isFirst ? silence : target - 1);
        // The window begins with the recording, or as far back as the network sees.
        expect(i >= 3 || i === target % 200).toBe(true);
      }
    });
  }
  expect(judged).toEqual([...Array.from({ length: 23 }, (_, i) => i), 200, 201]);
});

it("takes the parts from lists, and the mean of both channels", () => {
  const folder = temporaryFolder();
  const [
    {
      channels: [left = new Float32Array()],
    },
    {
      channels: [right = new Float32Array()],
    },
  ] = [tone(250, 50), tone(400, 50)];
  writeSounds(folder, {
    "a.wav": tone(250, 50),
    "b.wav": tone(300, 50),
    "d.wav": tone(350, 50),
    "c.wav": { sampleRate: 8000, channels: [left, right] },
  });
  for (const [name, text] of Object.entries({ train: "c.wav\na.wav\n", validation: "b.wav", test: "d.wav" })) {
    writeFileSync(join(folder, `${name}.txt`), text);
  }
  const { train, validation, sampleRate } = readClips({ seed: 0 } as PredictContext, folder);
  expect(sampleRate).toBe(8000);
  expect([train.length, validation.length]).toEqual([2, 1]);
  const mean = left.map((value, i) => (value + (right[i] as number)) / 2);
  const difference = data.muLawEncode(mean).map((code, i) => Math.abs(code - (train[0]?.codes[i] as number)));
  // 16 bits may fall on the other side of a code's bound.
  expect(Math.max(...difference)).toBeLessThanOrEqual(1);
});

it("tells files of one name apart by their folders, and takes each for one part", () => {
  const folder = temporaryFolder();
  writeSounds(join(folder, "x"), { "1.wav": tone(250, 50), "2.wav": tone(300, 50), "3.wav": tone(350, 50) });
  writeSounds(join(folder, "y"), { "1.wav": tone(400, 50), "4.wav": tone(450, 50) });
  const read = (lists: Readonly<Record<string, string>>) => {
    for (const name of ["train", "validation", "test"]) rmSync(join(folder, `${name}.txt`), { force: true });
    for (const [name, text] of Object.entries(lists)) writeFileSync(join(folder, `${name}.txt`), text);
    return readClips({ seed: 0 } as PredictContext, folder);
  };
  const { train, test } = read({ train: "x/1.wav\n2.wav", validation: "3.wav", test: "y/1.wav" });
  expect([...train, ...test].map(({ name }) => relative(folder, name))).toEqual(["x/1.wav", "x/2.wav", "y/1.wav"]);
  expect(() => read({ train: "1.wav", validation: "3.wav", test: "2.wav" })).toThrow(
    "names 1.wav, which 2 files are called: say their folders too",
  );
  expect(() => read({ train: "2.wav", validation: "3.wav", test: "x/2.wav" })).toThrow("test.txt names x/2.wav, and so does train.txt");
  expect(() => read({ train: "5.wav", validation: "3.wav", test: "2.wav" })).toThrow("train.txt names 5.wav, which is not there");
  expect(() => read({ test: "2.wav" })).toThrow("it has a test.txt and no train.txt");
});

it("compares with plain models of known figures", () => {
  // 1 of 4 codes at random, then the one after it: ln(4) / 2 nats a sample given the code before, about ln(8) by itself.
  let state = 1;
  const uniform = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const pairs = (length: number) =>
    Uint8Array.from(Array.from({ length }, () => Math.floor(4 * uniform())).flatMap((code) => [100 + 2 * code, 101 + 2 * code]));
  const { unigram, bigram } = baselineNats([pairs(10_000)], [pairs(5000)]);
  expect(unigram).toBeCloseTo(Math.log(8), 2);
  expect(bigram).toBeCloseTo(Math.log(4) / 2, 1);

  // x[t] = 1.6 x[t-1] - 0.8 x[t-2] + Laplace residuals: none is predicted better than by the process itself.
  const scale = 0.01;
  const process = (length: number) => {
    const x = new Float32Array(length);
    for (let t = 2; t < length; t++) {
      const u = uniform() - 0.5;
      x[t] = 1.6 * (x[t - 1] as number) - 0.8 * (x[t - 2] as number) - scale * Math.sign(u) * Math.log(1 - 2 * Math.abs(u));
    }
    return codesOf({ sampleRate: 8000, channels: [x] });
  };
  const judged = process(10_000);
  const nats = baselineNats([process(30_000)], [judged]);
  const below = (r: number) => (r < 0 ? 0.5 * Math.exp(r / scale) : 1 - 0.5 * Math.exp(-r / scale));
  const x = data.muLawDecode(judged);
  const bound = (code: number) => {
    const y = (2 * code - 1) / 255 - 1;
    return (Math.sign(y) * (256 ** Math.abs(y) - 1)) / 255;
  };
  let known = 0;
  for (let t = 2; t < x.length; t++) {
    const mean = 1.6 * (x[t - 1] as number) - 0.8 * (x[t - 2] as number);
    known -= Math.log(Math.max(1e-10, below(bound((judged[t] as number) + 1) - mean) - below(bound(judged[t] as number) - mean)));
  }
  const linear = nats["linear prediction, Laplace residuals of one scale"] as number;
  expect(Math.abs(linear - known / (x.length - 2))).toBeLessThan(0.02);
});

it("draws a tone as a dark line at its frequency", async () => {
  const { samples, sampleRate } = { samples: tone(1000, 8000).channels[0] as Float32Array, sampleRate: 8000 };
  const svg = await drawSound({ title: "a < b", samples, sampleRate, mark: 0.5 });
  expect(svg).toContain("<title>a &lt; b</title>");
  expect(svg).toContain("stroke-dasharray");
  const png = Buffer.from(/base64,([^"]+)/.exec(svg)?.[1] as string, "base64");
  const { decode } = await import("fast-png");
  const { width, height, data: pixels } = decode(png);
  expect([width, height]).toEqual([800, 129]);
  // 1 kHz is 32 rows of 31.25 Hz above the lowest.
  const column = Array.from({ length: height }, (_, row) => pixels[row * width + 400] as number);
  expect(column.indexOf(Math.min(...column))).toBe(128 - 32);
  expect(column[10]).toBeGreaterThan(100);
  expect(await drawSound({ title: "short", samples: [0], sampleRate })).toContain("svg");
});

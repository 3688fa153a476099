import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { distinct } from "../../../lab/dialogue/diversity.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";
import { inPlaceOfDialogues } from "./tinyDialogues.js";

const folder = temporaryFolder();
const small = [
  ...["--size", "12", "--hidden-size", "16", "--dropout", "0", "--sampled-words", "8", "--vocabulary", "40", "--latent", "4"],
  ...["--batch-size", "6", "--buckets", "1", "--learning-rate", "0.02", "--samples", "5", "--sampled-dialogues", "2", "--answers", "6"],
];

beforeAll(inPlaceOfDialogues);

it("trains with and without what keeps the latent variable in use, compares both, and talks", async () => {
  const words = ["run", "vhred", "--json", "--runs", folder, ...small, "--epochs", "12", "--models", "full,plain", "--free-bits", "1"];
  const { code, stdout, stderr } = await kasane(words);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  const results = eventsOf(stdout, "result") as unknown as { model: string; negativeElbo: number; kl: number; perplexity: number }[];
  expect(results.map(({ model }) => model)).toEqual(["full", "plain"]);
  for (const { negativeElbo, perplexity } of results) {
    expect(negativeElbo).toBeLessThan(Math.log(10));
    // More draws never say less in the mean; of another part of the dialogues it is near.
    expect(perplexity).toBeLessThan(1.5 * Math.exp(negativeElbo));
  }
  const [full, plain] = results.map(({ kl }) => kl) as [number, number];
  expect(full).toBeGreaterThan(plain);
  expect(full).toBeGreaterThan(0.5);
  expect(readFileSync(join(folderOf(stdout), "table.txt"), "utf8")).toContain("without all four");

  const asked = await kasane(["predict", folderOf(stdout), "I have a zebra.", "--candidates", "3", "--json"]);
  const [{ unknown, answers } = {}] = eventsOf(asked.stdout, "answer") as unknown as { unknown?: string[]; answers?: unknown[] }[];
  expect(unknown).toEqual(["zebra"]);
  expect(answers).toHaveLength(3);
});

it("goes on after an interrupt as if there had been none", async () => {
  const words = ["run", "vhred", ...small, "--dropout", "0.1", "--epochs", "2", "--models", "full"];
  // Two records of its training and two of its validation, one after the other.
  await expectSameWhenResumed(words, folder, 3);
});

it("counts different words and pairs of words", () => {
  // Of 5 words 2 differ, of 3 pairs 2.
  expect(distinct([[3, 4, 3], [3, 4], []])).toEqual({ distinct1: 2 / 5, distinct2: 2 / 3 });
  expect(distinct([[]])).toEqual({ distinct1: 0, distinct2: 0 });
});

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, vi } from "vitest";
import { PredictContext } from "../../../lab/context.js";

const animals = ["cat", "dog", "bird"];
const sounds = ["Meow", "Woof", "Tweet"];

/** What an animal says follows from the last utterance but one, not from the last. */
function dialogue(i: number): string {
  const animal = animals[i % 3] as string;
  const utterances = [`I have a ${animal} .`, "What does it say ?", `${sounds[i % 3]} !`];
  return [...utterances, ...Array.from({ length: Math.floor(i / 3) % 8 }, (_, k) => `${k} !`)]
    .map((utterance) => `${utterance} __eou__ `)
    .join("")
    .trimEnd();
}

/** Has experiments find small dialogues made here in the place of DailyDialog: of 28 to train on, three repeat one and six are held out too, one of them twice. */
export function inPlaceOfDialogues(): void {
  const folder = mkdtempSync(join(tmpdir(), "kasane-dialogues-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const lines = (places: readonly number[]) => `${places.map((place) => dialogue(place)).join("\n")}\n`;
  const different = Array.from({ length: 24 }, (_, i) => i);
  writeFileSync(join(folder, "dialogues_train.txt"), lines([...different, ...different.slice(0, 4)]));
  writeFileSync(join(folder, "dialogues_validation.txt"), lines([3, 4, 5]));
  writeFileSync(join(folder, "dialogues_test.txt"), lines([9, 10, 11]));
  vi.spyOn(PredictContext.prototype, "dataFile").mockReturnValue(folder);
}

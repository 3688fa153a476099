import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { data } from "kasane";
import { datasets } from "kasane/node";
import { afterAll, expect, it } from "vitest";
import { tarHeader } from "./makeTar.js";

const folder = mkdtempSync(join(tmpdir(), "kasane-sounds-"));
afterAll(() => rmSync(folder, { recursive: true }));

const sound = (value: number) => ({ sampleRate: 8000, channels: [Float32Array.of(value, -value)] });
const wav = (value: number) => data.writeWav(sound(value));

/** An archive of one file, which fits one block of it. */
function archiveOf(name: string, bytes: Uint8Array): string {
  const body = new Uint8Array(512);
  body.set(bytes);
  const path = join(folder, "sounds.tar.gz");
  writeFileSync(path, gzipSync(Buffer.concat([tarHeader(name, bytes.length), body, new Uint8Array(1024)])));
  return path;
}

mkdirSync(join(folder, "deep"));
writeFileSync(join(folder, "deep", "7_jackson_4.wav"), wav(0.5));
writeFileSync(join(folder, "3_theo_5.wav"), wav(0.25));
writeFileSync(join(folder, "notes.txt"), "no sound");

it("reads the sounds of a folder, a file and an archive", () => {
  const [theo, jackson] = [join(folder, "3_theo_5.wav"), join(folder, "deep", "7_jackson_4.wav")];
  expect([...datasets.readSounds(`${folder}/`)]).toEqual([
    [theo, sound(0.25)],
    [jackson, sound(0.5)],
  ]);
  expect([...datasets.readSounds(theo).keys()]).toEqual([theo]);
  expect([...datasets.readSounds(archiveOf("fsdd/0_lucas_0.wav", wav(1 / 8)))]).toEqual([["fsdd/0_lucas_0.wav", sound(1 / 8)]]);
});

it("reads files whose ending is in capitals", () => {
  mkdirSync(join(folder, "capitals"));
  const path = join(folder, "capitals", "1_THEO_5.WAV");
  writeFileSync(path, wav(0.25));
  const sounds = datasets.readSounds(join(folder, "capitals"));
  expect([...sounds.keys()]).toEqual([path]);
  expect(datasets.readSpokenDigits(sounds).train).toMatchObject([{ digit: 1, speaker: "THEO" }]);
  rmSync(join(folder, "capitals"), { recursive: true });
});

it("tells digits, speakers and parts by the files' names", () => {
  const { train, test } = datasets.readSpokenDigits(datasets.readSounds(folder));
  expect(train).toEqual([{ sound: sound(0.25), digit: 3, speaker: "theo", index: 5 }]);
  expect(test).toEqual([{ sound: sound(0.5), digit: 7, speaker: "jackson", index: 4 }]);
  expect(() => datasets.readSpokenDigits(new Map([["a/seven.wav", sound(0)]]))).toThrow(
    "readSpokenDigits: got the file a/seven.wav, expected a name such as 7_jackson_32.wav",
  );
});

it("refuses what holds no sounds", () => {
  expect(() => datasets.readSounds(archiveOf("a.txt", wav(0)))).toThrow("no .wav file is in it");
  expect(() => datasets.readSounds(archiveOf("a.wav", wav(0).subarray(0, 45)))).toThrow(
    "a.wav: cut off: its header says 48 bytes, there are 45",
  );
  expect(() => datasets.readSounds(join(folder, "no.tar.gz"))).toThrow("no.tar.gz: no such file: expected a folder of WAV files");
  expect(() => datasets.readSounds(join(folder, "none"))).toThrow("no such file");
});

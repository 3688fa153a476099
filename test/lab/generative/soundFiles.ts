import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { data } from "kasane";

/** A tone with a little noise, so that it has many codes. */
export const tone = (hertz: number, length: number, sampleRate = 8000): data.Sound => ({
  sampleRate,
  channels: [Float32Array.from({ length }, (_, t) => 0.4 * Math.sin((2 * Math.PI * hertz * t) / sampleRate) + 0.01 * Math.sin(t * t))],
});

/** Writes WAV files into a folder, by their names. */
export function writeSounds(folder: string, sounds: Readonly<Record<string, data.Sound>>): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, sound] of Object.entries(sounds)) writeFileSync(join(folder, name), data.writeWav(sound));
}

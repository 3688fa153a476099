import { check } from "../graph/error.js";
import type { Sound } from "./wav.js";

/** Zero crossings of the sine on either side that a sample is made from. */
const crossings = 16;

/**
 * A sound at another number of samples a second: each new sample is the sum of those around it, weighted by a sine over its argument within Hann's
 * window, which lets pass what both rates can hold (Smith, Digital audio resampling, 2002).
 * @throws KasaneError for a rate that is no positive integer
 */
export function resampleSound(sound: Sound, sampleRate: number): Sound {
  for (const rate of [sound.sampleRate, sampleRate]) {
    check(Number.isInteger(rate) && rate > 0, () => `resampleSound: got ${rate} samples a second, expected an integer from 1`);
  }
  if (sampleRate === sound.sampleRate) return sound;
  // Of the old rate's frequencies those above half the new one are left out.
  const passed = Math.min(1, sampleRate / sound.sampleRate);
  const reach = crossings / passed;
  const channels = sound.channels.map((samples) =>
    Float32Array.from({ length: Math.round((samples.length * sampleRate) / sound.sampleRate) }, (_, i) => {
      const center = (i * sound.sampleRate) / sampleRate;
      let sum = 0;
      for (let j = Math.max(0, Math.ceil(center - reach)); j <= Math.min(samples.length - 1, Math.floor(center + reach)); j++) {
        const away = j - center;
        const angle = Math.PI * passed * away;
        // passed · sin(x) / x · (1 + cos(π away / reach)) / 2
        sum +=
          (samples[j] as number) * passed * (angle === 0 ? 1 : Math.sin(angle) / angle) * (0.5 + 0.5 * Math.cos((Math.PI * away) / reach));
      }
      return sum;
    }),
  );
  return { sampleRate, channels };
}

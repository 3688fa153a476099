import { check } from "../../graph/error.js";
import type { Picture } from "./sample.js";

// The formulas are those of torchvision's functions of the same names, so that settings found there serve here.

const withPixels = (picture: Picture, pixels: Uint8Array): Picture => ({ ...picture, pixels });

/** Bytes where values are cut off, as torchvision does, and not rounded. */
const byte = (value: number): number => (value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value));

/** A picture whose bytes are replaced by those of a table. */
function mapped(picture: Picture, value: (byte: number) => number): Picture {
  const table = new Uint8Array(256);
  for (let i = 0; i < 256; i++) table[i] = byte(value(i));
  const pixels = new Uint8Array(picture.pixels.length);
  for (let i = 0; i < pixels.length; i++) pixels[i] = table[picture.pixels[i] as number] as number;
  return withPixels(picture, pixels);
}

function checkFactor(owner: string, factor: number): void {
  check(factor >= 0 && factor < Number.POSITIVE_INFINITY, () => `${owner}: got factor ${factor}, expected a number from 0`);
}

function checkChannels(owner: string, { channels }: Picture): void {
  check(channels === 1 || channels === 3, () => `${owner}: got a picture of ${channels} channels, expected 1 or 3`);
}

/** The brightness of each pixel, in whole levels: that of red, green and blue is weighed by ITU-R BT.601. */
function greyOf({ pixels, channels, height, width }: Picture): Uint8Array {
  if (channels === 1) return pixels;
  const size = height * width;
  const grey = new Uint8Array(size);
  for (let i = 0; i < size; i++) {
    // float32, which torchvision computes in, has a whole level where float64 is a little below it.
    grey[i] = 0.2989 * (pixels[i] as number) + 0.587 * (pixels[i + size] as number) + 0.114 * (pixels[i + 2 * size] as number) + 1e-6;
  }
  return grey;
}

/** Every value times `factor`. */
export function adjustBrightness(picture: Picture, factor: number): Picture {
  checkFactor("adjustBrightness", factor);
  return mapped(picture, (value) => value * factor);
}

/** The distance of every value from the mean brightness of the picture times `factor`. */
export function adjustContrast(picture: Picture, factor: number): Picture {
  checkFactor("adjustContrast", factor);
  checkChannels("adjustContrast", picture);
  const grey = greyOf(picture);
  const mean = grey.reduce((sum, value) => sum + value, 0) / Math.max(grey.length, 1);
  return mapped(picture, (value) => value * factor + mean * (1 - factor));
}

/** The distance of every colour from its grey times `factor`; a picture of one channel has none. */
export function adjustSaturation(picture: Picture, factor: number): Picture {
  checkFactor("adjustSaturation", factor);
  checkChannels("adjustSaturation", picture);
  if (picture.channels === 1) return picture;
  const grey = greyOf(picture);
  const pixels = new Uint8Array(picture.pixels.length);
  for (let at = 0; at < pixels.length; at += grey.length) {
    for (let i = 0; i < grey.length; i++)
      pixels[at + i] = byte((picture.pixels[at + i] as number) * factor + (grey[i] as number) * (1 - factor));
  }
  return withPixels(picture, pixels);
}

/** Turns the hues of all colours round their circle by `share` of it, -0.5 to 0.5; a picture of one channel has none. */
export function adjustHue(picture: Picture, share: number): Picture {
  check(share >= -0.5 && share <= 0.5, () => `adjustHue: got ${share}, expected a share of the circle from -0.5 to 0.5`);
  checkChannels("adjustHue", picture);
  if (picture.channels === 1) return picture;
  const { pixels } = picture;
  const size = picture.height * picture.width;
  const turned = new Uint8Array(pixels.length);
  for (let i = 0; i < size; i++) {
    const [r, g, b] = [pixels[i] as number, pixels[i + size] as number, pixels[i + 2 * size] as number];
    const most = Math.max(r, g, b);
    const range = most - Math.min(r, g, b);
    // The hue in sixths of the circle, from red by green to blue (Smith 1978, Color gamut transform pairs).
    const hue = range === 0 ? 0 : most === r ? (g - b) / range : most === g ? (b - r) / range + 2 : (r - g) / range + 4;
    for (let channel = 0; channel < 3; channel++) {
      // How far the channel's own hue is away, in sixths: it is at its most within one, and at its least from two on.
      const turn = hue + 6 * share - 2 * channel;
      const away = Math.abs(turn - 6 * Math.floor(turn / 6 + 0.5));
      const value = most - range * Math.min(Math.max(away - 1, 0), 1);
      // Bytes are made as torchvision makes them of numbers from 0 to 1.
      turned[i + channel * size] = Math.floor((value / 255) * 255.999);
    }
  }
  return withPixels(picture, turned);
}

/** The distance of every pixel from a smoothed one, `[1, 1, 1; 1, 5, 1; 1, 1, 1] / 13`, times `factor`. The pixels at the border stay. */
export function adjustSharpness(picture: Picture, factor: number): Picture {
  checkFactor("adjustSharpness", factor);
  const { pixels, channels, height, width } = picture;
  const sharpened = pixels.slice();
  for (let channel = 0; channel < channels; channel++) {
    for (let y = 1; y < height - 1; y++) {
      for (let x = 1; x < width - 1; x++) {
        const i = (channel * height + y) * width + x;
        let sum = 4 * (pixels[i] as number);
        for (let row = i - width; row <= i + width; row += width)
          sum += (pixels[row - 1] as number) + (pixels[row] as number) + (pixels[row + 1] as number);
        const value = pixels[i] as number;
        sharpened[i] = byte(value + (Math.round(sum / 13) - value) * (1 - factor));
      }
    }
  }
  return withPixels(picture, sharpened);
}

/** Only the first `bits` of each value, 0 to 8. */
export function posterize(picture: Picture, bits: number): Picture {
  check(Number.isInteger(bits) && bits >= 0 && bits <= 8, () => `posterize: got ${bits} bits, expected an integer from 0 to 8`);
  return mapped(picture, (value) => value & (256 - 2 ** (8 - bits)));
}

/** Values from `threshold` on are turned round: 255 less the value. */
export function solarize(picture: Picture, threshold: number): Picture {
  check(threshold >= 0 && threshold <= 255, () => `solarize: got threshold ${threshold}, expected 0 to 255`);
  return mapped(picture, (value) => (value >= threshold ? 255 - value : value));
}

/** Each channel by itself, as a picture of one. */
function eachChannel(picture: Picture, change: (channel: Picture) => Picture): Picture {
  const size = picture.height * picture.width;
  const pixels = new Uint8Array(picture.pixels.length);
  for (let at = 0; at < pixels.length; at += size)
    pixels.set(change({ ...picture, channels: 1, pixels: picture.pixels.subarray(at, at + size) }).pixels, at);
  return withPixels(picture, pixels);
}

/** Each channel stretched to 0 to 255. */
export const autocontrast = (picture: Picture): Picture =>
  eachChannel(picture, (channel) => {
    let [least, most] = [255, 0];
    for (const value of channel.pixels) [least, most] = [Math.min(least, value), Math.max(most, value)];
    return least < most ? mapped(channel, (value) => ((value - least) * 255) / (most - least)) : channel;
  });

/** Each channel's values spread so that all are about as frequent (histogram equalization, with Pillow's rounding). */
export const equalize = (picture: Picture): Picture =>
  eachChannel(picture, (channel) => {
    const counts = new Int32Array(256);
    for (const value of channel.pixels) counts[value] = (counts[value] as number) + 1;
    const last = counts[counts.findLastIndex((count) => count > 0)] ?? 0;
    const step = Math.floor((channel.pixels.length - last) / 255);
    if (step === 0) return channel;
    let before = Math.floor(step / 2);
    const table = counts.map((count) => {
      const value = Math.floor(before / step);
      before += count;
      return value;
    });
    return mapped(channel, (value) => table[value] as number);
  });

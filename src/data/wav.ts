import { check, excerpt } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";

/** Sampled sound. */
export interface Sound {
  /** Samples a second of each channel. */
  readonly sampleRate: number;
  /** The samples of each channel, all of one length: one channel where the sound is mono; left and right where it is stereo. */
  readonly channels: readonly Float32Array[];
}

/** How a sample is written: as an integer (PCM) of 8, 16, 24 or 32 bits, or as a floating point number of 32 or 64. */
export type WavFormat = "pcm8" | "pcm16" | "pcm24" | "pcm32" | "float32" | "float64";

/** A sample as bytes. Integers span -1 to 1: of 16 bits, the integer `i` is `i / 2^15`. */
interface SampleCode {
  readonly bytes: number;
  readonly isFloat: boolean;
  readonly read: (view: DataView, at: number) => number;
  readonly write: (view: DataView, at: number, value: number) => void;
}

/** PCM's integer of a value: the nearest, halves rounded up, within the range of so many bits. */
const toInteger = (value: number, bits: number): number =>
  Math.max(-(2 ** (bits - 1)), Math.min(2 ** (bits - 1) - 1, Math.floor(value * 2 ** (bits - 1) + 0.5)));

const sampleCodes: Readonly<Record<WavFormat, SampleCode>> = {
  // 8 bits are unsigned, in which 128 is silence.
  pcm8: {
    bytes: 1,
    isFloat: false,
    read: (view, at) => (view.getUint8(at) - 128) / 2 ** 7,
    write: (view, at, value) => view.setUint8(at, toInteger(value, 8) + 128),
  },
  pcm16: {
    bytes: 2,
    isFloat: false,
    read: (view, at) => view.getInt16(at, true) / 2 ** 15,
    write: (view, at, value) => view.setInt16(at, toInteger(value, 16), true),
  },
  pcm24: {
    bytes: 3,
    isFloat: false,
    read: (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 2 ** 16) / 2 ** 23,
    write: (view, at, value) => {
      const integer = toInteger(value, 24);
      view.setUint16(at, integer & 0xffff, true);
      view.setInt8(at + 2, integer >> 16);
    },
  },
  pcm32: {
    bytes: 4,
    isFloat: false,
    read: (view, at) => view.getInt32(at, true) / 2 ** 31,
    write: (view, at, value) => view.setInt32(at, toInteger(value, 32), true),
  },
  float32: {
    bytes: 4,
    isFloat: true,
    read: (view, at) => view.getFloat32(at, true),
    write: (view, at, value) => view.setFloat32(at, value, true),
  },
  float64: {
    bytes: 8,
    isFloat: true,
    read: (view, at) => view.getFloat64(at, true),
    write: (view, at, value) => view.setFloat64(at, value, true),
  },
};

/** The format tags of a WAV file (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0", 1991; `mmreg.h`). */
const [pcmTag, floatTag, extensibleTag] = [1, 3, 0xfffe];

/** The 14 bytes after the format tag in the identifier (GUID) of a format of WAVE_FORMAT_EXTENSIBLE. */
const extensibleEnd = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113];

/** How the samples of a file lie. */
interface Layout {
  readonly sampleRate: number;
  readonly channels: number;
  readonly code: SampleCode;
}

/**
 * Reads a WAV file: PCM of 8, 16, 24 or 32 bits or floating point of 32 or 64, any number of channels, WAVE_FORMAT_EXTENSIBLE too.
 * Chunks other than the format and the data are passed over. The samples are single precision: integers of 32 bits and floating point
 * numbers of 64 are rounded to it.
 * @param name names the file in errors
 * @throws KasaneError where the bytes are no such file, are cut off, or hold a sample that is no finite number
 */
export function readWav(bytes: Uint8Array, name = "WAV"): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  check(
    bytes.length >= 12 && textAt(view, 0) === "RIFF" && textAt(view, 8) === "WAVE",
    () => `${name}: the ${bytes.length} bytes do not begin as a WAV file does: expected RIFF, a size and WAVE`,
  );
  const end = 8 + view.getUint32(4, true);
  check(end <= bytes.length, () => `${name}: cut off: its header says ${end} bytes, there are ${bytes.length}`);
  const { fmt, data } = findChunks(view, end, name);
  check(fmt !== undefined, () => `${name}: it has no chunk "fmt ", which says how the samples are written`);
  check(data !== undefined, () => `${name}: it has no chunk "data", which holds the samples`);
  const { sampleRate, channels, code } = readLayout(fmt, name);
  const frameBytes = channels * code.bytes;
  check(
    data.byteLength % frameBytes === 0,
    () => `${name}: damaged: ${data.byteLength} bytes of data are no multiple of the ${frameBytes} that ${channels} channels take`,
  );
  const length = data.byteLength / frameBytes;
  const samples = Array.from({ length: channels }, (_, channel) => {
    const read = new Float32Array(length);
    for (let i = 0; i < length; i++) read[i] = code.read(data, i * frameBytes + channel * code.bytes);
    const bad = code.isFloat ? read.findIndex((value) => !Number.isFinite(value)) : -1;
    check(bad < 0, () => `${name}: sample ${bad} of channel ${channel} is ${read[bad]}, expected a finite number of single precision`);
    return read;
  });
  return { sampleRate, channels: samples };
}

/** The chunks of the format and of the data, each within the file. */
function findChunks(view: DataView, end: number, name: string): { readonly fmt?: DataView; readonly data?: DataView } {
  const found: { fmt?: DataView; data?: DataView } = {};
  let at = 12;
  while (at < end) {
    check(at + 8 <= end, () => `${name}: cut off: ${end - at} bytes are left at byte ${at}, expected a chunk's name and size`);
    const [id, size] = [textAt(view, at), view.getUint32(at + 4, true)];
    const left = end - at - 8;
    check(size <= left, () => `${name}: cut off: the chunk "${excerpt(id)}" should have ${size} bytes, ${left} are left`);
    const key = id === "fmt " ? "fmt" : id === "data" ? "data" : undefined;
    if (key) {
      check(found[key] === undefined, () => `${name}: damaged: it has two chunks "${id}"`);
      found[key] = new DataView(view.buffer, view.byteOffset + at + 8, size);
    }
    // A chunk of an odd size is followed by a byte that is not counted.
    at += 8 + size + (size % 2);
  }
  return found;
}

function readLayout(fmt: DataView, name: string): Layout {
  const bytes = fmt.byteLength;
  check(bytes >= 16, () => `${name}: damaged: the chunk "fmt " has ${bytes} bytes, expected 16 or more`);
  const [given, channels, sampleRate] = [fmt.getUint16(0, true), fmt.getUint16(2, true), fmt.getUint32(4, true)];
  const [frameBytes, bits] = [fmt.getUint16(12, true), fmt.getUint16(14, true)];
  const tag = given === extensibleTag ? extensibleFormat(fmt, bits, name) : given;
  const format = `${tag === pcmTag ? "pcm" : tag === floatTag ? "float" : tag}${bits}`;
  const code = Object.hasOwn(sampleCodes, format) ? sampleCodes[format as WavFormat] : undefined;
  check(
    code !== undefined,
    () =>
      `${name}: its samples have the format ${tag} and ${bits} bits, expected format 1 (PCM) with 8, 16, 24 or 32 bits, or 3 (floating point) with 32 or 64`,
  );
  check(sampleRate > 0 && channels > 0, () => `${name}: damaged: ${channels} channels at ${sampleRate} Hz, expected 1 or more of both`);
  check(
    frameBytes === channels * code.bytes,
    () => `${name}: damaged: ${channels} channels of ${bits} bits are said to take ${frameBytes} bytes, expected ${channels * code.bytes}`,
  );
  return { sampleRate, channels, code };
}

/** The format tag within WAVE_FORMAT_EXTENSIBLE. Where not all bits of a sample are valid, the highest are: its value is read as ever. */
function extensibleFormat(fmt: DataView, bits: number, name: string): number {
  check(fmt.byteLength >= 40, () => `${name}: damaged: the extended chunk "fmt " has ${fmt.byteLength} bytes, expected 40 or more`);
  const valid = fmt.getUint16(18, true);
  check(valid > 0 && valid <= bits, () => `${name}: damaged: ${valid} bits of ${bits} are said to be valid, expected 1 to ${bits}`);
  check(
    extensibleEnd.every((byte, i) => fmt.getUint8(26 + i) === byte),
    () => `${name}: its samples have an identifier that is not of the standard formats: expected PCM or floating point`,
  );
  return fmt.getUint16(24, true);
}

/** Four bytes as characters. */
const textAt = (view: DataView, at: number): string => String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4));

/** Most bytes of a file, whose size is written in 32 bits. */
const mostBytes = 2 ** 32 - 1;

/**
 * The bytes of a WAV file of a sound.
 *
 * Integers are the nearest to `value * 2^(bits - 1)`, halves rounded up; values beyond -1 to 1 are clipped. Floating point values are
 * written as they are. What {@link readWav} read from a file of 8, 16 or 24 bits or of float32 is written to the same samples again.
 * @throws KasaneError where the channels differ in length, a sample is no finite number, or the file would be larger than 4 GiB
 */
export function writeWav(sound: Sound, options: { readonly format?: WavFormat } = {}): Uint8Array {
  checkOptions("writeWav", options, { format: "optional" });
  const { format = "pcm16" } = options;
  const { sampleRate, channels } = sound;
  check(
    Object.hasOwn(sampleCodes, format),
    () => `writeWav: got the format ${String(format)}, expected one of ${Object.keys(sampleCodes).join(", ")}`,
  );
  const code = sampleCodes[format];
  check(
    Number.isInteger(sampleRate) && sampleRate > 0 && sampleRate < 2 ** 32,
    () => `writeWav: got ${sampleRate} samples a second, expected an integer from 1 to 2^32 - 1`,
  );
  const [length = 0, frameBytes] = [channels[0]?.length, channels.length * code.bytes];
  check(
    channels.length > 0 && frameBytes < 2 ** 16 && channels.every((each) => each.length === length),
    () =>
      `writeWav: got channels of ${channels.map((each) => each.length).join(", ") || "no"} samples, expected one channel or more, all of one length`,
  );
  for (const [channel, samples] of channels.entries()) {
    const bad = samples.findIndex((value) => !Number.isFinite(value));
    check(bad < 0, () => `writeWav: sample ${bad} of channel ${channel} is ${samples[bad]}, expected a finite number`);
  }
  // Floating point has a size of extensions, which is 0, and a chunk "fact" with the number of samples a channel.
  const start = code.isFloat ? 58 : 44;
  const dataBytes = length * frameBytes;
  const total = start + dataBytes + (dataBytes % 2);
  check(total <= mostBytes, () => `writeWav: ${total} bytes do not fit a WAV file: expected at most 4 GiB`);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const chunk = (at: number, id: string, size: number) => {
    bytes.set(new TextEncoder().encode(id), at);
    view.setUint32(at + 4, size, true);
  };
  chunk(0, "RIFF", total - 8);
  bytes.set(new TextEncoder().encode("WAVE"), 8);
  chunk(12, "fmt ", code.isFloat ? 18 : 16);
  view.setUint16(20, code.isFloat ? floatTag : pcmTag, true);
  view.setUint16(22, channels.length, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, (sampleRate * frameBytes) % 2 ** 32, true);
  view.setUint16(32, frameBytes, true);
  view.setUint16(34, 8 * code.bytes, true);
  if (code.isFloat) {
    chunk(38, "fact", 4);
    view.setUint32(46, length, true);
  }
  chunk(start - 8, "data", dataBytes);
  for (const [channel, samples] of channels.entries()) {
    for (let i = 0; i < length; i++) code.write(view, start + i * frameBytes + channel * code.bytes, samples[i] as number);
  }
  return bytes;
}

import { readFileSync } from "node:fs";
import { data, type Tensor } from "kasane";
import { expect, it } from "vitest";

interface Spectrogram {
  readonly frames: { readonly fftSize: number };
  readonly bands: data.MelBands;
  readonly real: number[][];
  readonly imaginary: number[][];
  readonly bank: number[][];
  readonly mel: number[][];
}

/** Made by `test/fixtures/sound.py`. */
const fixture: {
  readonly files: readonly { readonly width: number; readonly channels: number; readonly integers: number[]; readonly bytes: string }[];
  readonly muLaw: { readonly samples: number[]; readonly codes: number[]; readonly decoded: number[] };
  readonly samples: number[];
  readonly spectrograms: readonly Spectrogram[];
} = JSON.parse(readFileSync(new URL("../fixtures/sound.json", import.meta.url), "utf8"));

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text, "base64"));

it.each(fixture.files)(
  "reads Python's WAV of $width bytes, $channels channels, and writes it again",
  ({ width, channels, integers, bytes }) => {
    const sound = data.readWav(bytesOf(bytes));
    expect(sound.sampleRate).toBe(8000);
    const scale = 2 ** (8 * width - 1);
    const expected = integers.map((integer) => Math.fround((width === 1 ? integer - 128 : integer) / scale));
    expect(sound.channels.map((each) => [...each])).toEqual(
      Array.from({ length: channels }, (_, channel) => expected.filter((_, i) => i % channels === channel)),
    );
    const again = data.writeWav(sound, { format: `pcm${8 * width}` as data.WavFormat });
    // Single precision holds integers of 24 bits, not all of 32.
    if (width < 4) expect(again).toEqual(bytesOf(bytes));
    else expect(data.readWav(again)).toEqual(sound);
  },
);

const [left, right] = [Float32Array.of(0, -1, 0.5, -0.125, 0.75), Float32Array.of(1e-30, -3.5, 0.1, -0, 1)];

it.each(["float32", "float64"] as const)("keeps %s to the bit", (format) => {
  const sound = { sampleRate: 44_100, channels: [left, right] };
  const read = data.readWav(data.writeWav(sound, { format }));
  expect(read).toEqual(sound);
  expect(Object.is(read.channels[1]?.[3], -0)).toBe(true);
});

it("rounds to the nearest integer and clips what is beyond", () => {
  const samples = Float32Array.of(2, -2, 1, 0.5 / 128, -0.5 / 128, 0.49 / 128, -0.51 / 128);
  const read = data.readWav(data.writeWav({ sampleRate: 1, channels: [samples] }, { format: "pcm8" }));
  expect([...(read.channels[0] as Float32Array)].map((value) => value * 128)).toEqual([127, -128, 127, 1, 0, 0, -1]);
});

it.each(["pcm8", "pcm16", "pcm24", "pcm32", "float32", "float64"] as const)("keeps a sound of no samples as %s", (format) => {
  const sound = { sampleRate: 8000, channels: [new Float32Array(0)] };
  expect(data.readWav(data.writeWav(sound, { format }))).toEqual(sound);
});

const ascii = (text: string) => [...new TextEncoder().encode(text)];
const u16 = (value: number) => [value & 255, value >> 8];
const u32 = (value: number) => [...u16(value % 2 ** 16), ...u16(Math.floor(value / 2 ** 16))];
const chunk = (id: string, body: readonly number[], size = body.length) => [
  ...ascii(id),
  ...u32(size),
  ...body,
  ...(body.length % 2 ? [0] : []),
];
const fmt = ({ tag = 1, channels = 1, rate = 8000, frame = 2, bits = 16, more = [] as readonly number[] } = {}) =>
  chunk("fmt ", [...u16(tag), ...u16(channels), ...u32(rate), ...u32(0), ...u16(frame), ...u16(bits), ...more]);
const riff = (chunks: readonly number[], size = chunks.length + 4) =>
  Uint8Array.from([...ascii("RIFF"), ...u32(size), ...ascii("WAVE"), ...chunks]);
const samples = chunk("data", [0, 64, 0, 128]);
/** What follows in WAVE_FORMAT_EXTENSIBLE: the size, the valid bits, the places of the channels and the format's identifier. */
const extended = (valid: number, tag: number, end = [0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]) => [
  ...u16(22),
  ...u16(valid),
  ...u32(0),
  ...u16(tag),
  ...end,
];

it.each([
  [
    "chunks of odd sizes before and after the data",
    riff([...chunk("LIST", [1, 2, 3]), ...fmt(), ...samples, ...chunk("x\u0000\u0001 ", [9])]),
  ],
  ["data before the format", riff([...samples, ...fmt()])],
  ["the extensible format", riff([...fmt({ tag: 0xfffe, more: extended(12, 1) }), ...samples])],
  ["bytes after the end", Uint8Array.from([...riff([...fmt(), ...samples]), 1, 2, 3])],
  ["a view within other bytes", Uint8Array.from([7, 7, 7, ...riff([...fmt(), ...samples])]).subarray(3)],
])("reads %s", (_, bytes) => {
  expect(data.readWav(bytes)).toEqual({ sampleRate: 8000, channels: [Float32Array.of(0.5, -1)] });
});

it.each([
  ["nothing", new Uint8Array(), "WAV: the 0 bytes do not begin as a WAV file does: expected RIFF, a size and WAVE"],
  ["another format", Uint8Array.from(ascii("RIFX0000WAVEfmt ")), "WAV: the 16 bytes do not begin"],
  ["a size beyond the file", riff([...fmt(), ...samples], 2 ** 32 - 1), "WAV: cut off: its header says 4294967303 bytes, there are 48"],
  [
    "data beyond the file",
    riff([...fmt(), ...chunk("data", [0, 0], 2 ** 32 - 1)]),
    'the chunk "data" should have 4294967295 bytes, 2 are left',
  ],
  ["a name cut off", riff([...fmt(), ...samples, 1, 2]), "cut off: 2 bytes are left at byte 48, expected a chunk's name and size"],
  ["no format", riff(samples), 'it has no chunk "fmt "'],
  ["no data", riff(fmt()), 'it has no chunk "data"'],
  ["two formats", riff([...fmt(), ...fmt(), ...samples]), 'damaged: it has two chunks "fmt "'],
  ["two data", riff([...fmt(), ...samples, ...samples]), 'damaged: it has two chunks "data"'],
  ["a short format", riff([...chunk("fmt ", [1, 0, 1, 0]), ...samples]), 'the chunk "fmt " has 4 bytes, expected 16 or more'],
  [
    "mu-law of G.711",
    riff([...fmt({ tag: 7, bits: 8, frame: 1 }), ...samples]),
    "its samples have the format 7 and 8 bits, expected format 1 (PCM)",
  ],
  ["12 bits", riff([...fmt({ bits: 12 }), ...samples]), "its samples have the format 1 and 12 bits"],
  ["no channels", riff([...fmt({ channels: 0, frame: 0 }), ...samples]), "damaged: 0 channels at 8000 Hz"],
  ["no sample rate", riff([...fmt({ rate: 0 }), ...samples]), "damaged: 1 channels at 0 Hz"],
  ["a frame of another size", riff([...fmt({ frame: 0 }), ...samples]), "1 channels of 16 bits are said to take 0 bytes, expected 2"],
  ["half a sample", riff([...fmt(), ...chunk("data", [1, 2, 3])]), "3 bytes of data are no multiple of the 2 that 1 channels take"],
  ["a short extension", riff([...fmt({ tag: 0xfffe }), ...samples]), 'the extended chunk "fmt " has 16 bytes, expected 40 or more'],
  ["too many valid bits", riff([...fmt({ tag: 0xfffe, more: extended(17, 1) }), ...samples]), "17 bits of 16 are said to be valid"],
  ["a private format", riff([...fmt({ tag: 0xfffe, more: extended(16, 1, Array(14).fill(1)) }), ...samples]), "an identifier that is not"],
  ["infinity", riff([...fmt({ tag: 3, bits: 32, frame: 4 }), ...chunk("data", [0, 0, 128, 127])]), "sample 0 of channel 0 is Infinity"],
  ["terminal codes", riff([...fmt(), ...chunk("\u001b[2J", [], 5), ...samples]).subarray(0, 44), "cut off"],
])("refuses %s", (_, bytes, message) => {
  expect(() => data.readWav(bytes)).toThrow(message);
});

it("names the file that it refuses, in one line", () => {
  const bytes = riff([...fmt(), ...chunk("\u001b[2J", [], 99)]);
  expect(() => data.readWav(bytes, "x.wav")).toThrow('x.wav: cut off: the chunk "\\u001b[2J" should have 99 bytes, 0 are left');
});

it.each([
  [{ sampleRate: 0, channels: [left] }, "writeWav: got 0 samples a second"],
  [{ sampleRate: 8000, channels: [] }, "writeWav: got channels of no samples"],
  [{ sampleRate: 8000, channels: [left, new Float32Array(1)] }, "writeWav: got channels of 5, 1 samples"],
  [{ sampleRate: 8000, channels: [Float32Array.of(0, Number.NaN)] }, "writeWav: sample 1 of channel 0 is NaN"],
])("writes no such sound", (sound, message) => {
  expect(() => data.writeWav(sound)).toThrow(message);
});

it("names the formats", () => {
  expect(() => data.writeWav({ sampleRate: 1, channels: [left] }, { format: "pcm12" as "pcm8" })).toThrow(
    "writeWav: got the format pcm12, expected one of pcm8, pcm16",
  );
});

it("companding gives the codes and samples of its formula, computed with numpy", () => {
  const { samples, codes, decoded } = fixture.muLaw;
  expect([...data.muLawEncode(samples)]).toEqual(codes);
  const all = Uint8Array.from({ length: 256 }, (_, code) => code);
  data.muLawDecode(all).forEach((sample, code) => {
    expect(sample).toBeCloseTo(decoded[code] as number, 7);
  });
  expect(data.muLawEncode(data.muLawDecode(all))).toEqual(all);
  expect([...data.muLawEncode([-1, 0, 1, -7, Number.POSITIVE_INFINITY])]).toEqual([0, 128, 255, 0, 255]);
});

it("companding refuses what is no sample and no code", () => {
  expect(() => data.muLawEncode([0, Number.NaN])).toThrow("muLawEncode: sample 1 is NaN");
  expect(() => data.muLawDecode([256])).toThrow("muLawDecode: code 0 is 256, expected an integer from 0 to 255");
  expect(() => data.muLawDecode([0.5])).toThrow("muLawDecode: code 0 is 0.5");
});

/** The largest difference, of tensors of one shape. */
async function difference(tensor: Tensor, expected: readonly number[][]): Promise<number> {
  expect(tensor.shape).toEqual([expected.length, expected[0]?.length]);
  const flat = expected.flat();
  return Math.max(...[...((await tensor.data()) as Float32Array)].map((value, i) => Math.abs(Number(value) - (flat[i] as number))));
}

it.each(fixture.spectrograms)("spectrograms are PyTorch's, mel bands those of the formula: $frames.fftSize", async (each) => {
  const { real, imaginary } = data.stft(fixture.samples, each.frames);
  expect(await difference(real, each.real)).toBeLessThan(2e-6);
  expect(await difference(imaginary, each.imaginary)).toBeLessThan(2e-6);
  const energies = each.real.map((row, k) => row.map((value, frame) => value ** 2 + (each.imaginary[k]?.[frame] as number) ** 2));
  expect(await difference(data.spectrogram(fixture.samples, each.frames), energies)).toBeLessThan(1e-4);
  const magnitudes = energies.map((row) => row.map(Math.sqrt));
  expect(await difference(data.spectrogram(fixture.samples, { ...each.frames, power: 1 }), magnitudes)).toBeLessThan(4e-6);
  expect(await difference(data.melFilterBank({ ...each.bands, fftSize: each.frames.fftSize }), each.bank)).toBeLessThan(1e-7);
  expect(await difference(data.melSpectrogram(fixture.samples, { ...each.frames, ...each.bands }), each.mel)).toBeLessThan(1e-4);
});

it.each([8000, 16_000, 22_050, 44_100, 48_000])("the default bands hold frequencies at %d Hz", (sampleRate) => {
  for (const scale of ["htk", "slaney"] as const) expect(data.melFilterBank({ sampleRate, scale }).shape).toEqual([40, 201]);
});

it("refuses sounds and bands that do not fit", () => {
  expect(() => data.stft(new Float32Array(64), { fftSize: 128 })).toThrow(
    "stft: got 64 samples, expected 65 or more with an fftSize of 128",
  );
  expect(() => data.spectrogram(new Float32Array(99), { fftSize: 100, center: false })).toThrow("got 99 samples, expected 100 or more");
  expect(() => data.stft([1, Number.NaN, 0], { fftSize: 2 })).toThrow("stft: sample 1 is NaN");
  expect(() => data.stft([1, 0, 0], { fftSize: 2, windowLength: 3 })).toThrow("got a windowLength of 3, expected at most fftSize, 2");
  expect(() => data.stft([1, 0, 0], { fftSize: 2, hop: 0 })).toThrow("stft: got hop 0, expected an integer of 1 or more");
  expect(() => data.melFilterBank({ sampleRate: 8000, highest: 5000 })).toThrow("got bands from 0 to 5000 Hz");
  expect(() => data.melFilterBank({ sampleRate: 8000, fftSize: 64, mels: 128 })).toThrow(
    /band \d+, .* holds no frequency of the transform/,
  );
  expect(() => data.melSpectrogram([1], { sampleRate: 8000, ffSize: 3 } as never)).toThrow(
    "melSpectrogram: unknown option ffSize: did you mean fftSize?",
  );
});

it.each([
  [8000, 16_000],
  [16_000, 8000],
  [22_050, 16_000],
])("a tone is the same tone at another rate: %d to %d Hz", (from, to) => {
  const tone = (sampleRate: number) =>
    Float32Array.from({ length: sampleRate / 10 }, (_, i) => Math.sin((2 * Math.PI * 440 * i) / sampleRate));
  const { sampleRate, channels } = data.resampleSound({ sampleRate: from, channels: [tone(from)] }, to);
  expect(sampleRate).toBe(to);
  const wanted = tone(to);
  expect(channels[0]).toHaveLength(wanted.length);
  // Away from the ends, where the sound breaks off.
  for (let i = 64; i < wanted.length - 64; i++) expect(Math.abs((channels[0]?.[i] as number) - (wanted[i] as number))).toBeLessThan(2e-3);
});

it("a tone that the new rate cannot hold is silenced, and a rate that is none refused", () => {
  const high = Float32Array.from({ length: 1600 }, (_, i) => Math.sin((2 * Math.PI * 6000 * i) / 16_000));
  const { channels } = data.resampleSound({ sampleRate: 16_000, channels: [high] }, 8000);
  expect(channels[0]?.slice(64, -64).every((sample) => Math.abs(sample) < 2e-3)).toBe(true);
  expect(() => data.resampleSound({ sampleRate: 8000, channels: [high] }, 0)).toThrow("got 0 samples a second, expected an integer from 1");
});

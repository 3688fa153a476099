import { check } from "../graph/error.js";
import { checkOptions, type OptionNames } from "../graph/options.js";
import { fromData, type Tensor } from "../graph/tensor.js";
import { fourierTransform } from "./fourier.js";

/** How a sound is cut into frames; the defaults are torchaudio's. */
export interface FrameOptions {
  /** Samples of a Fourier transform; default 400. It gives `floor(fftSize / 2) + 1` frequencies. Small prime factors make it fast. */
  readonly fftSize?: number;
  /** Samples of the Hann window, in the middle of a transform's; default `fftSize`. */
  readonly windowLength?: number;
  /** Samples from one frame to the next; default `floor(windowLength / 2)`. */
  readonly hop?: number;
  /** Whether frame `i` has sample `i hop` in its middle, the sound being reflected at both ends; otherwise that is its first. Default true. */
  readonly center?: boolean;
}

/** For {@link spectrogram}. */
export interface SpectrogramOptions extends FrameOptions {
  /** The power of a frequency's magnitude: 2, the default, for energy, 1 for the magnitude itself. */
  readonly power?: number;
}

const frameNames: OptionNames<FrameOptions> = { fftSize: "optional", windowLength: "optional", hop: "optional", center: "optional" };
/** The names of the options of {@link spectrogram}. */
export const spectrogramNames: OptionNames<SpectrogramOptions> = { ...frameNames, power: "optional" };

/**
 * The short-time Fourier transform of a sound, not normalised, as `torch.stft` gives it with a periodic Hann window.
 * @param samples `[length]`
 * @returns float32 `[frequencies, frames]`. With `center` and an even `fftSize` there are `1 + floor(length / hop)` frames; without,
 * `1 + floor((length - fftSize) / hop)`.
 * @throws KasaneError where the sound is too short: `center` reflects `floor(fftSize / 2)` samples, so more are needed; otherwise a frame's
 */
export function stft(samples: ArrayLike<number>, options: FrameOptions = {}): { readonly real: Tensor; readonly imaginary: Tensor } {
  checkOptions("stft", options, frameNames);
  const { shape, transforms } = frames("stft", samples, options);
  const [real, imaginary] = fromFrames(
    shape,
    transforms,
    ([each], k) => each[k] as number,
    ([, each], k) => each[k] as number,
  );
  return { real, imaginary } as { real: Tensor; imaginary: Tensor };
}

/**
 * How much of each frequency is in a sound as time goes: `|stft|^power`. Frequency `k` is `k sampleRate / fftSize` Hz.
 * @param samples `[length]`
 * @returns float32 `[frequencies, frames]`
 * @throws KasaneError as {@link stft}
 */
export function spectrogram(samples: ArrayLike<number>, options: SpectrogramOptions = {}): Tensor {
  checkOptions("spectrogram", options, spectrogramNames);
  const { power = 2, ...rest } = options;
  check(power > 0, () => `spectrogram: got the power ${power}, expected more than 0`);
  const { shape, transforms } = frames("spectrogram", samples, rest);
  const energy = ([real, imaginary]: Transform, k: number) => (real[k] as number) ** 2 + (imaginary[k] as number) ** 2;
  return fromFrames(shape, transforms, (each, k) => energy(each, k) ** (power / 2))[0] as Tensor;
}

type Transform = readonly [real: Float64Array, imaginary: Float64Array];

/** A tensor `[frequencies, frames]` of each function of a frame's transform and a frequency. */
function fromFrames(
  shape: readonly [bins: number, frames: number],
  transforms: Iterable<Transform>,
  ...values: readonly ((transform: Transform, k: number) => number)[]
): Tensor[] {
  const [bins, count] = shape;
  const results = values.map((value) => ({ value, elements: new Float32Array(bins * count) }));
  let frame = 0;
  for (const transform of transforms) {
    for (const { value, elements } of results) {
      for (let k = 0; k < bins; k++) elements[k * count + frame] = value(transform, k);
    }
    frame++;
  }
  return results.map(({ elements }) => fromData(elements, shape, "float32"));
}

const checkCount = (owner: string, name: string, value: number, least = 1): void =>
  check(Number.isSafeInteger(value) && value >= least, () => `${owner}: got ${name} ${value}, expected an integer of ${least} or more`);

/** The shape of a spectrogram, and the transform of each frame. */
function frames(
  owner: string,
  samples: ArrayLike<number>,
  { fftSize = 400, windowLength = fftSize, hop = Math.floor(windowLength / 2), center = true }: FrameOptions,
): { readonly shape: [bins: number, frames: number]; readonly transforms: Iterable<Transform> } {
  checkCount(owner, "fftSize", fftSize, 2);
  checkCount(owner, "windowLength", windowLength, 2);
  checkCount(owner, "hop", hop);
  check(windowLength <= fftSize, () => `${owner}: got a windowLength of ${windowLength}, expected at most fftSize, ${fftSize}`);
  const half = Math.floor(fftSize / 2);
  const { length } = samples;
  const least = center ? half + 1 : fftSize;
  check(length >= least, () => `${owner}: got ${length} samples, expected ${least} or more with an fftSize of ${fftSize}`);
  const bad = Array.prototype.findIndex.call(samples, (value: number) => !Number.isFinite(value));
  check(bad < 0, () => `${owner}: sample ${bad} is ${samples[bad]}, expected a finite number`);
  const count = 1 + Math.floor((center ? length + 2 * half - fftSize : length - fftSize) / hop);
  const windowStart = Math.floor((fftSize - windowLength) / 2);
  const hann = Float64Array.from({ length: windowLength }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / windowLength));
  const transform = fourierTransform(fftSize);
  function* transforms(): Generator<Transform> {
    const [real, imaginary] = [new Float64Array(fftSize), new Float64Array(fftSize)];
    for (let frame = 0; frame < count; frame++) {
      const start = frame * hop + windowStart - (center ? half : 0);
      for (let i = 0; i < windowLength; i++) {
        // Reflected at the ends, whose samples are not doubled: before sample 0 stands sample 1.
        const at = length - 1 - Math.abs(length - 1 - Math.abs(start + i));
        real[windowStart + i] = (samples[at] as number) * (hann[i] as number);
      }
      yield transform(real, imaginary);
    }
  }
  return { shape: [half + 1, count], transforms: transforms() };
}

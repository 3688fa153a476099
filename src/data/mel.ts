import { check } from "../graph/error.js";
import { checkChoice, checkOptions, type OptionNames, pickOptions } from "../graph/options.js";
import { fromData, hostData, type Tensor } from "../graph/tensor.js";
import { type SpectrogramOptions, spectrogram, spectrogramNames } from "./spectrogram.js";

/** The bands of a mel spectrogram. As torchaudio's by default, but for their number; librosa's are `scale: "slaney", normalize: true`. */
export interface MelBands {
  /** Samples a second of the sound. */
  readonly sampleRate: number;
  /** Bands; default 40, which suits 400 samples of a transform at every usual sample rate. */
  readonly mels?: number;
  /** Where the lowest band begins, in Hz; default 0. */
  readonly lowest?: number;
  /** Where the highest band ends, in Hz; default half the sample rate. */
  readonly highest?: number;
  /**
   * What a mel is. `htk`, the default: `2595 log10(1 + f / 700)` (O'Shaughnessy 1987; the HTK book). `slaney`: `3 f / 200` to 1,000 Hz, and
   * from there 27 mels for each factor of 6.4 (Slaney 1998, "Auditory Toolbox").
   */
  readonly scale?: "htk" | "slaney";
  /** Whether a band is divided by half its width in Hz, so that each has the area 1 (Slaney); default false: each has the height 1. */
  readonly normalize?: boolean;
}

/** For {@link melFilterBank}. */
export interface MelFilterOptions extends MelBands {
  /** Samples of the Fourier transform, as for the spectrogram; default 400. */
  readonly fftSize?: number;
}

/** For {@link melSpectrogram}. */
export interface MelSpectrogramOptions extends MelBands, SpectrogramOptions {}

const bandNames: OptionNames<MelBands> = {
  sampleRate: "required",
  mels: "optional",
  lowest: "optional",
  highest: "optional",
  scale: "optional",
  normalize: "optional",
};
const filterNames: OptionNames<MelFilterOptions> = { ...bandNames, fftSize: "optional" };

/** Slaney's scale: linear to 1,000 Hz, which are 15 mels, and logarithmic from there. */
const [breakHertz, breakMels, logStep] = [1000, 15, Math.log(6.4) / 27];

const scales = {
  htk: {
    toMel: (hertz: number) => 2595 * Math.log10(1 + hertz / 700),
    toHertz: (mel: number) => 700 * (10 ** (mel / 2595) - 1),
  },
  slaney: {
    toMel: (hertz: number) => (hertz < breakHertz ? (hertz * breakMels) / breakHertz : breakMels + Math.log(hertz / breakHertz) / logStep),
    toHertz: (mel: number) => (mel < breakMels ? (mel * breakHertz) / breakMels : breakHertz * Math.exp(logStep * (mel - breakMels))),
  },
};

/**
 * Bands of frequencies of equal width in mels: each is a triangle that rises from the middle of the band below to its own and falls to the
 * middle of the band above. The definition is that of `librosa.filters.mel`, and for an even `fftSize` that of
 * `torchaudio.functional.melscale_fbanks`, which has the axes in the other order.
 * @returns float32 `[mels, floor(fftSize / 2) + 1]`, to be multiplied with a spectrogram
 * @throws KasaneError where a band is so narrow that it holds no frequency of the transform
 */
export function melFilterBank(options: MelFilterOptions): Tensor {
  checkOptions("melFilterBank", options, filterNames);
  const { sampleRate, fftSize = 400, mels = 40, lowest = 0, highest = sampleRate / 2, scale = "htk", normalize = false } = options;
  check(
    Number.isFinite(sampleRate) && lowest >= 0 && lowest < highest && highest <= sampleRate / 2,
    () => `melFilterBank: got bands from ${lowest} to ${highest} Hz, expected rising ones from 0 to half the sample rate, ${sampleRate} Hz`,
  );
  check(
    Number.isSafeInteger(mels) && mels > 0 && Number.isSafeInteger(fftSize) && fftSize > 1,
    () => `melFilterBank: got ${mels} mels and an fftSize of ${fftSize}, expected integers of 1 and 2 or more`,
  );
  checkChoice("melFilterBank", "scale", scale, Object.keys(scales));
  const { toMel, toHertz } = scales[scale];
  const [first, last] = [toMel(lowest), toMel(highest)];
  const edges = Array.from({ length: mels + 2 }, (_, i) => toHertz(first + ((last - first) * i) / (mels + 1)));
  const bins = Math.floor(fftSize / 2) + 1;
  const bank = new Float32Array(mels * bins);
  for (let band = 0; band < mels; band++) {
    const [from, middle, to] = edges.slice(band, band + 3) as [number, number, number];
    const height = normalize ? 2 / (to - from) : 1;
    let isEmpty = true;
    for (let bin = 0; bin < bins; bin++) {
      const hertz = (bin * sampleRate) / fftSize;
      const weight = height * Math.min((hertz - from) / (middle - from), (to - hertz) / (to - middle));
      if (weight <= 0) continue;
      bank[band * bins + bin] = weight;
      isEmpty = false;
    }
    check(
      !isEmpty,
      () =>
        `melFilterBank: band ${band}, ${from.toFixed(1)} to ${to.toFixed(1)} Hz, holds no frequency of the transform: give a larger fftSize than ${fftSize} or fewer mels than ${mels}`,
    );
  }
  return fromData(bank, [mels, bins], "float32");
}

/**
 * A spectrogram whose frequencies are gathered in the bands of {@link melFilterBank}: `bank spectrogram`, of energies, no logarithm taken.
 * @param samples `[length]`
 * @returns float32 `[mels, frames]`
 * @throws KasaneError as {@link spectrogram} and {@link melFilterBank}
 */
export function melSpectrogram(samples: ArrayLike<number>, options: MelSpectrogramOptions): Tensor {
  checkOptions("melSpectrogram", options, { ...bandNames, ...spectrogramNames });
  const bank = melFilterBank(pickOptions<MelFilterOptions>(options, filterNames));
  const whole = spectrogram(samples, pickOptions<SpectrogramOptions>(options, spectrogramNames));
  const [mels, bins, count] = [bank.shape[0] as number, bank.shape[1] as number, whole.shape[1] as number];
  const [weights, energies] = [hostData(bank), hostData(whole)] as [Float32Array, Float32Array];
  const elements = new Float32Array(mels * count);
  const sums = new Float64Array(count);
  for (let mel = 0; mel < mels; mel++) {
    sums.fill(0);
    for (let bin = 0; bin < bins; bin++) {
      const weight = weights[mel * bins + bin] as number;
      if (weight === 0) continue;
      for (let frame = 0; frame < count; frame++)
        sums[frame] = (sums[frame] as number) + weight * (energies[bin * count + frame] as number);
    }
    elements.set(sums, mel * count);
  }
  return fromData(elements, [mels, count], "float32");
}

import { check } from "../graph/error.js";

/** The codes are 0 to mu. */
const mu = 255;

/**
 * Samples as codes of 256 values, close together near silence: mu-law companding (van den Oord et al. 2016, "WaveNet", section 2.2; after
 * ITU-T G.711). With mu = 255, `f(x) = sign(x) ln(1 + mu |x|) / ln(1 + mu)`, and the code is `floor((f(x) + 1) / 2 * mu + 0.5)` in double
 * precision, as in torchaudio: 0 for -1, 128 for 0, 255 for 1. These are not the bytes of G.711, which approximates f by straight lines.
 * @param samples from -1 to 1; what is beyond is clipped
 * @throws KasaneError where a sample is not a number
 */
export function muLawEncode(samples: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(samples, (sample, i) => {
    check(
      typeof sample === "number" && !Number.isNaN(sample),
      () => `muLawEncode: sample ${i} is ${sample}, expected a number from -1 to 1`,
    );
    const x = Math.max(-1, Math.min(1, sample));
    const companded = (Math.sign(x) * Math.log1p(mu * Math.abs(x))) / Math.log1p(mu);
    return Math.floor(((companded + 1) / 2) * mu + 0.5);
  });
}

/** The sample of each code. */
const decoded = Float32Array.from({ length: mu + 1 }, (_, code) => {
  const companded = (code / mu) * 2 - 1;
  return (Math.sign(companded) * Math.expm1(Math.abs(companded) * Math.log1p(mu))) / mu;
});

/**
 * The samples of codes of {@link muLawEncode}: with `y = 2 code / mu - 1`, `sign(y) ((1 + mu)^|y| - 1) / mu`.
 * @param codes integers from 0 to 255
 * @throws KasaneError where a code is no such integer
 */
export function muLawDecode(codes: ArrayLike<number>): Float32Array {
  return Float32Array.from(codes, (code, i) => {
    const sample = decoded[code];
    check(sample !== undefined, () => `muLawDecode: code ${i} is ${code}, expected an integer from 0 to ${mu}`);
    return sample;
  });
}

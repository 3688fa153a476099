import { data } from "kasane";
import { silence } from "./codeBatches.js";

const values = 256;

/** What was predicted, in nats a sample: the mean of the negative log probability of each code given those before it. */
export type Nats = Readonly<Record<string, number>>;

/**
 * How well plain models predict codes: by how often each occurs, by the code before, and by linear prediction from the samples before.
 * @param train what the models are fitted to
 * @param judged what they are judged by
 */
export function baselineNats(train: readonly Uint8Array[], judged: readonly Uint8Array[]): Nats {
  return {
    unigram: tableNats(train, judged, false),
    bigram: tableNats(train, judged, true),
    ...linearNats(train, judged),
  };
}

/** Added to each count, in shares of all values: so much probability is spread over what never occurred. */
const spread = 0.1;

/** By how often a code occurs, after the code before it or at all. */
function tableNats(train: readonly Uint8Array[], judged: readonly Uint8Array[], isAfter: boolean): number {
  const counts = new Float64Array(values * values);
  const totals = new Float64Array(values);
  const visit = (clips: readonly Uint8Array[], each: (before: number, code: number) => void) => {
    for (const codes of clips) codes.forEach((code, i) => each(isAfter ? (codes[i - 1] ?? silence) : 0, code));
  };
  visit(train, (before, code) => {
    counts[before * values + code] = (counts[before * values + code] as number) + 1;
    totals[before] = (totals[before] as number) + 1;
  });
  let [nats, samples] = [0, 0];
  visit(judged, (before, code) => {
    nats -= Math.log(((counts[before * values + code] as number) + spread) / ((totals[before] as number) + values * spread));
    samples++;
  });
  return nats / samples;
}

/** Samples that a linear prediction is made from. */
const order = 16;

/** Distributions of a residual of scale 1, by the probability below a value. */
const distributions: Readonly<Record<string, (x: number) => number>> = {
  logistic: (x) => 1 / (1 + Math.exp(-x)),
  Laplace: (x) => (x < 0 ? 0.5 * Math.exp(x) : 1 - 0.5 * Math.exp(-x)),
  Cauchy: (x) => 0.5 + Math.atan(x) / Math.PI,
  // Student's distributions with 2 and 3 degrees of freedom.
  "Student 2": (x) => 0.5 + x / (2 * Math.sqrt(2 + x * x)),
  "Student 3": (x) => 0.5 + (x / (Math.sqrt(3) * (1 + (x * x) / 3)) + Math.atan(x / Math.sqrt(3))) / Math.PI,
};

/** The residuals whose mean size tells the scale of the next. */
const recent = 16;

/** A prediction of one sample: where it lies, and how large the residuals before it were on average. */
interface Predictions {
  readonly codes: Uint8Array;
  readonly predicted: Float32Array;
  readonly sizes: Float32Array;
}

/** About so many samples of the training clips choose distribution and scale. */
const fitted = 20_000;

/**
 * Linear prediction from the last 16 samples, with the distribution of the residual that is best on the training clips: once with one scale for all
 * samples, once with a scale in proportion to the mean size of the last 16 residuals.
 */
function linearNats(train: readonly Uint8Array[], judged: readonly Uint8Array[]): Nats {
  const coefficients = linearCoefficients(train.map(data.muLawDecode));
  const all = train.reduce((sum, { length }) => sum + length, 0);
  const stride = Math.max(1, Math.floor(all / fitted));
  const [fitting, judging] = [train, judged].map((clips) => clips.map((codes) => predict(codes, coefficients))) as [
    Predictions[],
    Predictions[],
  ];
  const best = (follows: boolean): [name: string, nats: number] => {
    const fits = Object.entries(distributions).map(([name, below]) => {
      const of = (logScale: number, predictions: readonly Predictions[], every: number) =>
        natsOf(predictions, below, every, (size) => Math.exp(logScale) * (follows ? size + leastSize : 1));
      const logScale = leastBetween((x) => of(x, fitting, stride), -12, 3);
      return { name, nats: of(logScale, fitting, stride), judged: () => of(logScale, judging, 1) };
    });
    const { name, judged: judge } = fits.reduce((a, b) => (b.nats < a.nats ? b : a));
    return [name, judge()];
  };
  const [[one, oneNats], [following, followingNats]] = [best(false), best(true)];
  return {
    [`linear prediction, ${one} residuals of one scale`]: oneNats,
    [`linear prediction, ${following} residuals of the scale of the last ${recent}`]: followingNats,
  };
}

/** Added to the mean size of the residuals: it may be 0, a scale may not. */
const leastSize = 1e-5;

/** The coefficients that predict with the least squared error, by Levinson's and Durbin's recursion (Makhoul 1975, Linear prediction, section II). */
function linearCoefficients(clips: readonly Float32Array[]): number[] {
  const correlations = Array.from({ length: order + 1 }, (_, lag) =>
    clips.reduce((sum, x) => {
      let products = 0;
      for (let i = lag; i < x.length; i++) products += (x[i] as number) * (x[i - lag] as number);
      return sum + products;
    }, 0),
  );
  let coefficients: number[] = [];
  // A silent recording is predicted by zeros.
  let error = (correlations[0] as number) || 1;
  for (let n = 1; n <= order; n++) {
    const left = coefficients.reduce((sum, a, i) => sum - a * (correlations[n - 1 - i] as number), correlations[n] as number);
    const reflection = left / error;
    coefficients = [...coefficients.map((a, i) => a - reflection * (coefficients[n - 2 - i] as number)), reflection];
    error *= 1 - reflection ** 2;
  }
  return coefficients;
}

function predict(codes: Uint8Array, coefficients: readonly number[]): Predictions {
  const x = data.muLawDecode(codes);
  const [predicted, sizes] = [new Float32Array(x.length), new Float32Array(x.length)];
  const residuals = new Float32Array(x.length);
  let total = 0;
  for (let i = 0; i < x.length; i++) {
    let sum = 0;
    for (let k = 0; k < order && k < i; k++) sum += (coefficients[k] as number) * (x[i - 1 - k] as number);
    predicted[i] = sum;
    sizes[i] = Math.max(0, total) / recent;
    residuals[i] = Math.abs((x[i] as number) - sum);
    total += (residuals[i] as number) - (residuals[i - recent] ?? 0);
  }
  return { codes, predicted, sizes };
}

/** The bounds between neighbouring codes as samples; the first and the last code have none outside. */
const bounds = Float64Array.from({ length: values + 1 }, (_, code) => {
  if (code === 0) return Number.NEGATIVE_INFINITY;
  if (code === values) return Number.POSITIVE_INFINITY;
  const companded = (2 * code - 1) / (values - 1) - 1;
  return (Math.sign(companded) * Math.expm1(Math.abs(companded) * Math.log(values))) / (values - 1);
});

/** The least probability that a code is given: rounding takes smaller ones to 0. */
const leastProbability = 1e-10;

/** @param every how many samples there are to one that counts */
function natsOf(
  predictions: readonly Predictions[],
  below: (x: number) => number,
  every: number,
  scaleOf: (size: number) => number,
): number {
  let [nats, samples, i] = [0, 0, 0];
  for (const { codes, predicted, sizes } of predictions) {
    for (; i < codes.length; i += every) {
      const [code, mean, scale] = [codes[i] as number, predicted[i] as number, scaleOf(sizes[i] as number)];
      const probability = below(((bounds[code + 1] as number) - mean) / scale) - below(((bounds[code] as number) - mean) / scale);
      nats -= Math.log(Math.max(leastProbability, probability));
      samples++;
    }
    i -= codes.length;
  }
  return nats / samples;
}

/** Where a function of one valley is least, by golden section. */
function leastBetween(f: (x: number) => number, from: number, to: number): number {
  const share = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [a, b] = [high - share * (high - low), low + share * (high - low)];
  let [atA, atB] = [f(a), f(b)];
  for (let i = 0; i < 24; i++) {
    if (atA < atB) {
      [high, b, atB] = [b, a, atA];
      a = high - share * (high - low);
      atA = f(a);
    } else {
      [low, a, atA] = [a, b, atB];
      b = low + share * (high - low);
      atB = f(b);
    }
  }
  return (low + high) / 2;
}

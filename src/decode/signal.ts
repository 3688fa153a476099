import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { type Shape, sameShape, showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { zeros } from "../ops/create.js";
import { compile } from "../runtime/compile.js";

/**
 * What predicts the next sample of a signal, and needs what it gave out some samples ago (a stack of causal dilated convolutions, say).
 * @param codes the last sample, int32 `[1]`
 * @param past `[delays, 1, size]`: row `i` is row `i` of `present` as it was so many samples ago as `delays[i]` says; zeros before the beginning
 */
export type DelayedStep = (codes: Tensor, past: Tensor) => { readonly logits: Tensor; readonly present: Tensor };

/** For {@link signalReader}. */
export interface SignalReaderOptions {
  /** How many samples ago each row of `past` was given. */
  readonly delays: readonly number[];
  /** Elements of a row. */
  readonly size: number;
}

/** Reads a signal sample by sample, and predicts the next one. */
export interface SignalReader {
  /** The logits of the sample after `code`, which comes after all that were read before. The next call writes over them. */
  read(code: number): Float32Array | Promise<Float32Array>;
  /** Forgets what was read. */
  restart(): void;
}

/**
 * A reader that keeps what the step gives out in rings of memory, so that a sample costs one step, however far back it looks (Le Paine et al. 2016,
 * Fast WaveNet generation algorithm). The step is a module of our own, called without a promise.
 * @throws KasaneError (the promise) where a delay is no integer from 1, the step gives rows of other sizes, or such a module lacks an operator of it
 */
export async function signalReader(step: DelayedStep, options: SignalReaderOptions): Promise<SignalReader> {
  checkOptions("signalReader", options, { delays: "required", size: "required" });
  const { delays, size } = options;
  check(
    delays.length > 0 && delays.every((delay) => Number.isSafeInteger(delay) && delay > 0),
    () => `signalReader: got the delays [${delays.join(", ")}], expected integers from 1`,
  );
  let given: Shape = [];
  const traced: DelayedStep = (codes, past) => {
    const result = step(codes, past);
    given = result.present.shape;
    return result;
  };
  const compiled = compile(traced, { executor: "wasm" });
  const call = await compiled.synchronous(Int32Array.of(0), zeros([delays.length, 1, size]));
  check(
    sameShape(given, [delays.length, 1, size]),
    () => `signalReader: the step gives out ${showShape(given)}, expected [delays, 1, size] = [${delays.length}, 1, ${size}]`,
  );
  const rings = delays.map((delay) => new Float32Array(delay * size));
  const code = new Int32Array(1);
  const past = new Float32Array(delays.length * size);
  let time = 0;
  return {
    read(next) {
      check(Number.isInteger(next) && next >= 0, () => `signalReader: got the sample ${next}, expected a code: an integer from 0`);
      code[0] = next;
      const places = delays.map((delay) => (time % delay) * size);
      rings.forEach((ring, i) => {
        past.set(ring.subarray(places[i] as number, (places[i] as number) + size), i * size);
      });
      const { logits, present } = call(code, past) as { readonly logits: Float32Array; readonly present: Float32Array };
      rings.forEach((ring, i) => {
        ring.set(present.subarray(i * size, (i + 1) * size), places[i]);
      });
      time++;
      return logits;
    },
    restart() {
      time = 0;
      for (const ring of rings) ring.fill(0);
    },
  };
}

/** For {@link sampleSignal}. */
export interface SampleSignalOptions {
  /** How many samples are drawn. */
  readonly length: number;
  /** The sample that stands before the first, such as that of silence. */
  readonly begin: number;
  /** Samples that are read first, and continued; they are not part of the result. */
  readonly prime?: ArrayLike<number>;
  /** What logits are divided by; default 1. Below it probable values are drawn more often. */
  readonly temperature?: number;
  /** Gives random numbers uniform in [0, 1), one a sample. */
  readonly uniform: () => number;
}

/**
 * Draws a signal, each sample by what the reader says of it after those before.
 * @throws KasaneError (the promise) where an option is missing or out of range
 */
export async function sampleSignal(reader: SignalReader, options: SampleSignalOptions): Promise<Int32Array> {
  checkOptions("sampleSignal", options, {
    length: "required",
    begin: "required",
    prime: "optional",
    temperature: "optional",
    uniform: "required",
  });
  const { length, begin, prime = [], temperature = 1, uniform } = options;
  check(Number.isSafeInteger(length) && length >= 0, () => `sampleSignal: got length ${length}, expected an integer from 0`);
  check(temperature > 0, () => `sampleSignal: got temperature ${temperature}, expected a number above 0`);
  reader.restart();
  let logits = await reader.read(begin);
  for (let i = 0; i < prime.length; i++) logits = await reader.read(prime[i] as number);
  const drawn = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    const code = drawFrom(logits, temperature, uniform());
    drawn[i] = code;
    if (i + 1 < length) logits = await reader.read(code);
  }
  return drawn;
}

/** The value below which, with those before it, lies the share `uniform` of the probability. */
function drawFrom(logits: Float32Array, temperature: number, uniform: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const logit of logits) if (logit > most) most = logit;
  let total = 0;
  for (const logit of logits) total += Math.exp((logit - most) / temperature);
  check(
    total > 0 && total < Number.POSITIVE_INFINITY,
    () => "sampleSignal: the logits are no numbers, or infinite: has the training diverged?",
  );
  check(uniform >= 0 && uniform < 1, () => `sampleSignal: uniform gave ${uniform}, expected a number from 0 and below 1`);
  let left = uniform * total;
  for (let i = 0; i < logits.length; i++) {
    left -= Math.exp(((logits[i] as number) - most) / temperature);
    if (left < 0) return i;
  }
  // Rounding may leave a little of the last share.
  return logits.lastIndexOf(most);
}

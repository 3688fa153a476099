import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import { sameShape, showShape, sizeOf } from "../graph/shape.js";
import { type FloatAttribute, float, type Tensor } from "../graph/tensor.js";
import { add, div, mul, neg, rsqrt, square, sub } from "./arithmetic.js";
import { cast } from "./cast.js";
import { checkTensors } from "./constants.js";
import { full, ones, zeros } from "./create.js";
import { pow } from "./elementary.js";
import { allReduce } from "./exchange.js";
import { normalize } from "./normalize.js";
import { apply, applyAll, declare, family } from "./operator.js";
import { mean, sum } from "./reduce.js";
import { reshape } from "./shapes.js";
import { concat, padWith, slice, split } from "./slicing.js";

interface BatchNormalizationAttributes {
  readonly epsilon: FloatAttribute;
  /** Whether mean and variance are those of `x`, so that they change with it, or numbers of their own. */
  readonly ofBatch: boolean;
}

/** Operators that treat the channels of a tensor `[batch, channels, ...places]` each by its own numbers. */
export const channels = family({
  // Inputs: x, weight, bias, mean, variance. With r = 1 / √(variance + epsilon) and c = x - mean: y = c r weight + bias.
  // Of mean and variance of the batch dx = r weight (g - mean(g) - c r² mean(g c)): the whole derivative, so none goes through these two.
  BatchNormalization: declare<BatchNormalizationAttributes>({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    gradient: {
      all: ({ gradients: [g], inputs, attributes: { epsilon, ofBatch } }) => {
        const [x, weight, , average, variance] = operandsOf(inputs);
        if (!g) return [];
        const rate = rsqrt(add(variance, epsilon.float));
        const slope = mul(weight, rate);
        const centred = sub(x, perChannel(average, x));
        const [ofBias, along] = [channelSum(g), channelSum(mul(g, centred))];
        const scaled = mul(g, perChannel(slope, x));
        const ofWeight = mul(along, rate);
        if (!ofBatch) {
          const ofVariance = mul(mul(mul(along, slope), square(rate)), -0.5);
          return [scaled, ofWeight, ofBias, neg(mul(slope, ofBias)), ofVariance];
        }
        const sums = allReduce(concat([ofBias, along]), { reduction: "mean" });
        const [offset, tilt] = split(mul(div(sums, countOf(x)), concat([slope, mul(slope, square(rate))])), 2) as [Tensor, Tensor];
        const shared = sub(mul(centred, perChannel(neg(tilt), x)), perChannel(offset, x));
        return [add(scaled, shared), ofWeight, ofBias, undefined, undefined];
      },
    },
    emit: (emitter, inputs, { epsilon }) => emitter.node("BatchNormalization", inputs, { epsilon }),
    roles: { 3: "statistic", 4: "statistic" },
    read: (node) => {
      const [x, mean, variance] = [node.input(0), node.input(3), node.input(4)];
      const options = { weight: node.input(1), bias: node.input(2), epsilon: node.number("epsilon", 1e-5) };
      if (node.integer("training_mode", 0) === 0) return batchNorm(x, { ...options, mean, variance });
      const batch = batchStatistics(x);
      const kept = node.number("momentum", 0.9);
      const running = (before: Tensor, now: Tensor) => add(mul(before, kept), mul(now, 1 - kept));
      return [batchNormBy(x, batch, options, true), running(mean, batch.mean), running(variance, batch.variance)].slice(0, node.outputs);
    },
    decompose: (inputs, { epsilon }) => {
      const [x, weight, bias, average, variance] = operandsOf(inputs);
      const slope = mul(weight, rsqrt(add(variance, epsilon.float)));
      return add(mul(sub(x, perChannel(average, x)), perChannel(slope, x)), perChannel(bias, x));
    },
  }),
});

/** The operands of BatchNormalization. */
const operandsOf = (inputs: readonly Tensor[]) =>
  inputs as readonly [x: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor];

/** Numbers `[channels]` as they broadcast to `x` `[batch, channels, ...places]`. */
const perChannel = (numbers: Tensor, x: Tensor): Tensor => reshape(numbers, [numbers.size, ...new Array<number>(x.rank - 2).fill(1)]);

/** All axes but that of the channels. */
const otherAxes = (x: Tensor): number[] => x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);

const channelSum = (x: Tensor): Tensor => sum(x, { axis: otherAxes(x) });

/** How many elements a channel has. */
const countOf = (x: Tensor): number => x.size / (x.shape[1] as number);

/** Scale and shift of each channel. */
export interface ChannelNormOptions {
  /** What the normalised channels are multiplied by, `[channels]`; by default ones. */
  readonly weight?: Tensor;
  /** What is added then, `[channels]`; by default zeros. */
  readonly bias?: Tensor;
  /** What is added to the variance; by default 1e-5. */
  readonly epsilon?: number;
}

const optionNames = { weight: "optional", bias: "optional", epsilon: "optional" } as const;

/** Throws unless `x` has channels and `numbers` are as many. */
function checkChannels(operation: string, x: Tensor, numbers: Readonly<Record<string, Tensor | undefined>> = {}, least = 2): void {
  checkTensors(operation, x, ...Object.values(numbers).filter((each) => each !== undefined));
  check(
    isFloat(x.dtype) && x.rank >= least,
    () =>
      `${operation}: got ${x.dtype}${showShape(x.shape)}, expected floating-point numbers [batch, channels${least > 2 ? ", ...places" : ""}]`,
  );
  for (const [name, each] of Object.entries(numbers)) {
    check(
      each === undefined || sameShape(each.shape, [x.shape[1] as number]),
      () =>
        `${operation}: ${name} ${showShape(each?.shape ?? [])}: expected [${x.shape[1]}], one number a channel of ${showShape(x.shape)}`,
    );
  }
}

/** Half precision is normalised in single: its squares would overflow. */
const inSingle = (x: Tensor, compute: (x: Tensor) => Tensor): Tensor =>
  x.dtype === "float16" ? cast(compute(cast(x, "float32")), "float16") : compute(x);

/** Mean and variance of each channel, `[channels]`. */
export interface ChannelStatistics {
  readonly mean: Tensor;
  /** The mean squared distance from the mean. */
  readonly variance: Tensor;
}

/** The statistics of a batch, and how many elements of a channel they are of. */
export interface BatchStatistics extends ChannelStatistics {
  readonly count: Tensor;
}

/**
 * Mean and variance of each channel of `x` `[batch, channels, ...places]`, of the whole batch where several workers make the step.
 * @throws KasaneError where a channel has fewer than two elements
 */
export function batchStatistics(x: Tensor): BatchStatistics {
  checkChannels("batchNorm", x);
  const count = countOf(x);
  check(
    count > 1,
    () => `batchNorm: ${showShape(x.shape)} has ${count} element${count === 1 ? "" : "s"} a channel: the statistics of a batch need two`,
  );
  const single = x.dtype === "float16" ? cast(x, "float32") : x;
  const average = allReduce(mean(single, { axis: otherAxes(x) }), { reduction: "mean" });
  // The squares of the centred values: E[x²] - E[x]² would lose all digits where the mean is large.
  const squares = channelSum(square(sub(single, perChannel(average, x))));
  return {
    mean: average,
    variance: allReduce(div(squares, count), { reduction: "mean" }),
    count: allReduce(full([], count, single.dtype), { reduction: "sum" }),
  };
}

/** Settings of {@link batchNorm}. */
export interface BatchNormOptions extends ChannelNormOptions {
  /** The mean of each channel, `[channels]`, given together with `variance`; by default both are those of the batch. */
  readonly mean?: Tensor;
  /** The variance of each channel, `[channels]`. */
  readonly variance?: Tensor;
}

/**
 * `(x - mean) / √(variance + epsilon) weight + bias`, each channel by its own numbers (Ioffe and Szegedy 2015, algorithm 1): by those of the batch,
 * of all workers where several make the step, or by the running ones that are given.
 * @param x `[batch, channels, ...places]`, which stays
 * @throws KasaneError where a channel of the batch has one element, whose variance is not known
 */
export function batchNorm(x: Tensor, options: BatchNormOptions = {}): Tensor {
  checkOptions("batchNorm", options, { ...optionNames, mean: "optional", variance: "optional" });
  checkNumbers("batchNorm", { epsilon: options.epsilon });
  const { mean, variance } = options;
  check((mean === undefined) === (variance === undefined), () => "batchNorm: mean and variance are given together, or neither");
  checkChannels("batchNorm", x, { weight: options.weight, bias: options.bias, mean, variance });
  if (x.size === 0) return x;
  return mean && variance ? batchNormBy(x, { mean, variance }, options, false) : batchNormBy(x, batchStatistics(x), options, true);
}

/**
 * {@link batchNorm} by statistics that are known.
 * @param ofBatch whether they are those of `x`, so that its gradient goes through them
 */
export function batchNormBy(x: Tensor, { mean, variance }: ChannelStatistics, options: ChannelNormOptions, ofBatch: boolean): Tensor {
  const { epsilon = 1e-5 } = options;
  return inSingle(x, (x) => {
    const size = x.shape[1] as number;
    const { weight = ones([size]), bias = zeros([size]) } = options;
    const numbers = [weight, bias, mean, variance].map((each) => cast(each, x.dtype));
    return apply(channels.BatchNormalization, [x, ...numbers], { epsilon: float(epsilon), ofBatch });
  });
}

/** `x` times the weight and plus the bias of each channel, where they are given. */
function affine(x: Tensor, { weight, bias }: ChannelNormOptions): Tensor {
  const scaled = weight ? mul(x, perChannel(cast(weight, x.dtype), x)) : x;
  return bias ? add(scaled, perChannel(cast(bias, x.dtype), x)) : scaled;
}

/** Groups of channels of each example, normalised together. */
function normaliseGroups(x: Tensor, groups: number, options: ChannelNormOptions): Tensor {
  if (x.size === 0) return x;
  return inSingle(x, (x) => {
    const batch = x.shape[0] as number;
    const size = x.size / (batch * groups);
    const [scale, shift] = [ones([size], x.dtype), zeros([size], x.dtype)];
    const attributes = { axis: 2, epsilon: float(options.epsilon ?? 1e-5) };
    const [normal] = applyAll(normalize.LayerNormalization, [reshape(x, [batch, groups, size]), scale, shift], attributes);
    return affine(reshape(normal, x.shape), options);
  });
}

/**
 * Each channel of each example normalised over its places, times `weight` plus `bias` (Ulyanov et al. 2016, Instance Normalization).
 * @param x `[batch, channels, ...places]`, which stays
 * @throws KasaneError where a channel has one place alone, whose variance is not known
 */
export function instanceNorm(x: Tensor, options: ChannelNormOptions = {}): Tensor {
  checkOptions("instanceNorm", options, optionNames);
  checkNumbers("instanceNorm", { epsilon: options.epsilon });
  checkChannels("instanceNorm", x, { weight: options.weight, bias: options.bias }, 3);
  check(sizeOf(x.shape.slice(2)) !== 1, () => `instanceNorm: ${showShape(x.shape)} has one place: the variance of a channel needs two`);
  return normaliseGroups(x, x.shape[1] as number, options);
}

/**
 * Groups of neighbouring channels of each example normalised together, over their channels and places, times `weight` plus `bias` of each
 * channel (Wu and He 2018, Group Normalization).
 * @param x `[batch, channels, ...places]`, which stays
 * @param groups how many; they divide the channels evenly
 */
export function groupNorm(x: Tensor, groups: number, options: ChannelNormOptions = {}): Tensor {
  checkOptions("groupNorm", options, optionNames);
  checkNumbers("groupNorm", { epsilon: options.epsilon });
  checkChannels("groupNorm", x, { weight: options.weight, bias: options.bias });
  const size = x.shape[1] as number;
  check(
    Number.isInteger(groups) && groups > 0 && size % groups === 0,
    () => `groupNorm: groups ${groups}: expected a divisor of the ${size} channels of ${showShape(x.shape)}`,
  );
  return normaliseGroups(x, groups, options);
}

/** Settings of {@link localResponseNorm}; the defaults are PyTorch's. */
export interface LocalResponseNormOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly k?: number;
}

/**
 * `x / (k + alpha m)^beta`, where `m` is the mean of the squares of `size` neighbouring channels at the same place, absent ones counting as 0
 * (Krizhevsky et al. 2012, section 3.3, whose alpha is the one here divided by `size`). Of an even size one channel more lies before than after.
 * @param x `[batch, channels, ...places]`, which stays
 */
export function localResponseNorm(x: Tensor, size: number, options: LocalResponseNormOptions = {}): Tensor {
  checkOptions("localResponseNorm", options, { alpha: "optional", beta: "optional", k: "optional" });
  checkChannels("localResponseNorm", x, {}, 3);
  check(Number.isInteger(size) && size > 0, () => `localResponseNorm: size ${size}: expected an integer from 1`);
  if (x.size === 0) return x;
  const { alpha = 1e-4, beta = 0.75, k = 1 } = options;
  return inSingle(x, (x) => {
    const before = Math.floor(size / 2);
    const padded = padWith(
      square(x),
      x.shape.map((_, axis) => (axis === 1 ? [before, size - 1 - before] : [0, 0])),
    );
    const neighbours = Array.from({ length: size }, (_, i) => slice(padded, [[], [i, i + (x.shape[1] as number)]]));
    const total = neighbours.reduce((sum, each) => add(sum, each));
    return div(x, pow(add(mul(total, alpha / size), k), beta));
  });
}

/** The faces that tensors have as methods too. */
export const channelMethods = { batchNorm, instanceNorm, groupNorm, localResponseNorm };

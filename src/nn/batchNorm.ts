import { check } from "../graph/error.js";
import { checkNumbers } from "../graph/numbers.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { isTraining } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import { add, div, mul, reciprocal, sub } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { type BatchStatistics, batchNorm, batchNormBy, batchStatistics, type ChannelNormOptions } from "../ops/channelNorm.js";
import { ones, zeros } from "../ops/create.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** Settings of batch normalisation; the defaults are PyTorch's. */
export interface BatchNormOptions {
  /** What is added to the variance; by default 1e-5. */
  readonly epsilon?: number;
  /** What the statistics of a batch count in the running ones, by default 0.1; null: all batches so far count alike. */
  readonly momentum?: number | null;
  /** Whether there are a weight and a bias; by default yes. */
  readonly affine?: boolean;
  /** Whether running statistics are kept, which normalise where nothing is trained; by default yes. Without them those of the batch always do. */
  readonly trackRunningStats?: boolean;
}

/**
 * Normalises each channel: where a function is compiled with `training` by the statistics of the batch, of all workers where several make
 * the step, which then count in the running ones; elsewhere by the running ones (Ioffe and Szegedy 2015).
 */
abstract class BatchNorm extends Module {
  /** `[channels]`, starts as ones. */
  readonly weight: Variable | undefined;
  /** `[channels]`, starts as zeros. */
  readonly bias: Variable | undefined;
  /** `[channels]`, starts as zeros. */
  readonly runningMean: Variable | undefined;
  /** `[channels]`, unbiased; starts as ones. */
  readonly runningVar: Variable | undefined;
  /** How many batches the running statistics are of. */
  readonly numBatchesTracked: Variable | undefined;
  readonly epsilon: number;
  readonly momentum: number | null;

  constructor(
    readonly channels: number,
    options: BatchNormOptions,
    private readonly ranks: readonly number[],
  ) {
    super();
    const owner = new.target.name;
    checkOptions(owner, options, { epsilon: "optional", momentum: "optional", affine: "optional", trackRunningStats: "optional" });
    checkSizes(owner, { channels });
    const { epsilon = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
    check(momentum === null || (momentum >= 0 && momentum <= 1), () => `${owner}: momentum ${momentum}: expected 0 to 1, or null`);
    checkNumbers(owner, { epsilon });
    this.epsilon = epsilon;
    this.momentum = momentum;
    const running = (initial: Tensor) => (trackRunningStats ? new Variable(initial, { trainable: false }) : undefined);
    this.weight = affine ? new Variable(ones([channels])) : undefined;
    this.bias = affine ? new Variable(zeros([channels])) : undefined;
    this.runningMean = running(zeros([channels]));
    this.runningVar = running(ones([channels]));
    this.numBatchesTracked = running(zeros([], "int32"));
  }

  /** `[batch, channels, ...places]`, which stays. */
  forward(x: Tensor): Tensor {
    check(
      this.ranks.includes(x.rank) && x.shape[1] === this.channels,
      () =>
        `${this.constructor.name}: got ${showShape(x.shape)}, expected rank ${this.ranks.join(" or ")} with ${this.channels} channels along axis 1`,
    );
    const { runningMean: mean, runningVar: variance } = this;
    if (mean && variance && !isTraining()) return batchNorm(x, { ...this.settings(), mean, variance });
    if (x.size === 0) return x;
    const statistics = batchStatistics(x);
    this.track(statistics);
    return batchNormBy(x, statistics, this.settings(), true);
  }

  private settings(): ChannelNormOptions {
    const { weight, bias, epsilon } = this;
    return { weight, bias, epsilon };
  }

  /** Lets the statistics of a batch count in the running ones. */
  private track({ mean, variance, count }: BatchStatistics): void {
    const { runningMean, runningVar, numBatchesTracked } = this;
    if (!runningMean || !runningVar || !numBatchesTracked) return;
    numBatchesTracked.assign(add(numBatchesTracked, 1));
    const share = this.momentum ?? reciprocal(cast(numBatchesTracked, "float32"));
    const update = (running: Variable, value: Tensor) => running.assign(add(running, mul(sub(cast(value, running.dtype), running), share)));
    update(runningMean, mean);
    update(runningVar, mul(variance, div(count, sub(count, 1))));
  }
}

/** Batch normalisation of `[batch, channels]` or `[batch, channels, length]`; see {@link BatchNormOptions} for what it keeps. */
export class BatchNorm1d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, options, [2, 3]);
  }
}

/** Batch normalisation of `[batch, channels, height, width]` (Ioffe and Szegedy 2015, section 3.2). */
export class BatchNorm2d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, options, [4]);
  }
}

/** Batch normalisation of `[batch, channels, depth, height, width]`. */
export class BatchNorm3d extends BatchNorm {
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, options, [5]);
  }
}

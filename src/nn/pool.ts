import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { adaptiveAveragePool, adaptiveMaxPool } from "../ops/adaptivePool.js";
import { type PerAxis, perAxis } from "../ops/convolutionGeometry.js";
import {
  type AveragePoolOptions,
  averagePool,
  averagePoolOptionNames,
  type MaxPoolOptions,
  maxPool,
  maxPoolOptionNames,
} from "../ops/pool.js";
import { Module } from "./module.js";

/** A layer without parameters on images of so many axes of places. */
abstract class Pooling extends Module {
  protected constructor(
    private readonly owner: string,
    private readonly axes: number,
  ) {
    super();
  }

  protected abstract pooled(x: Tensor): Tensor;

  /** `[batch, channels, ...places]` to `[batch, channels, ...windows]`. */
  forward(x: Tensor): Tensor {
    check(
      x.rank === this.axes + 2,
      () => `${this.owner}: got ${showShape(x.shape)}: expected [batch, channels, ...places] with ${this.axes} of places`,
    );
    return this.pooled(x);
  }
}

abstract class MaxPooling extends Pooling {
  protected constructor(
    owner: string,
    axes: number,
    readonly kernel: PerAxis,
    readonly options: MaxPoolOptions,
  ) {
    super(owner, axes);
    checkOptions(owner, options, maxPoolOptionNames);
    perAxis(owner, "kernel", kernel, axes, 1);
  }

  protected pooled(x: Tensor): Tensor {
    return maxPool(x, this.kernel, this.options);
  }
}

abstract class AveragePooling extends Pooling {
  protected constructor(
    owner: string,
    axes: number,
    readonly kernel: PerAxis,
    readonly options: AveragePoolOptions,
  ) {
    super(owner, axes);
    checkOptions(owner, options, averagePoolOptionNames);
    perAxis(owner, "kernel", kernel, axes, 1);
  }

  protected pooled(x: Tensor): Tensor {
    return averagePool(x, this.kernel, this.options);
  }
}

abstract class AdaptiveAveragePooling extends Pooling {
  protected constructor(
    owner: string,
    axes: number,
    readonly size: PerAxis,
  ) {
    super(owner, axes);
    perAxis(owner, "size", size, axes, 1);
  }

  protected pooled(x: Tensor): Tensor {
    return adaptiveAveragePool(x, this.size);
  }
}

abstract class AdaptiveMaxPooling extends Pooling {
  protected constructor(
    owner: string,
    axes: number,
    readonly size: PerAxis,
  ) {
    super(owner, axes);
    perAxis(owner, "size", size, axes, 1);
  }

  protected pooled(x: Tensor): Tensor {
    return adaptiveMaxPool(x, this.size);
  }
}

/** {@link maxPool} of lines `[batch, channels, length]`. */
export class MaxPool1d extends MaxPooling {
  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super("MaxPool1d", 1, kernel, options);
  }
}

/** {@link maxPool} of images `[batch, channels, height, width]`. */
export class MaxPool2d extends MaxPooling {
  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super("MaxPool2d", 2, kernel, options);
  }
}

/** {@link maxPool} of volumes `[batch, channels, depth, height, width]`. */
export class MaxPool3d extends MaxPooling {
  constructor(kernel: PerAxis, options: MaxPoolOptions = {}) {
    super("MaxPool3d", 3, kernel, options);
  }
}

/** {@link averagePool} of lines `[batch, channels, length]`. */
export class AvgPool1d extends AveragePooling {
  constructor(kernel: PerAxis, options: AveragePoolOptions = {}) {
    super("AvgPool1d", 1, kernel, options);
  }
}

/** {@link averagePool} of images `[batch, channels, height, width]`. */
export class AvgPool2d extends AveragePooling {
  constructor(kernel: PerAxis, options: AveragePoolOptions = {}) {
    super("AvgPool2d", 2, kernel, options);
  }
}

/** {@link averagePool} of volumes `[batch, channels, depth, height, width]`. */
export class AvgPool3d extends AveragePooling {
  constructor(kernel: PerAxis, options: AveragePoolOptions = {}) {
    super("AvgPool3d", 3, kernel, options);
  }
}

/** {@link adaptiveAveragePool} of lines `[batch, channels, length]`. */
export class AdaptiveAvgPool1d extends AdaptiveAveragePooling {
  constructor(size: PerAxis) {
    super("AdaptiveAvgPool1d", 1, size);
  }
}

/** {@link adaptiveAveragePool} of images `[batch, channels, height, width]`. */
export class AdaptiveAvgPool2d extends AdaptiveAveragePooling {
  constructor(size: PerAxis) {
    super("AdaptiveAvgPool2d", 2, size);
  }
}

/** {@link adaptiveAveragePool} of volumes `[batch, channels, depth, height, width]`. */
export class AdaptiveAvgPool3d extends AdaptiveAveragePooling {
  constructor(size: PerAxis) {
    super("AdaptiveAvgPool3d", 3, size);
  }
}

/** {@link adaptiveMaxPool} of lines `[batch, channels, length]`. */
export class AdaptiveMaxPool1d extends AdaptiveMaxPooling {
  constructor(size: PerAxis) {
    super("AdaptiveMaxPool1d", 1, size);
  }
}

/** {@link adaptiveMaxPool} of images `[batch, channels, height, width]`. */
export class AdaptiveMaxPool2d extends AdaptiveMaxPooling {
  constructor(size: PerAxis) {
    super("AdaptiveMaxPool2d", 2, size);
  }
}

/** {@link adaptiveMaxPool} of volumes `[batch, channels, depth, height, width]`. */
export class AdaptiveMaxPool3d extends AdaptiveMaxPooling {
  constructor(size: PerAxis) {
    super("AdaptiveMaxPool3d", 3, size);
  }
}

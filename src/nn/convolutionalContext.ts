import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { relu } from "../ops/activation.js";
import { add, where } from "../ops/arithmetic.js";
import { zeros } from "../ops/create.js";
import { reshape } from "../ops/shapes.js";
import { concat, slice } from "../ops/slicing.js";
import { Linear } from "./linear.js";
import { Module } from "./module.js";
import { checkSizes } from "./sizes.js";

/** Settings of {@link ConvolutionalContext}. */
export interface ConvolutionalContextOptions {
  /** Whether a place sees the `width - 1` before it, and not, by default, as many on either side. */
  readonly causal?: boolean;
}

/**
 * A convolution that adds to each place what it makes of the places around it, `x + relu(W [xₜ₋ₖ, ..., xₜ₊ₖ] + b)`: before a Transformer it makes
 * n-grams of tokens (Mohamed, Okhonko and Zettlemoyer 2019, Transformers with convolutional context for ASR, section 3).
 */
export class ConvolutionalContext extends Module {
  /** Of the places side by side, the first of them first. */
  readonly joint: Linear;
  readonly causal: boolean;

  /** @throws KasaneError where the width is no integer from 2 on, or even and not causal */
  constructor(
    readonly size: number,
    readonly width: number,
    options: ConvolutionalContextOptions = {},
  ) {
    super();
    checkOptions("ConvolutionalContext", options, { causal: "optional" });
    checkSizes("ConvolutionalContext", { size }, 1);
    const { causal = false } = options;
    check(
      Number.isInteger(width) && width >= 2 && (causal || width % 2 === 1),
      () =>
        `ConvolutionalContext: width ${width}: expected ${causal ? "an integer from 2 on" : "an odd number, for as many places on either side"}`,
    );
    this.causal = causal;
    this.joint = new Linear(width * size, size);
  }

  /**
   * `[batch, places, size]`, which stays.
   * @param padding bool `[batch, places]`: true where a place is padding, of which the others see zeros
   */
  forward(x: Tensor, padding?: Tensor): Tensor {
    const { width, causal, size } = this;
    const [batch, places] = x.shape as [number, number, number];
    const seen = padding ? where(reshape(padding, [batch, places, 1]), 0, x) : x;
    const around = (count: number) => zeros([batch, count, size], x.dtype);
    const side = (width - 1) / 2;
    const wide = concat(causal ? [around(width - 1), seen] : [around(side), seen, around(side)], { axis: 1 });
    const shifted = Array.from({ length: width }, (_, i) => slice(wide, [[], [i, i + places]]));
    return this.addTo(x, concat(shifted, { axis: 2 }));
  }

  /** What {@link step} begins with: `[batch, width - 1, size]`. */
  emptyRecent(batch: number): Tensor {
    return zeros([batch, this.width - 1, this.size]);
  }

  /**
   * {@link forward} of a causal one, place after place.
   * @param x `[batch, size]`, which stays
   * @param recent the places before it, as {@link emptyRecent} or the last step gave them
   */
  step(x: Tensor, recent: Tensor): { output: Tensor; recent: Tensor } {
    const [batch] = x.shape as [number];
    const window = concat([recent, reshape(x, [batch, 1, this.size])], { axis: 1 });
    return { output: this.addTo(x, reshape(window, [batch, this.width * this.size])), recent: slice(window, [[], [1, null]]) };
  }

  private addTo(x: Tensor, window: Tensor): Tensor {
    return add(x, relu(this.joint.forward(window)));
  }
}

import { checkOptions } from "../../graph/options.js";
import type { Tensor } from "../../graph/tensor.js";
import { Linear } from "../../nn/linear.js";
import { Module } from "../../nn/module.js";
import { NoisyLinear } from "../../nn/noisyLinear.js";
import { relu } from "../../ops/activation.js";
import { add, sub } from "../../ops/arithmetic.js";
import { mean } from "../../ops/reduce.js";
import { reshape } from "../../ops/shapes.js";

/** A module that takes observations, `[batch, observationSize]`. */
export type Network = Module & { forward(observations: Tensor): Tensor };

/** Settings of a {@link QNetwork}. */
export interface QNetworkOptions {
  /** By default [120, 84]. */
  readonly hiddenSizes?: readonly number[];
  /** Whether a state's value and the advantages of actions are computed apart (Wang et al. 2016, Dueling network architectures). */
  readonly dueling?: boolean;
  /** Whether all layers are {@link NoisyLinear}. */
  readonly noisy?: boolean;
  /** The atoms of a distribution of returns, of which the network gives logits. */
  readonly atoms?: number;
}

/** The values of all actions: dense layers with ReLU. */
export class QNetwork extends Module {
  readonly hidden: readonly (Linear | NoisyLinear)[];
  readonly advantage: Linear | NoisyLinear;
  readonly value: Linear | NoisyLinear | undefined;

  constructor(
    observationSize: number,
    readonly actions: number,
    private readonly options: QNetworkOptions = {},
  ) {
    super();
    const names = { hiddenSizes: "optional", dueling: "optional", noisy: "optional", atoms: "optional" } as const;
    checkOptions<QNetworkOptions>("QNetwork", options, names);
    const { hiddenSizes = [120, 84], dueling = false, noisy = false, atoms = 1 } = options;
    const sizes = [observationSize, ...hiddenSizes];
    const layer = (inputs: number, outputs: number) => new (noisy ? NoisyLinear : Linear)(inputs, outputs);
    const last = sizes.at(-1) as number;
    this.hidden = hiddenSizes.map((size, i) => layer(sizes[i] as number, size));
    this.value = dueling ? layer(last, atoms) : undefined;
    this.advantage = layer(last, actions * atoms);
  }

  /** `[batch, observationSize]` to `[batch, actions]`, or with atoms to logits `[batch, actions, atoms]`. */
  forward(observations: Tensor): Tensor {
    const features = this.hidden.reduce((x, layer) => relu(layer.forward(x)), observations);
    const { atoms } = this.options;
    const shape = atoms === undefined ? [] : [atoms];
    const advantages = reshape(this.advantage.forward(features), [-1, this.actions, ...shape]);
    if (!this.value) return advantages;
    // Advantages are relative to their mean: else a constant could pass between the two parts.
    const values = reshape(this.value.forward(features), [-1, 1, ...shape]);
    return add(values, sub(advantages, mean(advantages, { axis: 1, keepDims: true })));
  }
}

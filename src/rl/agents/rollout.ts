import type { TypedArray } from "../../graph/dtype.js";
import { fromData, type Tensor } from "../../graph/tensor.js";
import type { RandomGenerator } from "../../random/generator.js";
import { copyRow } from "./replayBuffer.js";

/** The sizes of a {@link Rollout}. */
export interface RolloutSizes {
  /** How many environments, and steps of each. */
  readonly environments: number;
  readonly steps: number;
  readonly observationSize: number;
  /** How many numbers an action is; undefined for an index. */
  readonly actionSize: number | undefined;
}

/** Some steps of several environments, row by row: all environments at the first step, then at the next. */
export class Rollout {
  readonly observations: Float32Array<ArrayBuffer>;
  readonly actions: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  readonly logProbabilities: Float32Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
  readonly rewards: Float32Array<ArrayBuffer>;
  /** 1 where an episode ended with the step. */
  readonly ends: Uint8Array<ArrayBuffer>;
  /** Of {@link estimate}. */
  readonly advantages: Float32Array<ArrayBuffer>;
  readonly returns: Float32Array<ArrayBuffer>;
  readonly rows: number;
  private readonly order: Int32Array<ArrayBuffer>;

  constructor(private readonly sizes: RolloutSizes) {
    const rows = sizes.environments * sizes.steps;
    this.rows = rows;
    this.observations = new Float32Array(rows * sizes.observationSize);
    this.actions = sizes.actionSize === undefined ? new Int32Array(rows) : new Float32Array(rows * sizes.actionSize);
    this.logProbabilities = new Float32Array(rows);
    this.values = new Float32Array(rows);
    this.rewards = new Float32Array(rows);
    this.ends = new Uint8Array(rows);
    this.advantages = new Float32Array(rows);
    this.returns = new Float32Array(rows);
    this.order = new Int32Array(rows);
  }

  /**
   * Estimates the advantages `Â = Σ (γλ)ᵏ δ` of the errors `δ = r + γ V(s') - V(s)` within each episode (Schulman et al. 2016, High-dimensional
   * continuous control using generalized advantage estimation, equation 16), and the returns `Â + V`.
   * @param lastValues the values of what was observed after the last step
   */
  estimate(lastValues: ArrayLike<number>, discount: number, decay: number): void {
    const { environments, steps } = this.sizes;
    for (let i = 0; i < environments; i++) {
      let [advantage, next] = [0, lastValues[i] as number];
      for (let row = (steps - 1) * environments + i; row >= 0; row -= environments) {
        const goesOn = 1 - (this.ends[row] as number);
        const value = this.values[row] as number;
        const error = (this.rewards[row] as number) + discount * goesOn * next - value;
        advantage = error + discount * decay * goesOn * advantage;
        this.advantages[row] = advantage;
        this.returns[row] = advantage + value;
        next = value;
      }
    }
  }

  /** Writes all rows into `batches`, in random order for each of `epochs`. */
  shuffle(random: RandomGenerator, epochs: number, batches: Batches): void {
    const { order, rows } = this;
    const { observationSize, actionSize } = this.sizes;
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let i = 0; i < rows; i++) {
        const j = random.integer(i + 1);
        order[i] = order[j] as number;
        order[j] = i;
      }
      for (let i = 0; i < rows; i++) {
        const [from, to] = [order[i] as number, epoch * rows + i];
        copyRow(this.observations, from, batches.observations, to, observationSize);
        copyRow(this.actions, from, batches.actions, to, actionSize ?? 1);
        batches.logProbabilities[to] = this.logProbabilities[from] as number;
        batches.values[to] = this.values[from] as number;
        batches.advantages[to] = this.advantages[from] as number;
        batches.returns[to] = this.returns[from] as number;
      }
    }
  }
}

/** The names of what a {@link Batches} holds. */
export type BatchPart = "observations" | "actions" | "logProbabilities" | "values" | "advantages" | "returns";

/** Arrays of several minibatches, with tensors over them: `[batches, rows, ...]`. */
export class Batches implements Readonly<Record<BatchPart, TypedArray>> {
  readonly observations: Float32Array<ArrayBuffer>;
  readonly actions: Int32Array<ArrayBuffer> | Float32Array<ArrayBuffer>;
  readonly logProbabilities: Float32Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
  readonly advantages: Float32Array<ArrayBuffer>;
  readonly returns: Float32Array<ArrayBuffer>;
  /** Not copies: a call reads what was written last. */
  readonly tensors: Readonly<Record<BatchPart, Tensor>>;

  constructor(count: number, rows: number, { observationSize, actionSize }: RolloutSizes) {
    const numbers = (size = 1) => new Float32Array(count * rows * size);
    this.observations = numbers(observationSize);
    this.actions = actionSize === undefined ? new Int32Array(count * rows) : numbers(actionSize);
    this.logProbabilities = numbers();
    this.values = numbers();
    this.advantages = numbers();
    this.returns = numbers();
    const over = (data: Float32Array<ArrayBuffer>, ...rest: number[]) => fromData(data, [count, rows, ...rest], "float32");
    this.tensors = {
      observations: over(this.observations, observationSize),
      actions:
        actionSize === undefined
          ? fromData(this.actions, [count, rows], "int32")
          : over(this.actions as Float32Array<ArrayBuffer>, actionSize),
      logProbabilities: over(this.logProbabilities),
      values: over(this.values),
      advantages: over(this.advantages),
      returns: over(this.returns),
    };
  }
}

import type { TypedArray } from "../../graph/dtype.js";
import { check } from "../../graph/error.js";
import { checkNumbers } from "../../graph/numbers.js";
import type { Tensor } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import { add, div, floor, maximum, mul, sqrt, sub } from "../../ops/arithmetic.js";
import { zeros } from "../../ops/create.js";
import { mean, variance } from "../../ops/reduce.js";
import type { Optimizer } from "../../optim/optimizer.js";
import type { Schedule } from "../../optim/schedule.js";
import { compile } from "../../runtime/compile.js";
import { Box } from "../space.js";
import type { VectorEnvironment } from "../vectorEnvironment.js";
import { ActorCritic } from "./actorCritic.js";
import { bestPolicy } from "./bestPolicy.js";
import { callOf } from "./call.js";
import { type ActionDistribution, distributionOver, outputOf, type PolicyNetwork, type PolicyOutput } from "./distributions.js";
import { checkCounts, checkLoss, checkNetwork, type Figures, NetworkAgent, type Policy, prefixed, Tally } from "./networkAgent.js";
import { Batches, type BatchPart, Rollout } from "./rollout.js";
import { RunningMoments } from "./runningMoments.js";

/** Settings of agents that learn from what their present policy does. */
export interface OnPolicyOptions {
  /**
   * Makes the network, which takes observations `[batch, size]` and gives the policy and the values of states. By default an {@link ActorCritic}.
   */
  readonly network?: () => PolicyNetwork;
  readonly hiddenSizes?: readonly number[];
  /** How many steps each environment makes between updates. */
  readonly steps?: number;
  /** γ, by default 0.99. */
  readonly discount?: number;
  /** λ of the generalised advantages. */
  readonly decay?: number;
  readonly learningRate?: number;
  /** In how many steps of the environments the learning rate falls to 0 along a line; by default it stays. */
  readonly annealSteps?: number;
  /** What the entropy of the policy counts in the loss. */
  readonly entropyWeight?: number;
  /** What the error of the values counts in the loss, by default 0.5. */
  readonly valueWeight?: number;
  /** The limit of the norm of all gradients together, by default 0.5. */
  readonly clipGlobalNorm?: number;
  /** Whether observations are moved and scaled to mean 0 and variance 1, by what was observed so far. */
  readonly normaliseObservations?: boolean;
  /** Whether rewards are scaled so that returns have variance 1, by the returns so far. */
  readonly normaliseRewards?: boolean;
}

/** The names of {@link OnPolicyOptions}. */
export const onPolicyOptions = {
  network: "optional",
  hiddenSizes: "optional",
  steps: "optional",
  discount: "optional",
  decay: "optional",
  learningRate: "optional",
  annealSteps: "optional",
  entropyWeight: "optional",
  valueWeight: "optional",
  clipGlobalNorm: "optional",
  normaliseObservations: "optional",
  normaliseRewards: "optional",
} as const;

/** What an agent of this kind adds. */
export interface OnPolicySettings extends Required<Pick<OnPolicyOptions, "steps" | "decay" | "learningRate">> {
  /** How often the rows of a rollout are learnt from, and in how many parts. */
  readonly epochs: number;
  readonly minibatches: number;
  optimizer(network: PolicyNetwork, options: { readonly learningRate: number | Schedule; readonly clipGlobalNorm: number }): Optimizer;
}

/** A minibatch as a traced step has it. */
export type Minibatch = Readonly<Record<BatchPart, Tensor>>;

/** Moved and scaled to mean 0 and standard deviation 1. */
export const standardised = (x: Tensor): Tensor => (x.size < 2 ? x : div(sub(x, mean(x)), add(sqrt(variance(x, { correction: 1 })), 1e-8)));

/** Where the number of updates is counted. */
const updatesAt = 0;

/**
 * What agents share that learn from what their present policy does, and then forget it: rollouts of several environments, advantages, minibatches.
 * All updates of a rollout are one call.
 */
export abstract class OnPolicyAgent extends NetworkAgent {
  readonly network: PolicyNetwork;
  protected readonly distribution: ActionDistribution;
  private readonly optimizer: Optimizer;
  private readonly rollout: Rollout;
  private readonly batches: Batches;
  /** The observations as the network gets them, `[environments, size]`. */
  private readonly current: Float32Array<ArrayBuffer>;
  private readonly observed: RunningMoments | undefined;
  private readonly returned: RunningMoments | undefined;
  /** The discounted sums of rewards, by which these are scaled. */
  private readonly sums: Float64Array<ArrayBuffer>;
  private readonly taken: Float64Array<ArrayBuffer>;
  private calls: ReturnType<OnPolicyAgent["prepare"]> | undefined;

  constructor(
    environments: VectorEnvironment,
    protected readonly common: OnPolicyOptions,
    private readonly settings: OnPolicySettings,
  ) {
    super(environments, 1);
    const { observationSpace, actionSpace, count } = environments;
    const { steps, epochs, minibatches, learningRate } = settings;
    checkCounts(this.name, { steps, epochs, minibatches });
    const rows = (steps * count) / minibatches;
    check(Number.isInteger(rows), () => `${this.name}: ${steps} steps of ${count} environments are not ${minibatches} equal minibatches`);
    this.distribution = distributionOver(actionSpace);
    checkNetwork(this.name, { ...common });
    const { discount, entropyWeight, valueWeight, annealSteps } = common;
    checkNumbers(this.name, { discount, decay: settings.decay }, { most: 1 });
    checkNumbers(this.name, { learningRate, entropyWeight, valueWeight, annealSteps });
    check(annealSteps !== 0, () => `${this.name}: annealSteps 0: expected a number above 0, or none for a rate that stays`);
    const { network = () => new ActorCritic(observationSpace.size, actionSpace, { hiddenSizes: common.hiddenSizes }) } = common;
    this.network = network();
    const { clipGlobalNorm = 0.5 } = common;
    const rollouts = (annealSteps ?? 0) / (steps * count);
    const falling: Schedule = (update) => {
      const part = div(floor(div(update, epochs * minibatches)), rollouts);
      return mul(learningRate, maximum(sub(1, part), 0));
    };
    this.optimizer = settings.optimizer(this.network, { learningRate: annealSteps === undefined ? learningRate : falling, clipGlobalNorm });
    const actionSize = actionSpace instanceof Box ? actionSpace.size : undefined;
    const sizes = { environments: count, steps, observationSize: observationSpace.size, actionSize };
    this.rollout = new Rollout(sizes);
    this.batches = new Batches(epochs * minibatches, rows, sizes);
    this.current = new Float32Array(environments.observations.length);
    this.observed = common.normaliseObservations ? new RunningMoments(observationSpace.size) : undefined;
    this.returned = common.normaliseRewards ? new RunningMoments(1) : undefined;
    this.sums = new Float64Array(count);
    this.taken = new Float64Array(count * actionSpace.size);
  }

  /** The loss of a minibatch, and what else is reported of it. */
  protected abstract learn(
    output: PolicyOutput,
    batch: Minibatch,
  ): Readonly<Record<"loss" | "policyLoss" | "valueLoss" | "entropy", Tensor>>;

  private get name(): string {
    return this.constructor.name;
  }

  async train(steps: number): Promise<Figures> {
    const { rollout, batches, settings } = this;
    check(
      steps >= 0 && steps % rollout.rows === 0,
      () => `${this.name}: got ${steps} steps to make, expected a multiple of ${rollout.rows}, those of a rollout`,
    );
    this.calls ??= this.prepare();
    const { update } = await this.calls;
    this.begin();
    // Whoever began the episodes, this agent has not seen them yet.
    if (this.counters[updatesAt] === 0) this.look(true);
    const tally = new Tally();
    for (let made = 0; made < steps; made += rollout.rows) {
      await this.act(tally);
      rollout.shuffle(this.random, settings.epochs, batches);
      const results = await update();
      for (const [name, values] of Object.entries(results)) {
        for (const value of (await values.data()) as Float32Array) {
          if (name === "loss") this.count(value);
          tally.add(name, value);
        }
      }
    }
    return tally.means();
  }

  protected makePolicy(): Promise<Policy> {
    const { network, environments, observed } = this;
    return bestPolicy(network, environments, observed && ((observation, into) => observed.normalise(observation, into)));
  }

  namedVariables(): Map<string, Variable> {
    return new Map([...prefixed("network", this.network.namedVariables()), ...prefixed("optimizer", this.optimizer.namedVariables())]);
  }

  override namedArrays(): Map<string, TypedArray> {
    const { current, sums, observed, returned } = this;
    const moments = Object.entries({ observed, returned }).flatMap(([name, each]) => (each ? [[name, each.memory] as const] : []));
    return new Map<string, TypedArray>([...super.namedArrays(), ["current", current], ["sums", sums], ...moments]);
  }

  /** What is compiled: the choice of actions, the values of observations, and all updates of a rollout. */
  private async prepare() {
    const { network, distribution, optimizer, environments, batches } = this;
    const forward = (observations: Tensor) => outputOf(network, environments.actionSpace, observations);
    const observations = zeros([environments.count, environments.observationSpace.size], "float32");
    const draw = ({ observations }: { observations: Tensor }) => {
      const output = forward(observations);
      const actions = distribution.sample(output);
      return { actions, logProbabilities: distribution.logProbability(output, actions), values: output.value };
    };
    const value = ({ observations }: { observations: Tensor }) => ({
      values: forward(observations).value,
    });
    const step = compile(
      (batch: Minibatch) => {
        const result = this.learn(forward(batch.observations), batch);
        optimizer.minimize(result.loss);
        return result;
      },
      { training: true },
    );
    return {
      draw: await callOf(compile(draw, { threads: 1 }), { observations }),
      value: await callOf(compile(value, { threads: 1 }), { observations }),
      update: () => step.many(batches.tensors),
    };
  }

  /** Makes the steps of a rollout with the present policy, and estimates the advantages. */
  private async act(tally: Tally): Promise<void> {
    const { environments, rollout, current, settings, calls, returned } = this;
    const { draw, value } = await (calls as NonNullable<typeof calls>);
    const { discount = 0.99 } = this.common;
    const { count, terminated, truncated } = environments;
    for (let step = 0; step < settings.steps; step++) {
      const at = step * count;
      const drawn = draw({ observations: current });
      const { actions, logProbabilities, values } = drawn instanceof Promise ? await drawn : drawn;
      rollout.observations.set(current, at * environments.observationSpace.size);
      rollout.actions.set(actions, (at / count) * actions.length);
      rollout.logProbabilities.set(logProbabilities, at);
      rollout.values.set(values, at);
      this.step(actions);
      tally.addEpisodes(environments);
      const scale = this.scale();
      let isCut = false;
      for (let i = 0; i < count; i++) {
        rollout.rewards[at + i] = returned
          ? Math.min(Math.max((environments.rewards[i] as number) * scale, -10), 10)
          : (environments.rewards[i] as number);
        rollout.ends[at + i] = terminated[i] || truncated[i] ? 1 : 0;
        isCut ||= truncated[i] === 1 && terminated[i] === 0;
      }
      if (isCut) {
        // Where the time limit cut an episode off, what was observed last still has a value.
        this.look(false, environments.finalObservations);
        const result = value({ observations: current });
        const { values: last } = result instanceof Promise ? await result : result;
        for (let i = 0; i < count; i++) {
          if (truncated[i] === 1 && terminated[i] === 0) (rollout.rewards[at + i] as number) += discount * (last[i] as number);
        }
      }
      this.look(true);
    }
    const result = value({ observations: current });
    rollout.estimate((result instanceof Promise ? await result : result).values, discount, settings.decay);
  }

  /** Makes a step of the environments; continuous actions are held within their bounds. */
  private step(actions: ArrayLike<number>): void {
    const { taken, environments } = this;
    for (let i = 0; i < taken.length; i++) taken[i] = actions[i] as number;
    if (environments.actionSpace instanceof Box) environments.actionSpace.clip(taken);
    environments.step(taken);
  }

  /** What rewards are multiplied by, once the returns up to the last step are known. */
  private scale(): number {
    const { returned, sums, environments } = this;
    if (!returned) return 1;
    const { discount = 0.99 } = this.common;
    for (let i = 0; i < sums.length; i++) sums[i] = discount * (sums[i] as number) + (environments.rewards[i] as number);
    returned.add(sums);
    for (let i = 0; i < sums.length; i++) if (environments.terminated[i] || environments.truncated[i]) sums[i] = 0;
    return 1 / returned.deviation();
  }

  /** Counts an update by its loss. */
  private count(loss: number): void {
    this.counters[updatesAt] = (this.counters[updatesAt] as number) + 1;
    checkLoss(this.name, loss, this.counters[updatesAt] as number);
  }

  /** Makes observations what the network gets. New ones count in the moments that they are normalised by. */
  private look(isNew: boolean, observations: Float32Array = this.environments.observations): void {
    const { observed, current } = this;
    if (!observed) {
      current.set(observations);
      return;
    }
    if (isNew) observed.add(observations);
    observed.normalise(observations, current);
  }
}

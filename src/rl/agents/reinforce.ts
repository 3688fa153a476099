import { stopGradient } from "../../autodiff/custom.js";
import type { TypedArray } from "../../graph/dtype.js";
import { check } from "../../graph/error.js";
import { checkNumbers } from "../../graph/numbers.js";
import { checkChoice, checkOptions, type OptionNames } from "../../graph/options.js";
import { fromData, type Tensor } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import { add, mul, neg, square, sub } from "../../ops/arithmetic.js";
import { zeros } from "../../ops/create.js";
import { sum } from "../../ops/reduce.js";
import { Adam } from "../../optim/adam.js";
import { compile } from "../../runtime/compile.js";
import { Discrete } from "../space.js";
import type { VectorEnvironment } from "../vectorEnvironment.js";
import { ActorCritic } from "./actorCritic.js";
import { bestPolicy } from "./bestPolicy.js";
import { callOf } from "./call.js";
import { type ActionDistribution, distributionOver, outputOf, type PolicyNetwork } from "./distributions.js";
import { checkCounts, checkLoss, checkNetwork, type Figures, NetworkAgent, type Policy, prefixed, Tally } from "./networkAgent.js";
import { copyRow } from "./replayBuffer.js";

/** Settings of a {@link Reinforce}. */
export interface ReinforceOptions {
  /** Makes the network, which takes observations `[batch, size]` and gives the policy and the values of states. By default an {@link ActorCritic}. */
  readonly network?: () => PolicyNetwork;
  readonly hiddenSizes?: readonly number[];
  /**
   * What is maximised: the `discounted` sum of rewards, or the `average` reward of a step, where an episode's end is followed by the next one's
   * beginning for ever. Of the average no step differs whose reward is always the same: an end then needs a `terminalReward`.
   */
  readonly objective?: "discounted" | "average";
  /** Whether the network's value of a state is subtracted from the return: the gradient varies less, and its mean is the same. By default true. */
  readonly baseline?: boolean;
  /** γ of the discounted objective, by default 0.99. */
  readonly discount?: number;
  /** Added to the reward of a step that terminates the episode, by default 0. */
  readonly terminalReward?: number;
  /** Of Adam, by default 1e-3. */
  readonly learningRate?: number;
  /** The episodes that make an update, by default 4. */
  readonly episodes?: number;
  /** What the entropy of the policy counts in the loss, by default 0. */
  readonly entropyWeight?: number;
  /** The limit of the norm of all gradients together, by default 0.5. */
  readonly clipGlobalNorm?: number;
}

const reinforceOptions: OptionNames<ReinforceOptions> = {
  network: "optional",
  hiddenSizes: "optional",
  objective: "optional",
  baseline: "optional",
  discount: "optional",
  terminalReward: "optional",
  learningRate: "optional",
  episodes: "optional",
  entropyWeight: "optional",
  clipGlobalNorm: "optional",
};

/** Where the counters are: updates, complete episodes and steps that wait for the next update, and the average reward so far. */
const [updatesAt, episodesAt, rowsAt, averageAt, startAt] = [0, 1, 2, 3, 4] as const;

/** How far the average reward moves to that of each update. */
const averageRate = 0.1;

/** The number of rows that steps are padded to, a power of two: a graph is compiled for each. */
const paddedCount = (rows: number): number => 2 ** Math.ceil(Math.log2(Math.max(rows, 64)));

/** A batch of steps; `weights` are 0 for rows that hold none. */
type Steps = Readonly<Record<"observations" | "actions" | "returns" | "weights", Tensor>>;

/**
 * REINFORCE (Williams 1992): after whole episodes the policy moves by `∇ log π(a | s) (G - V(s))`. The return G is the discounted sum of rewards from
 * the step on, or for the average reward r̄ that of `r - r̄` (Sutton and Barto 2018, section 13.6). An episode that the time limit cut off goes on in
 * the value of its last observation, where there is a baseline.
 */
export class Reinforce extends NetworkAgent {
  readonly network: PolicyNetwork;
  private readonly distribution: ActionDistribution;
  private readonly optimizer: Adam;
  /** The steps since the last update, `[rows, ...]`. */
  private readonly observations: Float32Array<ArrayBuffer>;
  private readonly actions: Int32Array<ArrayBuffer>;
  private readonly rewards: Float64Array<ArrayBuffer>;
  private readonly returns: Float32Array<ArrayBuffer>;
  private calls: ReturnType<Reinforce["prepare"]> | undefined;

  constructor(
    environments: VectorEnvironment,
    private readonly options: ReinforceOptions = {},
  ) {
    super(environments, 5);
    checkOptions("Reinforce", options, reinforceOptions);
    const { observationSpace, actionSpace, count } = environments;
    const [maxSteps] = environments.environments.map((environment) => environment.maxSteps);
    const { episodes = 4, learningRate = 1e-3, clipGlobalNorm = 0.5, hiddenSizes } = options;
    checkCounts("Reinforce", { episodes });
    checkChoice("Reinforce", "objective", options.objective, ["discounted", "average"]);
    checkNumbers("Reinforce", { discount: options.discount }, { most: 1 });
    checkNumbers("Reinforce", { entropyWeight: options.entropyWeight });
    check(Number.isFinite(options.terminalReward ?? 0), () => `Reinforce: terminalReward ${options.terminalReward}: expected a number`);
    check(count === 1, () => `Reinforce: got ${count} environments, expected one: each episode is one policy's`);
    check(actionSpace instanceof Discrete, () => `Reinforce: got actions that are ${actionSpace}, expected indices: use Ppo`);
    check(
      maxSteps !== undefined && Number.isFinite(maxSteps),
      () => "Reinforce: the environment has no time limit, and whole episodes are kept: give it maxSteps",
    );
    this.distribution = distributionOver(actionSpace);
    checkNetwork("Reinforce", { ...options });
    const { network = () => new ActorCritic(observationSpace.size, actionSpace, { hiddenSizes }) } = options;
    this.network = network();
    this.optimizer = new Adam(this.network, { learningRate, clipGlobalNorm });
    const rows = paddedCount(episodes * maxSteps);
    this.observations = new Float32Array(rows * observationSpace.size);
    this.actions = new Int32Array(rows);
    this.rewards = new Float64Array(rows);
    this.returns = new Float32Array(rows);
  }

  async train(steps: number): Promise<Figures> {
    const { environments, counters } = this;
    const { size } = environments.observationSpace;
    check(Number.isInteger(steps) && steps >= 0, () => `Reinforce: got ${steps} steps to make, expected an integer from 0`);
    this.calls ??= this.prepare();
    const { draw, value } = await this.calls;
    this.begin();
    const tally = new Tally();
    const { episodes = 4, terminalReward = 0, baseline = true } = this.options;
    const chosen = new Int32Array(1);
    for (let made = 0; made < steps; made++) {
      const row = counters[rowsAt] as number;
      copyRow(environments.observations, 0, this.observations, row, size);
      const drawn = draw({ observations: environments.observations as Float32Array<ArrayBuffer> });
      chosen[0] = (drawn instanceof Promise ? await drawn : drawn).actions[0] as number;
      environments.step(chosen);
      const terminated = environments.terminated[0] === 1;
      this.actions[row] = chosen[0];
      this.rewards[row] = (environments.rewards[0] as number) + (terminated ? terminalReward : 0);
      counters[rowsAt] = row + 1;
      if (!terminated && environments.truncated[0] !== 1) continue;
      tally.addEpisodes(environments);
      let rest = 0;
      if (baseline && !terminated) {
        const result = value({ observations: environments.finalObservations as Float32Array<ArrayBuffer> });
        rest = (result instanceof Promise ? await result : result).values[0] as number;
      }
      this.addUp(rest);
      counters[episodesAt] = (counters[episodesAt] as number) + 1;
      if ((counters[episodesAt] as number) >= episodes) await this.update(tally);
    }
    return { ...tally.means(), averageReward: counters[averageAt] as number };
  }

  protected makePolicy(): Promise<Policy> {
    return bestPolicy(this.network, this.environments);
  }

  namedVariables(): Map<string, Variable> {
    return new Map([...prefixed("network", this.network.namedVariables()), ...prefixed("optimizer", this.optimizer.namedVariables())]);
  }

  override namedArrays(): Map<string, TypedArray> {
    const { observations, actions, rewards, returns } = this;
    return new Map<string, TypedArray>([...super.namedArrays(), ...Object.entries({ observations, actions, rewards, returns })]);
  }

  /** Writes the returns of the episode that has ended, which goes on with a return of `rest`. */
  private addUp(rest: number): void {
    const { counters, rewards, returns } = this;
    const { objective = "discounted", discount = 0.99 } = this.options;
    const [factor, expected] = objective === "average" ? [1, counters[averageAt] as number] : [discount, 0];
    let total = rest;
    for (let row = (counters[rowsAt] as number) - 1; row >= (counters[startAt] as number); row--) {
      total = (rewards[row] as number) - expected + factor * total;
      returns[row] = total;
    }
    counters[startAt] = counters[rowsAt] as number;
  }

  private async update(tally: Tally): Promise<void> {
    const { counters, rewards } = this;
    const { learn } = await (this.calls as NonNullable<typeof this.calls>);
    const rows = counters[rowsAt] as number;
    const { loss, policyLoss, entropy } = await learn(this.steps(rows));
    const updates = (counters[updatesAt] as number) + 1;
    let mean = 0;
    for (let row = 0; row < rows; row++) mean += (rewards[row] as number) / rows;
    counters[averageAt] = updates === 1 ? mean : (counters[averageAt] as number) + averageRate * (mean - (counters[averageAt] as number));
    counters[updatesAt] = updates;
    counters[episodesAt] = 0;
    counters[rowsAt] = 0;
    counters[startAt] = 0;
    const number = await loss.item();
    checkLoss("Reinforce", number, updates);
    tally.add("loss", number);
    tally.add("policyLoss", await policyLoss.item());
    tally.add("entropy", await entropy.item());
  }

  /** The first rows as tensors, padded. */
  private steps(rows: number): Steps {
    const { size } = this.environments.observationSpace;
    const count = paddedCount(rows);
    return {
      observations: fromData(this.observations.slice(0, count * size), [count, size], "float32"),
      actions: fromData(this.actions.slice(0, count), [count], "int32"),
      returns: fromData(this.returns.slice(0, count), [count], "float32"),
      weights: fromData(new Float32Array(count).fill(1 / rows, 0, rows), [count], "float32"),
    };
  }

  private async prepare() {
    const { network, distribution, optimizer, environments } = this;
    const { baseline = true, entropyWeight = 0 } = this.options;
    const forward = (observations: Tensor) => outputOf(network, environments.actionSpace, observations);
    const observations = zeros([1, environments.observationSpace.size], "float32");
    const draw = ({ observations }: { observations: Tensor }) => ({
      actions: distribution.sample(forward(observations)),
    });
    const value = ({ observations }: { observations: Tensor }) => ({
      values: forward(observations).value,
    });
    const learn = compile(
      ({ observations, actions, returns, weights }: Steps) => {
        const output = forward(observations);
        const worth = baseline ? sub(returns, stopGradient(output.value)) : returns;
        const policyLoss = neg(sum(mul(weights, mul(worth, distribution.logProbability(output, actions)))));
        const entropy = sum(mul(weights, distribution.entropy(output)));
        const policy = sub(policyLoss, mul(entropyWeight, entropy));
        const loss = baseline ? add(policy, mul(0.5, sum(mul(weights, square(sub(output.value, returns)))))) : policy;
        optimizer.minimize(loss);
        return { loss, policyLoss, entropy };
      },
      { training: true },
    );
    return {
      draw: await callOf(compile(draw, { threads: 1 }), { observations }),
      value: await callOf(compile(value, { threads: 1 }), { observations }),
      learn,
    };
  }
}

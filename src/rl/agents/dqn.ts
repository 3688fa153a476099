import type { TypedArray } from "../../graph/dtype.js";
import { check } from "../../graph/error.js";
import { checkNumbers } from "../../graph/numbers.js";
import { checkChoice, checkOptions, type OptionNames } from "../../graph/options.js";
import { sameShape, showShape } from "../../graph/shape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { Variable } from "../../graph/variable.js";
import { add, mul } from "../../ops/arithmetic.js";
import { tensor } from "../../ops/constants.js";
import { zeros } from "../../ops/create.js";
import { argmax } from "../../ops/reduce.js";
import { Adam } from "../../optim/adam.js";
import { compile } from "../../runtime/compile.js";
import { Box, Discrete } from "../space.js";
import type { VectorEnvironment } from "../vectorEnvironment.js";
import { learnValues, type Support, type Transitions, type ValueRule, valuesOf } from "./actionValues.js";
import { callOf } from "./call.js";
import { checkCounts, checkLoss, checkNetwork, type Figures, NetworkAgent, type Policy, prefixed, Tally } from "./networkAgent.js";
import { type Network, QNetwork, type QNetworkOptions } from "./qNetwork.js";
import { type PriorityOptions, ReplayBuffer } from "./replayBuffer.js";

/** How an agent explores: a random action with the probability ε, which falls along a line. */
export interface ExplorationOptions {
  /** By default 1. */
  readonly start?: number;
  /** By default 0.05. */
  readonly end?: number;
  /** In how many steps it falls from the one to the other, by default 250,000. */
  readonly steps?: number;
}

/** Settings of a {@link Dqn}; by default those that CleanRL has for classic control. */
export interface DqnOptions extends Pick<QNetworkOptions, "hiddenSizes" | "dueling" | "noisy"> {
  /**
   * Makes the network, which takes observations `[batch, size]` and gives the values `[batch, actions]`; with a distribution, logits
   * `[batch, actions, atoms]`. It is called twice. By default a {@link QNetwork}.
   */
  readonly network?: () => Network;
  readonly double?: boolean;
  /** Learns the distribution of returns over these (C51); by default their mean. */
  readonly distribution?: Support;
  /** How many rewards are added up before the value of the next observation, by default 1. */
  readonly returnSteps?: number;
  /** Whether, and how, transitions with large errors are drawn more often. The weights make up for this more and more (β from 0.4 to 1). */
  readonly prioritised?: boolean | PriorityOptions;
  /** γ, by default 0.99. */
  readonly discount?: number;
  /** Of Adam, by default 2.5e-4. */
  readonly learningRate?: number;
  /** By default that of the squared error. */
  readonly loss?: "squared" | "huber";
  /** The limit of the norm of all gradients together. */
  readonly clipGlobalNorm?: number;
  /** How many transitions are replayed, by default 10,000. */
  readonly bufferSize?: number;
  /** Whether the buffer keeps observations as bytes: they are integers from 0 to 255. */
  readonly bytes?: boolean;
  /** By default 128. */
  readonly batchSize?: number;
  /** The steps before the first update, by default 10,000. */
  readonly learningStarts?: number;
  /** The steps from one update to the next, by default 10. */
  readonly updateEvery?: number;
  /** The updates that are made then, by default 1. */
  readonly updates?: number;
  /** The steps from one change of the target network to the next, by default 500. */
  readonly targetEvery?: number;
  /** How far the target network then moves to the online one, by default 1: it becomes that. */
  readonly targetRate?: number;
  /** Noisy networks explore by themselves: then by default not at all. */
  readonly exploration?: ExplorationOptions;
}

const dqnOptions: OptionNames<DqnOptions> = {
  network: "optional",
  hiddenSizes: "optional",
  dueling: "optional",
  noisy: "optional",
  double: "optional",
  distribution: "optional",
  returnSteps: "optional",
  prioritised: "optional",
  discount: "optional",
  learningRate: "optional",
  loss: "optional",
  clipGlobalNorm: "optional",
  bufferSize: "optional",
  bytes: "optional",
  batchSize: "optional",
  learningStarts: "optional",
  updateEvery: "optional",
  updates: "optional",
  targetEvery: "optional",
  targetRate: "optional",
  exploration: "optional",
};

const [stepsAt, updatesAt] = [0, 1] as const;

/** β at the start of the training, and in how many updates it rises to 1. */
const [firstImportance, importanceUpdates] = [0.4, 50_000] as const;

/**
 * A deep Q-network (Mnih et al. 2015, Human-level control through deep reinforcement learning): action values learnt from replayed transitions,
 * towards those of a target network that follows slowly. With its options it is double, dueling, of n-step returns, of prioritised replay, of noisy
 * networks, distributional, or all of these (Hessel et al. 2018, Rainbow).
 */
export class Dqn extends NetworkAgent {
  readonly network: Network;
  private readonly target: Network;
  private readonly optimizer: Adam;
  private readonly buffer: ReplayBuffer;
  private readonly rule: ValueRule;
  private readonly actions: number;
  private readonly before: Float32Array<ArrayBuffer>;
  private readonly chosen: Int32Array<ArrayBuffer>;
  private calls: ReturnType<Dqn["prepare"]> | undefined;

  /** @throws KasaneError where actions are not indices, or an option is unknown or out of range */
  constructor(
    environments: VectorEnvironment,
    private readonly options: DqnOptions = {},
  ) {
    super(environments, 2);
    checkOptions("Dqn", options, dqnOptions);
    const { observationSpace, actionSpace, count } = environments;
    check(actionSpace instanceof Discrete, () => `Dqn: got actions that are ${actionSpace}, expected indices: use Ppo`);
    this.actions = actionSpace.count;
    const { hiddenSizes, dueling, noisy, double = false, loss = "squared", distribution, prioritised, bytes } = options;
    const { returnSteps = 1, updateEvery = 10, updates = 1, targetEvery = 500, batchSize = 128, bufferSize = 10_000 } = options;
    checkChoice("Dqn", "loss", options.loss, ["squared", "huber"]);
    check(
      !distribution || options.loss === undefined,
      () => "Dqn: loss and distribution: of a distribution the loss is a cross entropy: give one of them",
    );
    checkCounts("Dqn", { returnSteps, updateEvery, updates, targetEvery, batchSize, bufferSize });
    const support = distribution && { atoms: 51, ...distribution };
    check(
      support === undefined || (support.lowest < support.highest && support.atoms > 1),
      () =>
        `Dqn: got a distribution over ${support?.atoms} returns from ${support?.lowest} to ${support?.highest}, expected two or more, ascending`,
    );
    this.rule = { double, loss, support };
    const { exploration = {}, targetRate, learningStarts, learningRate, discount } = options;
    if (distribution)
      checkOptions<Support>("Dqn: distribution", distribution, { lowest: "required", highest: "required", atoms: "optional" });
    checkOptions<ExplorationOptions>("Dqn: exploration", exploration, { start: "optional", end: "optional", steps: "optional" });
    checkNumbers("Dqn: exploration", { start: exploration.start, end: exploration.end }, { most: 1 });
    checkNumbers("Dqn", { targetRate, discount }, { most: 1 });
    checkNumbers("Dqn", { learningRate, learningStarts, "exploration: steps": exploration.steps });
    check(
      targetRate !== 0 && exploration.steps !== 0,
      () => "Dqn: targetRate and the steps of exploration: got 0, expected numbers above 0",
    );
    const isBytes =
      observationSpace instanceof Box
        ? [...observationSpace.low, ...observationSpace.high].every((bound) => bound >= 0 && bound <= 255)
        : true;
    check(!bytes || isBytes, () => `Dqn: bytes: observations are ${observationSpace}, expected integers from 0 to 255`);
    checkNetwork("Dqn", { ...options });
    const network =
      options.network ?? (() => new QNetwork(observationSpace.size, this.actions, { hiddenSizes, dueling, noisy, atoms: support?.atoms }));
    this.network = network();
    this.target = network();
    check(this.network !== this.target, () => "Dqn: network gave the same module twice: make a new one at each call");
    for (const { from, to } of this.pairs()) void to.assign(from);
    this.optimizer = new Adam(this.network, { learningRate: options.learningRate ?? 2.5e-4, clipGlobalNorm: options.clipGlobalNorm });
    this.buffer = new ReplayBuffer({
      capacity: bufferSize,
      batchSize,
      observationSize: observationSpace.size,
      discount: options.discount ?? 0.99,
      steps: returnSteps,
      environments: count,
      bytes,
      prioritised,
    });
    this.before = new Float32Array(environments.observations.length);
    this.chosen = new Int32Array(count);
  }

  async train(steps: number): Promise<Figures> {
    const { environments, before, chosen, counters, buffer } = this;
    const { learningStarts = 10_000, updateEvery = 10, updates = 1, targetEvery = 500, targetRate = 1 } = this.options;
    this.calls ??= this.prepare();
    const { explore, learn, follow } = await this.calls;
    const { count } = environments;
    check(
      steps >= 0 && steps % count === 0,
      () => `Dqn: got ${steps} steps to make, expected a multiple of ${count}, the number of environments`,
    );
    this.begin();
    const tally = new Tally();
    for (let made = 0; made < steps; made += count) {
      before.set(environments.observations);
      const choice = this.choose(explore);
      if (choice) await choice;
      environments.step(chosen);
      for (let i = 0; i < chosen.length; i++) {
        const terminated = environments.terminated[i] === 1;
        const ended = terminated || environments.truncated[i] === 1;
        const next = ended ? environments.finalObservations : environments.observations;
        buffer.add(i, before, chosen[i] as number, environments.rewards[i] as number, next as Float32Array, terminated, ended);
      }
      tally.addEpisodes(environments);
      const done = (counters[stepsAt] as number) + count;
      counters[stepsAt] = done;
      if (done <= learningStarts || buffer.count === 0) continue;
      // How many multiples of a number the steps of all environments have passed.
      const passed = (every: number) => Math.floor(done / every) - Math.floor((done - count) / every);
      for (let i = updates * passed(updateEvery); i > 0; i--) await this.update(learn, tally);
      for (let i = passed(targetEvery); i > 0; i--) await follow({ rate: Float32Array.of(targetRate) });
    }
    return { ...tally.means(), exploration: this.exploration() };
  }

  protected async makePolicy(): Promise<Policy> {
    const { size } = this.environments.observationSpace;
    const observations = zeros([1, size], "float32");
    const greedy = await callOf(compile(this.greedy, { threads: 1 }), { observations });
    return (observation) => {
      const result = greedy({ observations: observation });
      return result instanceof Promise ? result.then(({ actions }) => actions[0] as number) : (result.actions[0] as number);
    };
  }

  namedVariables(): Map<string, Variable> {
    return new Map([
      ...prefixed("network", this.network.namedVariables()),
      ...prefixed("target", this.target.namedVariables()),
      ...prefixed("optimizer", this.optimizer.namedVariables()),
    ]);
  }

  override namedArrays(): Map<string, TypedArray> {
    return new Map<string, TypedArray>([...super.namedArrays(), ...prefixed<TypedArray>("buffer", this.buffer.namedArrays())]);
  }

  private readonly greedy = ({ observations }: { readonly observations: Tensor }) => ({
    actions: argmax(valuesOf(this.outputOf(observations), this.rule.support), { axis: 1 }),
  });

  /** What the network gives, checked since it may be the user's. */
  private outputOf(observations: Tensor): Tensor {
    const output = this.network.forward(observations);
    const { support } = this.rule;
    const expected = [observations.shape[0] as number, this.actions, ...(support ? [support.atoms] : [])];
    check(
      sameShape(output.shape, expected),
      () =>
        `Dqn: the network gave ${showShape(output.shape)}, expected ${showShape(expected)}: [batch, actions${support ? ", atoms" : ""}]`,
    );
    return output;
  }

  /** What is compiled: the choice of actions while training, an update, and the target network's following. */
  private async prepare() {
    const { network, target, optimizer, rule, environments, buffer } = this;
    const learn = compile(
      (batch: Transitions) => {
        const result = learnValues(network, target, batch, rule);
        optimizer.minimize(result.loss);
        return result;
      },
      { training: true },
    );
    const follow = compile(({ rate }: { rate: Tensor }) => {
      for (const { from, to } of this.pairs()) to.assign(add(mul(rate, from), mul(add(1, mul(-1, rate)), to)));
      return {};
    });
    const observations = zeros([environments.count, environments.observationSpace.size], "float32");
    return {
      explore: await callOf(compile(this.greedy, { training: true, threads: 1 }), { observations }),
      follow: await callOf(follow, { rate: tensor(1) }),
      learn: () => learn(buffer.tensors),
    };
  }

  /** Chooses the actions: the best by the network, or with the probability of exploration any. */
  private choose(explore: Awaited<ReturnType<Dqn["prepare"]>>["explore"]): undefined | Promise<void> {
    const { random, chosen, environments } = this;
    const probability = this.exploration();
    let isGreedy = false;
    for (let i = 0; i < chosen.length; i++) {
      chosen[i] = random.uniform() < probability ? random.integer(this.actions) : -1;
      isGreedy ||= chosen[i] === -1;
    }
    if (!isGreedy) return undefined;
    const result = explore({ observations: environments.observations as Float32Array<ArrayBuffer> });
    if (result instanceof Promise) return result.then(({ actions }) => this.take(actions));
    this.take(result.actions);
    return undefined;
  }

  /** Takes the network's actions where none was chosen. */
  private take(actions: ArrayLike<number>): void {
    const { chosen } = this;
    for (let i = 0; i < chosen.length; i++) if (chosen[i] === -1) chosen[i] = actions[i] as number;
  }

  private async update(learn: () => Promise<Record<"loss" | "errors" | "value", Tensor>>, tally: Tally): Promise<void> {
    const { buffer, counters, random } = this;
    const updates = (counters[updatesAt] as number) + 1;
    counters[updatesAt] = updates;
    buffer.draw(random, Math.min(1, firstImportance + ((1 - firstImportance) * updates) / importanceUpdates));
    const { loss, errors, value } = await learn();
    if (this.options.prioritised) buffer.prioritise((await errors.data()) as Float32Array);
    const number = await loss.item();
    checkLoss("Dqn", number, updates);
    tally.add("loss", number);
    tally.add("value", await value.item());
  }

  /** The probability of a random action. */
  private exploration(): number {
    const { noisy, exploration = noisy ? { start: 0, end: 0 } : {} } = this.options;
    const { start = 1, end = 0.05, steps = 250_000 } = exploration;
    return start + (end - start) * Math.min(1, (this.counters[stepsAt] as number) / steps);
  }

  /** The variables of the online network and those of the target network. */
  private pairs(): { readonly from: Variable; readonly to: Variable }[] {
    const targets = [...this.target.namedVariables().values()];
    return [...this.network.namedVariables().values()].map((from, i) => ({ from, to: targets[i] as Variable }));
  }
}

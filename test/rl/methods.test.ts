import { KasaneError, RandomGenerator, rl } from "kasane";
import { describe, expect, test } from "vitest";

/** Sutton and Barto (2018), example 4.1: a grid of 4 by 4 with two ends, -1 a step. */
const smallGrid: rl.MarkovModel = {
  states: 16,
  actions: 4,
  starts: [5],
  transitions(state, action) {
    if (state === 0 || state === 15) return [{ probability: 1, next: state, reward: 0, terminated: true }];
    const [down, right] = [
      [0, 1],
      [1, 0],
      [0, -1],
      [-1, 0],
    ][action] as [number, number];
    const row = Math.min(Math.max(Math.floor(state / 4) + down, 0), 3);
    const column = Math.min(Math.max((state % 4) + right, 0), 3);
    return [{ probability: 1, next: 4 * row + column, reward: -1, terminated: row + column === 0 || row + column === 6 }];
  },
};

describe("dynamic programming", () => {
  test("finds the values of the random policy in figure 4.1 of Sutton and Barto", () => {
    const values = rl.policyValues(smallGrid, new Float64Array(64).fill(0.25));
    const published = [0, -14, -20, -22, -14, -18, -20, -20, -20, -20, -18, -14, -22, -20, -14, 0];
    published.forEach((value, state) => expect(values[state]).toBeCloseTo(value, 6));
  });

  test("value iteration and policy iteration find the same optimum", () => {
    const lake = new rl.FrozenLake();
    const [byValues, byPolicies] = [rl.valueIteration(lake, { discount: 0.99 }), rl.policyIteration(lake, { discount: 0.99 })];
    byValues.values.forEach((value, state) => expect(byPolicies.values[state]).toBeCloseTo(value, 7));
    expect(rl.policyValues(lake, byValues.policy, { discount: 0.99 })[0]).toBeCloseTo(byValues.values[0] as number, 7);
    // The distances to the nearer end.
    const grid = rl.valueIteration(smallGrid);
    expect([...grid.values]).toEqual([0, -1, -2, -3, -1, -2, -3, -2, -2, -3, -2, -1, -3, -2, -1, 0]);
    // From state 1 to the left.
    expect(grid.actionValues[4 * 1 + 2]).toBe(-1);
    expect(rl.startValue(smallGrid, grid.values)).toBe(-2);
  });

  test("knows the optima that are published", () => {
    const lake = new rl.FrozenLake();
    const { policy, values } = rl.valueIteration(lake, { discount: 1 });
    // 14/17, without a time limit.
    expect(rl.startValue(lake, values)).toBeCloseTo(14 / 17, 6);
    // Within the 100 steps of an episode: 0.7442 where the policy knows how many are left, and less where it does not.
    expect(rl.startValue(lake, rl.valuesInSteps(lake, 100))).toBeCloseTo(0.7442, 4);
    const successes = rl.evaluate(lake, (observation) => policy[observation[0] as number] as number, { episodes: 4000 });
    const found = rl.startValue(lake, rl.valuesInSteps(lake, 100, policy));
    // Four standard errors.
    expect(Math.abs(rl.meanReturn(successes) - found)).toBeLessThan(4 * Math.sqrt((found * (1 - found)) / 4000));
    const cliff = new rl.CliffWalking();
    expect(rl.startValue(cliff, rl.valueIteration(cliff).values)).toBe(-13);
    const taxi = new rl.Taxi();
    expect(rl.startValue(taxi, rl.valueIteration(taxi).values)).toBeCloseTo(7.93, 2);
  });

  test("says what is wrong in one line", () => {
    const endless: rl.MarkovModel = { ...smallGrid, transitions: (next) => [{ probability: 1, next, reward: -1, terminated: false }] };
    expect(() => rl.valueIteration(endless)).toThrow(
      "valueIteration: the values do not settle: with a discount of 1 every policy must come to an end",
    );
    expect(() => rl.valueIteration(smallGrid, { discount: 2 })).toThrow(
      new KasaneError("valueIteration: got discount 2, expected a number from 0 to 1"),
    );
    expect(() => rl.policyValues(smallGrid, [0, 1])).toThrow(
      "policyValues: the policy has 2 numbers, expected an action for each of 16 states, or the probabilities of 4",
    );
    const steps = (action: number) => rl.policyValues(smallGrid, new Float64Array(16).fill(action));
    expect(() => steps(4)).toThrow("policyValues: the policy takes action 4 in state 0, expected one of 0 to 3");
    expect(() => rl.policyValues(smallGrid, new Float64Array(64).fill(0.5))).toThrow("expected numbers from 0 that add up to 1");
    expect(() => rl.valuesInSteps(smallGrid, 2.5)).toThrow("valuesInSteps: got 2.5 steps, expected an integer from 0");
  });
});

/** Sutton and Barto (2018), example 6.2: a random walk over five states, with a reward of 1 at the right end. */
class RandomWalk extends rl.Environment<number> {
  readonly observationSpace = new rl.Discrete(7);
  readonly actionSpace = new rl.Discrete(1);

  constructor() {
    super("RandomWalk", 1);
  }

  protected begin(): void {
    this.state[0] = 3;
  }

  protected advance(): number {
    const place = (this.state[0] as number) + (this.random.uniform() < 0.5 ? -1 : 1);
    this.state[0] = place;
    if (place === 0 || place === 6) this.terminate();
    return place === 6 ? 1 : 0;
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = this.state[0] as number;
  }
}

/** Learns from random walks; returns the values of the five states. */
function walkValues(options: Omit<rl.StateValueOptions, "features">, episodes: number): number[] {
  const walk = new RandomWalk();
  const learner = new rl.StateValues({ features: rl.tableFeatures(walk.observationSpace), ...options });
  for (let episode = 0; episode < episodes; episode++) {
    walk.reset(episode);
    learner.begin([3]);
    do {
      walk.step(0);
      learner.learn(walk.reward, [walk.state[0] as number], walk.terminated, walk.truncated);
    } while (!walk.ended);
  }
  return [1, 2, 3, 4, 5].map((state) => learner.valueOf([state]));
}

describe("StateValues", () => {
  test.each([
    ["TD(0)", { learningRate: 0.005 }],
    ["TD(0.8)", { learningRate: 0.005, traceDecay: 0.8 }],
    ["TD(0.8), replacing traces", { learningRate: 0.005, traceDecay: 0.8, traces: "replacing" }],
    ["4 steps", { learningRate: 0.005, steps: 4 }],
    ["Monte Carlo", { learningRate: "average", steps: Number.POSITIVE_INFINITY }],
  ] as const)("%s finds the values of a random walk, 1/6 to 5/6", (_, options) => {
    walkValues(options, 4000).forEach((value, i) => expect(Math.abs(value - (i + 1) / 6)).toBeLessThan(0.03));
  });

  test("n steps are TD(0) at n = 1, and the Monte Carlo method at an n beyond all episodes", () => {
    expect(walkValues({ learningRate: 0.1, steps: 1 }, 50)).toEqual(walkValues({ learningRate: 0.1 }, 50));
    const byMonteCarlo = walkValues({ learningRate: "average", steps: Number.POSITIVE_INFINITY }, 50);
    expect(walkValues({ learningRate: "average", steps: 1000 }, 50)).toEqual(byMonteCarlo);
    // The mean of the returns that followed each visit of a state.
    const returns = new Map([1, 2, 3, 4, 5].map((state) => [state, [] as number[]]));
    const walk = new RandomWalk();
    for (let episode = 0; episode < 50; episode++) {
      walk.reset(episode);
      const visited = [];
      do {
        visited.push(walk.state[0] as number);
        walk.step(0);
      } while (!walk.ended);
      for (const state of visited) returns.get(state)?.push(walk.reward);
    }
    [...returns.values()].forEach((some, i) => expect(byMonteCarlo[i]).toBeCloseTo(some.reduce((a, b) => a + b) / some.length, 12));
  });

  test("traces that accumulate and fade not at all are the Monte Carlo method, where values change little in an episode", () => {
    const [traces, returns] = [
      { learningRate: 1e-6, traceDecay: 1 },
      { learningRate: 1e-6, steps: Number.POSITIVE_INFINITY },
    ].map((options) => walkValues(options, 200).map((value) => value * 1e6));
    traces?.forEach((value, i) => expect(Math.abs(value / (returns?.[i] as number) - 1)).toBeLessThan(0.001));
    expect(returns?.every((value) => value > 10)).toBe(true);
  });

  test("a truncated episode ends with the value of the state it is cut off in", () => {
    const learner = new rl.StateValues({ features: rl.tableFeatures(new rl.Discrete(2)), learningRate: 1, initialValue: 8, discount: 0.5 });
    learner.begin([0]);
    learner.learn(1, [1], false, true);
    expect(learner.valueOf([0])).toBe(5);
    learner.begin([0]);
    learner.learn(1, [1], true, false);
    expect(learner.valueOf([0])).toBe(1);
  });
});

/** Trains in an environment; returns the agent and the returns of its episodes. */
function train(environment: rl.Environment<number>, options: Omit<rl.ActionValueOptions, "features" | "actions">, episodes: number) {
  const features = rl.tableFeatures(environment.observationSpace);
  const agent = new rl.ActionValueAgent({ features, actions: (environment.actionSpace as rl.Discrete).count, ...options });
  environment.reset(options.seed ?? 0);
  const returns = Array.from({ length: episodes }, () => rl.trainEpisode(agent, environment).return);
  return { agent, returns };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe("ActionValueAgent", () => {
  const cliff = () => new rl.CliffWalking({ maxSteps: 1000 });
  const greedyReturn = (agent: rl.ActionValueAgent) => rl.playEpisode(cliff(), (observation) => agent.greedy(observation)).return;

  test("Q-learning walks along the cliff, SARSA away from it and with better returns on the way (example 6.6)", () => {
    const options = { learningRate: 0.5, exploration: rl.epsilonGreedy(0.1) } as const;
    const trained = (target: "qLearning" | "sarsa") => train(cliff(), { ...options, target }, 500);
    const [q, sarsa] = [trained("qLearning"), trained("sarsa")];
    expect(greedyReturn(q.agent)).toBe(-13);
    expect(greedyReturn(sarsa.agent)).toBeLessThan(-13);
    expect(mean(sarsa.returns.slice(300))).toBeGreaterThan(mean(q.returns.slice(300)) + 10);
  });

  test.each([
    ["expected SARSA", { target: "expectedSarsa", learningRate: 1 }, -15],
    ["double Q-learning", { target: "doubleQLearning", learningRate: 0.5 }, -17],
    ["Q(lambda)", { target: "qLearning", learningRate: 0.2, traceDecay: 0.8 }, -15],
    ["SARSA(lambda)", { target: "sarsa", learningRate: 0.2, traceDecay: 0.8, traces: "replacing" }, -17],
    ["SARSA of 4 steps", { target: "sarsa", learningRate: 0.2, steps: 4 }, -17],
    [
      "the Monte Carlo method",
      {
        target: "sarsa",
        learningRate: 0.03,
        steps: Number.POSITIVE_INFINITY,
        exploration: rl.epsilonGreedy(rl.linearDecay(0.5, 0, 30_000)),
      },
      -40,
    ],
  ] as const)("%s finds a way along the cliff", (_, options, least) => {
    expect(greedyReturn(train(cliff(), options, 600).agent)).toBeGreaterThanOrEqual(least);
  });

  test("expected SARSA of a greedy agent is Q-learning", () => {
    const options = { learningRate: 0.5, exploration: rl.epsilonGreedy(0) } as const;
    const [expected, q] = (["expectedSarsa", "qLearning"] as const).map((target) => train(cliff(), { ...options, target }, 100).agent);
    expect(expected?.values[0]?.weights).toEqual(q?.values[0]?.weights);
  });

  test("double Q-learning is biased less to the side of a gamble (example 6.7)", () => {
    // From A to the right the episode ends with 0; to the left is B, whose ten actions end it with normal rewards of mean -0.1.
    class Gamble extends rl.Environment<number> {
      readonly observationSpace = new rl.Discrete(3);
      readonly actionSpace = new rl.Discrete(10);
      constructor() {
        super("Gamble", 1);
      }
      protected begin(): void {
        this.state[0] = 0;
      }
      protected advance(action: number): number {
        const isAtB = this.state[0] === 1;
        // In A, even actions go left.
        this.state[0] = !isAtB && action % 2 === 0 ? 1 : 2;
        if (this.state[0] === 2) this.terminate();
        return isAtB ? this.random.normal() - 0.1 : 0;
      }
      observe(into: Float32Array, at = 0): void {
        into[at] = this.state[0] as number;
      }
    }
    const wentLeft = (target: "qLearning" | "doubleQLearning") => {
      let lefts = 0;
      for (let seed = 0; seed < 300; seed++) {
        const environment = new Gamble();
        const agent = new rl.ActionValueAgent({
          features: rl.tableFeatures(environment.observationSpace),
          actions: 10,
          target,
          learningRate: 0.1,
          seed,
        });
        environment.reset(seed);
        for (let episode = 0; episode < 100; episode++) lefts += Number(rl.trainEpisode(agent, environment).steps === 2);
      }
      return lefts / 30_000;
    };
    const [q, double] = [wentLeft("qLearning"), wentLeft("doubleQLearning")];
    expect(q).toBeGreaterThan(0.6);
    expect(double).toBeLessThan(q - 0.15);
  });

  test("goes on from copies of its arrays to the bit", () => {
    const options = {
      target: "qLearning",
      learningRate: 0.1,
      exploration: rl.epsilonGreedy(rl.linearDecay(1, 0, 5000)),
      initialValue: 0.5,
    } as const;
    const make = (environment = new rl.FrozenLake()) => ({ environment, ...train(environment, options, 50) });
    const [one, other] = [make(), make()];
    const run = ({ agent, environment }: typeof one) => Array.from({ length: 100 }, () => rl.trainEpisode(agent, environment));
    run(one);
    for (const part of ["agent", "environment"] as const) {
      const from: ReadonlyMap<string, unknown> = one[part].namedArrays();
      for (const [name, array] of other[part].namedArrays()) array.set(from.get(name) as never);
    }
    expect(run(other)).toEqual(run(one));
  });

  test("says what is wrong in one line", () => {
    const features = rl.tableFeatures(new rl.Discrete(2));
    const agent = (options: object) => () =>
      new rl.ActionValueAgent({ features, actions: 2, target: "sarsa", learningRate: 0.1, ...options } as never);
    expect(agent({ epsilon: 0.1 })).toThrow("ActionValueAgent: unknown option epsilon");
    expect(agent({ target: "td" })).toThrow('target "td": expected "sarsa", "expectedSarsa", "qLearning" or "doubleQLearning"');
    expect(agent({ learningRate: 2 })).toThrow("learningRate: got 2, expected a number above 0, up to 1");
    expect(agent({ steps: 0 })).toThrow("steps: got 0, expected an integer from 1, or Infinity");
    expect(agent({ steps: 2, traceDecay: 0.5 })).toThrow("steps and traceDecay: got 2 and 0.5, expected one of them");
    expect(agent({ target: "doubleQLearning", steps: 2 })).toThrow("doubleQLearning learns from one step");
    expect(agent({ steps: 3, exploration: rl.upperConfidenceBound(1) })).toThrow("goes by counts, which 3 steps leave behind");
    expect(agent({ learningRate: "Average" })).toThrow('learningRate: got Average, expected a number above 0, up to 1, "average"');
    expect(() => new rl.GradientBandit({ actions: 2.5, learningRate: 1 })).toThrow("GradientBandit: got 2.5 actions");
    expect(agent({ target: "expectedSarsa", exploration: rl.upperConfidenceBound(1) })).toThrow("expectedSarsa needs an exploration whose");
    expect(agent({ exploration: rl.epsilonGreedy(() => 2) })).not.toThrow();
    expect(() => agent({ exploration: rl.epsilonGreedy(() => 2) })().begin([0])).toThrow(
      "epsilonGreedy: got epsilon 2, expected a number from 0 to 1",
    );
    expect(() => rl.epsilonGreedy(-1)).toThrow("epsilonGreedy: got epsilon -1");
    expect(() => agent({})().begin([2])).toThrow(new KasaneError("tableFeatures: got 2, expected an integer from 0 to 1"));
    expect(() => rl.tableFeatures(new rl.Box([0], [1]))).toThrow("tableFeatures: got 1 number from 0 to 1, expected indices");
  });
});

describe("exploration", () => {
  const values = Float64Array.of(1, 3, 2, 3);
  const choices = { values, counts: Float64Array.of(5, 1, 5, 50), step: 0 };
  const shares = (exploration: rl.Exploration, draws = 20_000) => {
    const random = new RandomGenerator(undefined, 4);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < draws; i++) {
      const action = exploration.choose(choices, random);
      counts[action] = (counts[action] as number) + 1 / draws;
    }
    return counts;
  };
  /** Four standard errors of 20,000 draws. */
  const error = 4 * Math.sqrt(0.25 / 20_000);

  test("epsilon-greedy and softmax draw with the probabilities that they state", () => {
    const softmax = values.map((value) => Math.exp(value / 2));
    const sum = softmax.reduce((a, b) => a + b);
    for (const [exploration, expected] of [
      [rl.epsilonGreedy(0.2), [0.05, 0.45, 0.05, 0.45]],
      [rl.softmaxExploration(2), [...softmax].map((value) => value / sum)],
    ] as const) {
      const stated = new Float64Array(4);
      exploration.probabilities?.(choices, stated);
      expected.forEach((probability, i) => expect(stated[i]).toBeCloseTo(probability, 12));
      shares(exploration).forEach((share, i) => expect(Math.abs(share - (expected[i] as number))).toBeLessThan(error));
    }
  });

  test("upper confidence bounds favour what is known least, and Thompson sampling what may be best", () => {
    expect(shares(rl.upperConfidenceBound(1), 10)).toEqual([0, expect.closeTo(1), 0, 0]);
    const untried = { ...choices, counts: Float64Array.of(5, 1, 0, 50) };
    expect(rl.upperConfidenceBound(1).choose(untried, new RandomGenerator())).toBe(2);
    // With the prior N(0, 1) the second is N(1.5, 1/2) and the fourth N(2.94, 1/51).
    const [first, second, , fourth] = shares(rl.thompsonSampling()) as [number, number, number, number];
    // P(N(0.833, 1/6) is the greatest) is next to nothing; that the second beats the fourth is P(Z > 1.44 / 0.721) = 0.023.
    expect(first).toBeLessThan(0.002);
    expect(Math.abs(second - 0.023)).toBeLessThan(0.006);
    expect(fourth).toBeGreaterThan(0.93);
  });

  test("a schedule falls along a line and stays", () => {
    const schedule = rl.linearDecay(1, 0.1, 90) as (step: number) => number;
    expect([0, 45, 90, 1000].map(schedule)).toEqual([1, 0.55, expect.closeTo(0.1), expect.closeTo(0.1)]);
  });
});

describe("TileCoding", () => {
  const space = new rl.Box([0, -1], [1, 1]);

  test("neighbours share tiles, and those far apart share none", () => {
    const tiles = new rl.TileCoding({ space, tilings: 8, tiles: 4 });
    const of = (...observation: number[]) => {
      const found = new Int32Array(8);
      tiles.find(observation, found);
      return new Set(found);
    };
    const here = of(0.5, 0.5);
    const shared = (other: ReadonlySet<number>) => [...here].filter((tile) => other.has(tile)).length;
    expect(here.size).toBe(8);
    expect(shared(of(0.5, 0.5))).toBe(8);
    // A tile is 1/4 wide: a step of 1/32 leaves one tile of 8.
    expect(shared(of(0.5 + 1 / 32 + 1e-9, 0.5))).toBe(7);
    expect(shared(of(0.5 + 4 / 32 + 1e-9, 0.5))).toBe(4);
    expect(shared(of(0.8, 0.5))).toBe(0);
    expect(shared(of(0.5, 0))).toBe(0);
  });

  test("tiles get features as they are met, and share them where there are no more", () => {
    const tiles = new rl.TileCoding({ space, tilings: 2, tiles: 3, size: 40 });
    const found = new Int32Array(2);
    for (let i = 0; i <= 60; i++) for (let j = 0; j <= 60; j++) tiles.find([i / 60, j / 30 - 1], found);
    // Grids of 4 by 4 at most, shifted.
    expect(tiles.used).toBeGreaterThan(2 * 9);
    expect(tiles.used).toBeLessThanOrEqual(2 * 16);
    const small = new rl.TileCoding({ space, tilings: 2, tiles: 3, size: 10 });
    for (let i = 0; i <= 60; i++) {
      for (let j = 0; j <= 60; j++) {
        small.find([i / 60, j / 30 - 1], found);
        expect(found.every((feature) => feature >= 0 && feature < 10)).toBe(true);
      }
    }
    expect(small.used).toBe(10);
    expect(() => new rl.TileCoding({ space: new rl.Box([0], [Number.POSITIVE_INFINITY]), tilings: 1, tiles: 1 })).toThrow(
      "got a space without bounds",
    );
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 40]) {
      const message = `TileCoding: got ${value} as number 1 of 2: expected a number in or near the space`;
      expect(() => small.find([0, value], found)).toThrow(new KasaneError(message));
    }
    expect(() => new rl.TileCoding({ space, tilings: 0, tiles: 1 })).toThrow("TileCoding: got tilings 0, expected an integer from 1");
  });

  test("SARSA learns to climb the hill by them (example 10.1)", () => {
    const car = new rl.MountainCar();
    const features = new rl.TileCoding({ space: car.observationSpace, tilings: 8, tiles: 8 });
    const agent = new rl.ActionValueAgent({ features, actions: 3, target: "sarsa", learningRate: 0.5, exploration: rl.epsilonGreedy(0) });
    for (let episode = 0; episode < 150; episode++) rl.trainEpisode(agent, car);
    expect(rl.meanReturn(rl.evaluate(car, (observation) => agent.greedy(observation), { episodes: 20 }))).toBeGreaterThan(-150);
  });
});

describe("GradientBandit", () => {
  test("comes to prefer the best arm, also where rewards are far from 0", () => {
    let best = 0;
    for (let seed = 0; seed < 50; seed++) {
      const bandit = new rl.Bandit({ meanValue: 4 });
      const agent = new rl.GradientBandit({ actions: 10, learningRate: 0.1, seed });
      bandit.reset(seed);
      let action = agent.begin();
      while (!bandit.ended) {
        bandit.step(action);
        action = agent.learn(bandit.reward);
      }
      best += Number(agent.greedy() === bandit.bestArm);
    }
    expect(best).toBeGreaterThan(35);
  });
});

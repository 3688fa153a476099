import { KasaneError, RandomGenerator, rl } from "kasane";
import { describe, expect, test } from "vitest";

/** Walks to the right by its action; a reward of `rewards` at each step. */
class Walk extends rl.Environment<number> {
  readonly observationSpace = new rl.Discrete(10);
  readonly actionSpace = new rl.Discrete(2);

  constructor(
    private readonly rewards: (step: number) => number = () => 1,
    maxSteps?: number,
  ) {
    super("Walk", 1, maxSteps);
  }

  protected begin(): void {
    this.state[0] = 0;
  }

  protected advance(action: number): number {
    this.state[0] = (this.state[0] as number) + action;
    if (this.state[0] === 9) this.terminate();
    return this.rewards(this.steps + 1);
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = this.state[0] as number;
  }
}

const every = [
  () => new rl.FrozenLake(),
  () => new rl.CliffWalking({ slippery: true }),
  () => new rl.Taxi(),
  () => new rl.Blackjack(),
  () => new rl.Bandit({ maxSteps: 50 }),
  () => new rl.Asterix(),
  () => new rl.Breakout(),
  () => new rl.Freeway(),
  () => new rl.Seaquest(),
  () => new rl.SpaceInvaders(),
  () => new rl.CartPole(),
  () => new rl.MountainCar(),
  () => new rl.MountainCarContinuous(),
  () => new rl.Acrobot(),
  () => new rl.Pendulum(),
] satisfies (() => rl.Environment)[];

/** The observations, rewards and ends of random steps, over the ends of episodes. */
function wander(environment: rl.Environment, steps: number, draws = new RandomGenerator()): number[] {
  const observation = new Float32Array(environment.observationSpace.size);
  const action = new Float32Array(environment.actionSpace.size);
  const seen = [];
  for (let i = 0; i < steps; i++) {
    if (environment.steps < 0 || environment.ended) environment.reset();
    rl.drawAction(environment.actionSpace, draws, action);
    environment.step(environment.actionSpace instanceof rl.Discrete ? (action[0] as number) : action);
    environment.observe(observation);
    seen.push(
      observation.reduce((sum, value, i) => sum + value * (i + 1), 0),
      environment.reward,
      Number(environment.terminated),
      Number(environment.truncated),
    );
  }
  return seen;
}

describe("Environment", () => {
  test("says what is wrong in one line", () => {
    const walk = new Walk();
    expect(() => walk.step(1)).toThrow(new KasaneError("Walk: a step before the first episode: call reset first"));
    walk.reset();
    for (const action of [2, -1, 0.5, Number.NaN]) {
      expect(() => walk.step(action)).toThrow(new KasaneError(`Walk: got the action ${action}, expected an integer from 0 to 1`));
    }
    for (let i = 0; i < 9; i++) walk.step(1);
    expect([walk.terminated, walk.truncated, walk.ended]).toEqual([true, false, true]);
    expect(() => walk.step(1)).toThrow(new KasaneError("Walk: a step after the episode ended, at step 9: call reset first"));
    const broken = new Walk((step) => (step === 3 ? Number.NaN : 0));
    broken.reset();
    broken.step(0);
    broken.step(0);
    expect(() => broken.step(0)).toThrow(new KasaneError("Walk: the reward of step 3 is NaN, expected a finite number"));
    const continuous = new rl.Pendulum();
    continuous.reset();
    for (const action of [[2.5], [Number.NaN], [], [0, 0]]) {
      expect(() => continuous.step(action)).toThrow(`Pendulum: got the action [${action.join(", ")}], expected 1 number from -2 to 2`);
    }
    expect(() => new Walk(undefined, 0)).toThrow(new KasaneError("Walk: got maxSteps 0, expected an integer from 1, or Infinity"));
    expect(() => new rl.CartPole({ maxStep: 7 } as never)).toThrow("CartPole: unknown option maxStep: did you mean maxSteps?");
    expect(() => walk.reset(-1)).toThrow("got seed -1, expected an integer from 0 to 2^32 - 1");
  });

  test("an episode is truncated at its time limit, and one without a limit must end", () => {
    const limited = new Walk(undefined, 3);
    limited.reset();
    for (let i = 0; i < 3; i++) limited.step(0);
    expect([limited.terminated, limited.truncated, limited.steps]).toEqual([false, true, 3]);
    const endless = new Walk();
    endless.reset();
    const walkOn = (walk: Walk) => {
      for (let i = 0; i < 1_000_001; i++) walk.step(0);
    };
    expect(() => walkOn(endless)).toThrow(
      new KasaneError(
        "Walk: an episode has not ended in 1000000 steps: limit it by the option maxSteps, or allow it by maxSteps: Infinity",
      ),
    );
    const allowed = new Walk(undefined, Number.POSITIVE_INFINITY);
    allowed.reset();
    walkOn(allowed);
    expect(allowed.ended).toBe(false);
  });

  test.each(every)("%# follows from its seed, and goes on from a copy of its memory to the bit", (make) => {
    const [one, other, third] = [make(), make(), make()];
    one.reset(5);
    other.reset(5);
    expect(wander(one, 300)).toEqual(wander(other, 300));
    third.memory.set(one.memory);
    const kept = wander(one, 300);
    expect(wander(third, 300)).toEqual(kept);
    third.reset(6);
    expect(wander(third, 300)).not.toEqual(kept);
  });

  test("observations are in their space", () => {
    for (const make of every) {
      const environment = make();
      const observation = new Float32Array(environment.observationSpace.size);
      for (let i = 0; i < 200; i++) {
        wander(environment, 1, new RandomGenerator(undefined, i));
        environment.observe(observation);
        expect(environment.observationSpace.contains(observation)).toBe(true);
      }
    }
  });
});

test("a step allocates nothing", () => {
  const environment = new rl.CartPole({ maxSteps: 10 });
  const observation = new Float32Array(4);
  const run = (steps: number) => {
    for (let i = 0; i < steps; i++) {
      if (environment.steps < 0 || environment.ended) environment.reset();
      environment.step(i & 1);
      environment.observe(observation);
    }
  };
  run(300_000);
  // Of several rounds the least: garbage of the process may be collected, or made, in any.
  const grown = Array.from({ length: 5 }, () => {
    const before = process.memoryUsage().heapUsed;
    run(100_000);
    return Math.abs(process.memoryUsage().heapUsed - before);
  });
  // A number or a function a step would be 12 bytes or more.
  expect(Math.min(...grown) / 100_000).toBeLessThan(6);
});

describe("options of environments", () => {
  test("are checked", () => {
    expect(() => new rl.FrozenLake({ map: "5x5" as never })).toThrow(
      "FrozenLake: got the map 5x5, expected 4x4 or 8x8, or rows of letters",
    );
    for (const map of [["SF", "G"], ["FG"], ["SSG"], ["SXG"]]) {
      expect(() => new rl.FrozenLake({ map })).toThrow("expected rows of one length, of the letters S (once), F, H and G");
    }
    expect(new rl.FrozenLake({ map: "8x8" }).maxSteps).toBe(200);
    expect(new rl.FrozenLake({ map: ["SG"], slippery: false }).transitions(0, 2)).toEqual([
      { probability: 1, next: 1, reward: 1, terminated: true },
    ]);
    expect(() => new rl.FrozenLake().transitions(16, 0)).toThrow("FrozenLake: there is no action 0 in a state 16");
    expect(() => new rl.Bandit({ arms: 0 })).toThrow("Bandit: got 0 arms, expected an integer from 1");
    expect(() => new rl.Bandit({ meanValue: Number.NaN })).toThrow("Bandit: got meanValue NaN, expected a finite number");
  });
});

describe("Bandit", () => {
  test("pays the value of an arm with noise of standard deviation 1", () => {
    const bandit = new rl.Bandit({ arms: 3, meanValue: 4, maxSteps: 10_000 });
    bandit.reset(2);
    const arm = bandit.bestArm;
    expect(bandit.state[arm]).toBe(Math.max(...bandit.state));
    let [sum, squares] = [0, 0];
    while (!bandit.ended) {
      bandit.step(arm);
      sum += bandit.reward;
      squares += (bandit.reward - (bandit.state[arm] as number)) ** 2;
    }
    // Four standard errors.
    expect(Math.abs(sum / 10_000 - (bandit.state[arm] as number))).toBeLessThan(4 / 100);
    expect(Math.abs(squares / 10_000 - 1)).toBeLessThan((4 * Math.SQRT2) / 100);
    const values = Array.from({ length: 3000 }, () => {
      bandit.reset();
      return bandit.state[0] as number;
    });
    expect(Math.abs(values.reduce((a, b) => a + b) / 3000 - 4)).toBeLessThan(4 / Math.sqrt(3000));
  });
});

describe("VectorEnvironment", () => {
  test("is the environments beside each other, and begins the next episode where one ends", () => {
    const vector = new rl.VectorEnvironment([0, 1, 2].map(() => new rl.CartPole()));
    vector.reset(7);
    const single = new rl.CartPole();
    single.reset(8);
    const observation = new Float32Array(4);
    let [sum, ends] = [0, 0];
    const draws = new RandomGenerator(undefined, 3);
    for (let i = 0; i < 200; i++) {
      const actions = Int32Array.from([0, 0, 0], () => draws.integer(2));
      vector.step(actions);
      single.step(actions[1] as number);
      sum += single.reward;
      single.observe(observation);
      expect(vector.rewards[1]).toBe(1);
      expect(vector.terminated[1]).toBe(Number(single.terminated));
      if (single.ended) {
        expect(vector.finalObservations.subarray(4, 8)).toEqual(observation);
        expect([vector.episodeReturns[1], vector.episodeLengths[1]]).toEqual([sum, single.steps]);
        [sum, ends] = [0, ends + 1];
        single.reset();
        single.observe(observation);
      }
      expect(vector.observations.subarray(4, 8)).toEqual(observation);
    }
    expect(ends).toBeGreaterThan(3);
    expect(() => vector.step([0, 1])).toThrow(new KasaneError("VectorEnvironment: got 2 numbers as actions, expected 3 x 1"));
    expect(() => new rl.VectorEnvironment([])).toThrow("got no environments");
    expect(() => new rl.VectorEnvironment([single, new rl.Acrobot()])).toThrow("Acrobot has other observations or actions than CartPole");
  });

  test("goes on from copies of its arrays to the bit, and takes continuous actions", () => {
    const make = () => new rl.VectorEnvironment([0, 1].map(() => new rl.Pendulum({ maxSteps: 30 })));
    const [one, other] = [make(), make()];
    one.reset(1);
    other.reset(2);
    const steps = (vector: rl.VectorEnvironment, from: number) => {
      const seen: number[] = [];
      for (let i = from; i < from + 50; i++) {
        vector.step(Float32Array.of(Math.sin(i), Math.cos(i)));
        seen.push(...vector.observations, ...vector.rewards, ...vector.truncated, ...vector.episodeReturns);
      }
      return seen;
    };
    steps(one, 0);
    const from = one.namedArrays();
    for (const [name, array] of other.namedArrays()) array.set(from.get(name) as never);
    expect(other.observations).toEqual(one.observations);
    expect(steps(other, 50)).toEqual(steps(one, 50));
  });
});

describe("RandomGenerator", () => {
  test("draws uniform, integer and normal numbers that follow from seed and stream", () => {
    const draws = new RandomGenerator(undefined, 1);
    const count = 20_000;
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const normal = Array.from({ length: count }, () => draws.normal());
    // Four standard errors.
    expect(Math.abs(mean(normal))).toBeLessThan(4 / Math.sqrt(count));
    expect(Math.abs(mean(normal.map((value) => value ** 2)) - 1)).toBeLessThan(4 * Math.sqrt(2 / count));
    const counts = [0, 0, 0, 0, 0];
    for (let i = 0; i < count; i++) counts[draws.integer(5)] = (counts[draws.integer(5)] as number) + 1;
    for (const found of counts) expect(Math.abs(found - count / 5)).toBeLessThan(4 * Math.sqrt((count * 4) / 25));
    const first = (seed: number, stream: number) => new RandomGenerator(undefined, seed, stream).uniform();
    expect(first(1, 0)).toBe(first(1, 0));
    expect(new Set([first(1, 0), first(1, 1), first(2, 0), first(2, 1)]).size).toBe(4);
    expect(() => new RandomGenerator(new Float64Array(3))).toThrow("got a state of 3 numbers, expected 4");
  });
});

describe("spaces", () => {
  test("know their elements", () => {
    const box = new rl.Box([-1, 0], [1, Number.POSITIVE_INFINITY]);
    expect([[0, 5], [2, 0], [0, -1], [0], [0, Number.NaN]].map((element) => box.contains(element))).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(`${box}`).toBe("2 numbers from -1 to 1, 0 to Infinity");
    const values = Float32Array.of(-3, -3, 0.5, 2);
    box.clip(values);
    expect([...values]).toEqual([-1, 0, 0.5, 2]);
    const several = new rl.MultiDiscrete([32, 11, 2]);
    expect([several.size, several.count]).toEqual([3, 704]);
    expect(
      [
        [31, 10, 1],
        [32, 0, 0],
        [0, 0],
      ].map((element) => several.contains(element)),
    ).toEqual([true, false, false]);
    expect(() => new rl.Box([1], [0])).toThrow("Box: got a lower bound above the upper one");
    expect(() => new rl.Discrete(0)).toThrow("Discrete: got a count of 0, expected an integer from 1");
  });
});

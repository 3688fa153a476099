import { readFileSync } from "node:fs";
import { rl } from "kasane";
import { describe, expect, test } from "vitest";

/** Of an episode every tenth observation is kept, and the last. */
const every = 10;

interface Episode {
  readonly start: readonly number[];
  readonly actions: readonly number[];
  /** One alone is that of every step. */
  readonly rewards: readonly number[];
  readonly observations: readonly (readonly number[])[];
  readonly terminated: boolean;
  readonly truncated: boolean;
}

// By fixtures/gymnasium_trajectories.py.
const read = (name: string) => JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), "utf8"));
const episodes: Record<string, Episode> = read("gymnasium");
const tables = read("gymnasiumTables");

const environments = {
  "CartPole-v1": () => new rl.CartPole(),
  "MountainCar-v0": () => new rl.MountainCar(),
  "MountainCarContinuous-v0": () => new rl.MountainCarContinuous(),
  "Acrobot-v1": () => new rl.Acrobot(),
  "Pendulum-v1": () => new rl.Pendulum(),
} satisfies Record<string, () => rl.Environment>;

describe("episodes of Gymnasium", () => {
  test.each(Object.keys(episodes))("%s", (name) => {
    const { start, actions, rewards, observations, terminated, truncated } = episodes[name] as Episode;
    const make = environments[name.replace(/, \d+$/, "") as keyof typeof environments];
    const environment: rl.Environment = make();
    environment.reset();
    environment.state.set(start);
    const observation = new Float32Array(environment.observationSpace.size);
    let kept = 0;
    const compare = () => {
      environment.observe(observation);
      const expected = observations[kept++] as readonly number[];
      expected.forEach((value, i) => expect(Math.abs((observation[i] as number) - value)).toBeLessThan(1e-6));
    };
    compare();
    actions.forEach((action, i) => {
      expect(environment.ended).toBe(false);
      environment.step(environment.actionSpace instanceof rl.Discrete ? action : [action]);
      expect(Math.abs(environment.reward - (rewards[rewards.length === 1 ? 0 : i] as number))).toBeLessThan(1e-6);
      if ((i + 1) % every === 0 || i + 1 === actions.length) compare();
    });
    expect([environment.terminated, environment.truncated, environment.steps]).toEqual([terminated, truncated, actions.length]);
    expect(kept).toBe(observations.length);
  });
});

describe("transition tables of Gymnasium", () => {
  test.each([
    ["FrozenLake 4x4", () => new rl.FrozenLake()],
    ["FrozenLake 8x8", () => new rl.FrozenLake({ map: "8x8" })],
    ["FrozenLake, not slippery", () => new rl.FrozenLake({ slippery: false })],
    ["CliffWalking", () => new rl.CliffWalking()],
    ["CliffWalking, slippery", () => new rl.CliffWalking({ slippery: true })],
    ["Taxi", () => new rl.Taxi()],
  ] as [string, () => rl.FiniteEnvironment][])("%s", (name, make) => {
    const model = make();
    const { starts, outcomes } = tables[name] as { starts: number[]; outcomes: number[][][][] };
    expect(model.starts).toEqual(starts);
    expect([model.states, model.actions]).toEqual([outcomes.length, outcomes[0]?.length]);
    outcomes.forEach((byAction, state) => {
      byAction.forEach((expected, action) => {
        const found = model.transitions(state, action);
        expect(found.map(({ next, reward, terminated }) => [next, reward, Number(terminated)])).toEqual(
          expected.map((row) => row.slice(1)),
        );
        found.forEach(({ probability }, i) => expect(probability).toBeCloseTo(expected[i]?.[0] as number, 15));
      });
    });
  });

  test("an environment draws its outcomes as often as its table says", () => {
    const lake = new rl.FrozenLake({ maxSteps: Number.POSITIVE_INFINITY });
    lake.reset(1);
    const [state, action, count] = [6, 1, 6000];
    const counts = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      lake.reset();
      lake.state[0] = state;
      lake.step(action);
      counts.set(lake.place, (counts.get(lake.place) ?? 0) + 1);
    }
    const outcomes = lake.transitions(state, action);
    expect([...counts.keys()].sort()).toEqual(outcomes.map(({ next }) => next).sort());
    // Four standard errors of a binomial distribution.
    for (const { next, probability } of outcomes) {
      expect(Math.abs((counts.get(next) as number) - count * probability)).toBeLessThan(
        4 * Math.sqrt(count * probability * (1 - probability)),
      );
    }
  });
});

describe("games of blackjack of Gymnasium", () => {
  test.each(["plain", "bonus", "wins"] as const)("%s", (natural) => {
    const environment = new rl.Blackjack({ natural });
    // The environment draws the cards that Gymnasium drew.
    const draws = { integer: () => 0 };
    Object.assign(environment, { random: draws });
    const observation = new Float32Array(3);
    const rewards = new Set<number>();
    for (const { cards, actions, observations, reward } of tables[`Blackjack, ${natural}`]) {
      draws.integer = () => cards.shift() - 1;
      environment.reset();
      environment.observe(observation);
      expect([...observation]).toEqual(observations[0]);
      actions.forEach((action: number, i: number) => {
        environment.step(action);
        environment.observe(observation);
        expect([...observation]).toEqual(observations[i + 1]);
        expect(environment.reward).toBe(i === actions.length - 1 ? reward : 0);
      });
      expect([environment.ended, cards]).toEqual([true, []]);
      rewards.add(reward);
    }
    expect(rewards).toEqual(new Set(natural === "bonus" ? [-1, 0, 1, 1.5] : [-1, 0, 1]));
  });
});

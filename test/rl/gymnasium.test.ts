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
const episodes: Record<string, Episode> = JSON.parse(readFileSync(new URL("../fixtures/gymnasium.json", import.meta.url), "utf8"));

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

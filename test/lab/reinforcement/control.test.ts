import { describe, expect, it } from "vitest";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const folder = temporaryFolder();
const evaluation = (name: string) => (name === "mountain-car" ? [] : ["--episodes", "2"]);

describe.each([
  ["cart-pole", ["--method", "dqn", "--steps", "14000", "--prioritised", "--return-steps", "2"]],
  ["cart-pole", ["--method", "reinforce", "--objective", "average", "--steps", "6000"]],
  ["pendulum", ["--steps", "8192"]],
  ["mountain-car", ["--method", "dqn", "--steps", "5000"]],
])("%s %j", (name, words) => {
  it("goes on to the bit after an interrupt", async () => {
    await expectSameWhenResumed(["run", name, ...words, ...evaluation(name)], folder, 4);
  });
});

it("PPO balances the pole for longer and longer, and plays an episode of another seed", async () => {
  const { code, stdout } = await kasane(["run", "cart-pole", "--method", "ppo", "--steps", "40960", "--json", "--runs", folder]);
  expect(code).toBe(0);
  const records = eventsOf(stdout, "metrics");
  const returns = records.flatMap(({ episodeReturn }) => episodeReturn ?? []);
  // A random policy's episodes last 22 steps on average.
  expect(returns[0]).toBeLessThan(60);
  const reached = records.at(-1)?.evaluationReturn as number;
  expect(reached).toBeGreaterThan(150);

  const play = await kasane(["predict", folderOf(stdout), "7", "--json", "--runs", folder]);
  expect(play.code).toBe(0);
  const [episode] = eventsOf(play.stdout, "episode");
  // A reward of 1 for each step; the beginning is told too.
  expect(episode?.return).toBe(eventsOf(play.stdout, "step").length - 1);
  expect(episode?.return).toBeGreaterThan(60);
  const wrong = await kasane(["predict", folderOf(stdout), "x", "--runs", folder]);
  expect(wrong.stderr).toBe('kasane: predict: got "x", expected an integer from 0, the seed of an episode\n');
});

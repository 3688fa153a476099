import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { rl } from "kasane";
import { SaxesParser } from "saxes";
import { describe, expect, it } from "vitest";
import { blackjackModel, blackjackStart, blackjackState } from "../../../lab/reinforcement/blackjackModel.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, expectSameWhenResumed, folderOf } from "../recurrent/interruption.js";

const parent = temporaryFolder();
const run = (...words: string[]) => kasane(["run", ...words, "--json", "--runs", parent]);

/** A picture that a run left; throws where it is no XML. */
function picture(folder: string, name: string): string {
  const text = readFileSync(join(folder, name), "utf8");
  const parser = new SaxesParser();
  parser.on("error", (error) => {
    throw error;
  });
  parser.write(text).close();
  return text;
}

/** What a prediction says in JSON. */
async function played(folder: string, ...words: string[]) {
  const { code, stdout } = await kasane(["predict", folder, ...words, "--json"]);
  expect(code).toBe(0);
  return {
    steps: eventsOf(stdout, "step"),
    episode: eventsOf(stdout, "episode")[0] as unknown as { steps: number; return: number; seed: number },
  };
}

describe("frozen-lake", () => {
  it("comes near to the optimum, draws it and plays", async () => {
    const { code, stdout } = await run("frozen-lake", "--episodes", "10000");
    expect(code).toBe(0);
    const { success, successProbability } = eventsOf(stdout, "metrics").at(-1) as { success: number; successProbability: number };
    // The best within 100 steps is 0.7442; the bound below leaves one state's action to be another.
    expect(successProbability).toBeGreaterThan(0.6);
    expect(successProbability).toBeLessThan(0.7442);
    // Four standard errors of 100 episodes.
    expect(Math.abs(success - successProbability)).toBeLessThan(4 * Math.sqrt(0.25 / 100));
    const folder = folderOf(stdout);
    expect(picture(folder, "values.svg")).toContain("The optimum, by value");
    expect(picture(folder, "episode.svg")).toContain("<animate ");
    const first = await played(folder, "7");
    expect(await played(folder, "7")).toEqual(first);
    expect(first.steps).toHaveLength(first.episode.steps + 1);
    expect(await kasane(["predict", folder, "x"])).toMatchObject({
      code: 2,
      stderr: 'kasane: predict: got "x", expected an integer from 0, the seed of an episode\n',
    });
    const shown = await kasane(["predict", folder, "7"]);
    expect(shown.stdout).toContain("[S] F  F  F");
    expect(shown.stdout).toMatch(/the episode (ended|was cut off by the time limit) after \d+ steps; return [01]\n$/);
  });

  it("goes on after an interrupt as if there had been none", async () => {
    await expectSameWhenResumed(["run", "frozen-lake", "--episodes", "2000", "--target", "doubleQLearning"], parent, 20);
  });
});

describe("cliff-walking", () => {
  it("Q-learning walks along the cliff and falls, SARSA keeps away", async () => {
    const { code, stdout } = await run("cliff-walking", "--repeats", "8");
    expect(code).toBe(0);
    const figures = eventsOf(stdout, "metrics").at(-1) as Record<string, number>;
    expect(figures.qLearningGreedy).toBe(-13);
    expect(figures.sarsaGreedy).toBeLessThan(-13);
    expect(figures.sarsaOnline).toBeGreaterThan((figures.qLearningOnline as number) + 10);
    const folder = folderOf(stdout);
    expect(picture(folder, "paths.svg")).toContain("Q-learning: the path of its best actions, return -13");
    expect((await played(folder, "1")).episode).toMatchObject({ steps: 13, return: -13 });
    expect((await played(folder, "1", "--method", "sarsa")).episode.return).toBe(figures.sarsaGreedy);
  });

  it("goes on after an interrupt as if there had been none", async () => {
    await expectSameWhenResumed(["run", "cliff-walking", "--repeats", "6", "--episodes", "50"], parent, 3);
  });
});

describe("taxi", () => {
  it("is near the optimum of value iteration", async () => {
    const { code, stdout } = await run("taxi", "--episodes", "8000");
    expect(code).toBe(0);
    const { meanReturn, fromOptimum } = eventsOf(stdout, "metrics").at(-1) as Record<string, number>;
    expect(fromOptimum).toBeLessThan(0.3);
    // By value iteration, as a test of the library has it.
    expect((meanReturn as number) + (fromOptimum as number)).toBeCloseTo(7.93, 2);
    expect((await played(folderOf(stdout), "4")).episode.return).toBeGreaterThan(-1);
  });
});

describe("blackjack", () => {
  it("the optimum has the policy of Sutton and Barto's figure 5.2, and is what games bring", () => {
    const { policy, values } = rl.valueIteration(blackjackModel);
    const hits = (ace: number, sum: number) => Array.from({ length: 10 }, (_, i) => policy[blackjackState(sum, i + 1, ace)]).join("");
    // By the dealer's card, ace first.
    expect([17, 16, 13, 12, 11].map((sum) => hits(0, sum))).toEqual(["0000000000", "1000001111", "1000001111", "1110001111", "1111111111"]);
    expect([19, 18, 17].map((sum) => hits(1, sum))).toEqual(["0000000000", "1000000011", "1111111111"]);
    const games = rl.evaluate(
      new rl.Blackjack(),
      ([sum, card, ace]) => policy[blackjackState(sum as number, card as number, ace as number)] as number,
      {
        episodes: 60_000,
      },
    );
    // Four standard errors.
    expect(Math.abs(rl.meanReturn(games) - blackjackStart(values))).toBeLessThan(4 / Math.sqrt(60_000));
    expect(blackjackStart(values)).toBeCloseTo(-0.0466, 4);
  });

  it("learns from the ends of games", async () => {
    const { code, stdout } = await run("blackjack", "--episodes", "60000");
    expect(code).toBe(0);
    expect((eventsOf(stdout, "metrics").at(-1) as Record<string, number>).belowOptimum).toBeLessThan(0.03);
    expect(picture(folderOf(stdout), "policy.svg")).toContain("The optimum, with an ace");
    const shown = await kasane(["predict", folderOf(stdout), "3"]);
    expect(shown.stdout).toMatch(/dealer: shows .*\nplayer: \d+/);
  });
});

describe("mountain-car", () => {
  it("climbs the hill, and leaves the surface of its values", async () => {
    const { code, stdout } = await run("mountain-car", "--episodes", "300");
    expect(code).toBe(0);
    expect((eventsOf(stdout, "metrics").at(-1) as Record<string, number>).evaluationReturn).toBeGreaterThan(-140);
    expect(picture(folderOf(stdout), "values.svg")).toContain(">velocity</text>");
  });

  it("goes on after an interrupt as if there had been none", async () => {
    await expectSameWhenResumed(["run", "mountain-car", "--episodes", "60"], parent, 20);
  });
});

describe("bandits", () => {
  it("plays the testbed by every way to explore", async () => {
    const { code, stdout } = await run("bandits", "--problems", "60", "--pulls", "300");
    expect(code).toBe(0);
    const figures = eventsOf(stdout, "metrics").at(-1) as Record<string, number>;
    // The mean of the best of ten standard normal values is 1.54: nobody does better, but for the error of 60 problems of 30 pulls.
    for (const name of ["greedy0", "optimistic0", "confidence0", "sampling0"]) {
      expect(figures[`${name}Reward`]).toBeGreaterThan(0.9);
      expect(figures[`${name}Reward`]).toBeLessThan(1.54 + 4 * Math.sqrt(0.35 / 60 + 1 / 1800));
    }
    expect(figures.greedy2Best).toBeLessThan(figures.sampling0Best as number);
    expect(figures.gradient2Best).toBeLessThan(figures.gradient0Best as number);
    expect(existsSync(join(folderOf(stdout), "gradient-best.svg"))).toBe(true);
  });

  it("goes on after an interrupt as if there had been none", async () => {
    await expectSameWhenResumed(["run", "bandits", "--problems", "8", "--pulls", "20"], parent, 4);
  });
});

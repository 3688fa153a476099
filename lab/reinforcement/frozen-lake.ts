import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { seriesOf } from "../plot/chart.js";
import { episodeText, gridMap, leaveEpisode, leaveMaps, showEpisode } from "./episode.js";
import { drawnSeed, episodesOption, evaluateAgent, mean, policyOf, trainByEpisodes } from "./training.js";

const schema = z.object({
  map: z.enum(["4x4", "8x8"]).default("4x4").describe("the lake"),
  slippery: z.boolean().default(true).describe("sliding to the side in two of three steps"),
  target: z.enum(["qLearning", "doubleQLearning", "expectedSarsa", "sarsa"]).default("qLearning").describe("what the next state is worth"),
  episodes: episodesOption().default(60_000),
  discount: z.number().min(0).max(1).default(0.99).describe("what a reward counts for one step later"),
  halfLife: z.number().positive().default(200).describe("corrections of a value after which its learning rate is half"),
});

type Options = z.output<typeof schema>;

function learning({ map, slippery, target, episodes, discount, halfLife }: Options, seed: number) {
  const environment = new rl.FrozenLake({ map, slippery });
  const agent = new rl.ActionValueAgent({
    features: rl.tableFeatures(environment.observationSpace),
    actions: environment.actions,
    target,
    discount,
    // From 1 down: a constant rate would leave the values at the mercy of the last slips.
    learningRate: (count) => halfLife / (halfLife + count - 1),
    exploration: rl.epsilonGreedy(rl.linearDecay(1, 0.1, 8 * episodes)),
    seed,
  });
  return { environment, agent };
}

/** Learns to cross a slippery lake by a table of action values, beside the optimum of dynamic programming. */
export const frozenLake = defineExperiment({
  name: "frozen-lake",
  title: "Frozen lake: Q-learning crosses slippery ice, beside the optimum of value iteration",
  chapter: "reinforcement",
  options: schema,

  async run(context, options) {
    const { environment, agent } = learning(options, context.seed);
    const history = await trainByEpisodes(context, { environment, agent }, options.episodes);

    // Report: how often the goal is reached within the time limit, by 100 episodes, and exactly, by following all that may happen.
    const { maxSteps = 100 } = environment;
    const success = mean(evaluateAgent(context, { environment, agent }).map((episode) => episode.return));
    const exact = rl.startValue(environment, rl.valuesInSteps(environment, maxSteps, policyOf(agent, environment)));
    const best = rl.startValue(environment, rl.valuesInSteps(environment, maxSteps));
    context.record(options.episodes, { success, successProbability: exact });
    await context.plot("success", {
      title: "Frozen lake: how often an episode of the training reaches the goal",
      xLabel: "episodes",
      yLabel: "share of the episodes",
      series: [seriesOf(history, "episodeReturn", "while exploring")],
    });
    const { actionValues } = rl.valueIteration(environment, { discount: options.discount });
    const optimal = (state: number) => actionValues.subarray(state * environment.actions, (state + 1) * environment.actions);
    const isIce = (letter: string) => letter === "S" || letter === "F";
    await leaveMaps(context, "values", [
      gridMap(`Learnt: values and best actions (${options.target})`, environment, (state) => agent.valuesOf([state]), isIce),
      gridMap("The optimum, by value iteration", environment, optimal, isIce),
    ]);
    await leaveEpisode(context, environment, (observation) => agent.greedy(observation), {
      seed: drawnSeed,
      title: "Frozen lake, an episode of the learnt policy",
      framesPerSecond: 5,
    });
    context.print(
      `\nreaches the goal in ${maxSteps} steps: ${(100 * success).toFixed(0)} of 100 episodes, a probability of ${exact.toFixed(4)} ` +
        `(at most ${best.toFixed(4)})`,
    );
  },

  predict: {
    text: episodeText,
    async run(context, options, text) {
      const { environment, agent } = learning(options, context.seed);
      await context.restore({ agent });
      await showEpisode(context, environment, (observation) => agent.greedy(observation), text);
    },
  },
});

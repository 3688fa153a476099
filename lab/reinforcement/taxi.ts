import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import type { HeatMap } from "../plot/heatMap.js";
import { episodeText, leaveEpisode, leaveMaps, showEpisode } from "./episode.js";
import { drawnSeed, episodesOption, evaluateAgent, policyOf, trainByEpisodes } from "./training.js";

const schema = z.object({
  target: z.enum(["qLearning", "doubleQLearning", "expectedSarsa", "sarsa"]).default("qLearning").describe("what the next state is worth"),
  episodes: episodesOption().default(20_000),
  learningRate: option.learningRate("the values").max(1).default(0.5),
  epsilon: z.number().min(0).max(1).default(0.1).describe("how often an action is drawn at random"),
});

type Options = z.output<typeof schema>;

function learning({ target, learningRate, epsilon }: Options, seed: number) {
  const environment = new rl.Taxi();
  const features = rl.tableFeatures(environment.observationSpace);
  const exploration = rl.epsilonGreedy(epsilon);
  return {
    environment,
    agent: new rl.ActionValueAgent({ features, actions: environment.actions, target, learningRate, exploration, seed }),
  };
}

const arrows = ["↓", "↑", "→", "←", "P", "D"];

/** A map of the town for a passenger at a stand, or in the taxi, and a destination. */
function townMap(title: string, agent: rl.ActionValueAgent, passenger: number, destination: number): HeatMap {
  const states = Array.from({ length: 5 }, (_, row) =>
    Array.from({ length: 5 }, (_, column) => ((row * 5 + column) * 5 + passenger) * 4 + destination),
  );
  const over = <T>(of: (state: number) => T) => states.map((row) => row.map(of));
  return {
    title,
    values: over((state) => Math.max(...agent.valuesOf([state]))),
    marks: over((state) => arrows[agent.greedy([state])] ?? ""),
    showValues: true,
  };
}

/** Learns to fetch and carry a passenger by a table of 500 states, beside the optimum of dynamic programming. */
export const taxi = defineExperiment({
  name: "taxi",
  title: "Taxi: Q-learning fetches and carries passengers, beside the optimum of value iteration",
  chapter: "reinforcement",
  options: schema,

  async run(context, options) {
    const { environment, agent } = learning(options, context.seed);
    const history = await trainByEpisodes(context, { environment, agent }, options.episodes);

    // Report: the mean return of 100 episodes, and exactly that of all 300 beginnings.
    const evaluationReturn = rl.meanReturn(evaluateAgent(context, { environment, agent }));
    const exact = rl.startValue(environment, rl.valuesInSteps(environment, environment.maxSteps ?? 0, policyOf(agent, environment)));
    const best = rl.startValue(environment, rl.valueIteration(environment).values);
    context.record(options.episodes, { evaluationReturn, meanReturn: exact, fromOptimum: best - exact });
    await context.plot("return", {
      title: "Taxi: return of the episodes of the training",
      xLabel: "episodes",
      yLabel: "return",
      series: [seriesOf(history, "episodeReturn", "while exploring")],
    });
    await leaveMaps(context, "values", [
      townMap("Learnt values: the passenger waits at red (top left) and goes to blue (P picks up)", agent, 0, 3),
      townMap("The same passenger in the taxi (D drops off)", agent, 4, 3),
    ]);
    await leaveEpisode(context, environment, (observation) => agent.greedy(observation), {
      seed: drawnSeed,
      title: "Taxi, an episode of the learnt policy",
      framesPerSecond: 4,
    });
    context.print(
      `\nreturn of 100 episodes: ${evaluationReturn.toFixed(2)}; of all beginnings ${exact.toFixed(3)} on average, at most ${best.toFixed(3)}`,
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

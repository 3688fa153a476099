import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { seriesOf } from "../plot/chart.js";
import type { HeatMap } from "../plot/heatMap.js";
import { playTrained, several, type Training, trainAgent } from "./control.js";
import { episodeText, leaveEpisode, leaveMaps, showEpisode } from "./episode.js";
import { drawnSeed, episodesOption, evaluateAgent, trainByEpisodes } from "./training.js";

const schema = z.object({
  method: z.enum(["tiles", "dqn"]).default("tiles").describe("linear functions of tiles, or a network"),
  target: z.enum(["sarsa", "expectedSarsa", "qLearning"]).default("sarsa").describe("what the next state is worth"),
  episodes: episodesOption().default(2000),
  learningRate: option.learningRate("the values of tiles").max(1).default(0.3),
  traceDecay: z.number().min(0).max(1).default(0.9).describe("how fast credit fades on the way back, lambda"),
  tilings: z.int().min(1).max(64).default(16).describe("grids that lie over each other"),
  tiles: z.int().min(1).max(64).default(8).describe("tiles of a grid along each of its two sides"),
  steps: z.int().min(1).default(120_000).meta({ description: "DQN: steps of the environment", unit: "steps" }),
});

type Options = z.output<typeof schema>;

function learning({ target, learningRate, traceDecay, tilings, tiles }: Options, seed: number) {
  const environment = new rl.MountainCar();
  const features = new rl.TileCoding({ space: environment.observationSpace, tilings, tiles });
  // First values of 0 are above all that is to be had: they make a greedy agent explore.
  const exploration = rl.epsilonGreedy(0);
  const agent = new rl.ActionValueAgent({ features, actions: 3, target, learningRate, traceDecay, traces: "replacing", exploration, seed });
  return { environment, agent };
}

/**
 * The settings of RL Baselines3 Zoo, with a smaller network. What was not tried yet looks best here too: the values of what was tried fall quickly, by
 * many updates with a high learning rate.
 */
function training({ steps }: Options): Training {
  const environment = () => new rl.MountainCar();
  const agent = new rl.Dqn(several(1, environment), {
    ...{ hiddenSizes: [64, 64], learningRate: 4e-3, discount: 0.98, loss: "huber", clipGlobalNorm: 10 },
    ...{ learningStarts: 1000, updateEvery: 16, updates: 8, targetEvery: 600 },
    exploration: { steps: steps / 5, end: 0.07 },
  });
  return { agent, environment, part: 1000 };
}

/** Points of the value surface along each side. */
const points = 40;

/** Steps to the goal by the learnt values, over position and velocity. */
function surface({ low, high }: rl.Box, agent: rl.ActionValueAgent): HeatMap {
  const at = (axis: number, i: number) => (low[axis] as number) + (((high[axis] as number) - (low[axis] as number)) * (i + 0.5)) / points;
  const axis = (label: string, i: number) => ({ label, from: Number(low[i]?.toFixed(2)), to: Number(high[i]?.toFixed(2)) });
  return {
    title: "Mountain car: steps to the goal by the learnt values (darker is farther)",
    values: Array.from({ length: points }, (_, i) =>
      Array.from({ length: points }, (_, j) => -Math.max(...agent.valuesOf([at(0, j), at(1, points - 1 - i)]))),
    ),
    x: axis("position", 0),
    y: axis("velocity", 1),
  };
}

/** Drives an underpowered car up a hill, by linear functions of tiles or by a network. */
export const mountainCar = defineExperiment({
  name: "mountain-car",
  title: "Mountain car: an underpowered car swung up a hill, by SARSA with tile coding and by DQN",
  chapter: "reinforcement",
  options: option.usedOnly(
    schema,
    {
      names: ["target", "episodes", "learningRate", "traceDecay", "tilings", "tiles"],
      when: ({ method }) => method === "tiles",
      needs: "--method tiles",
    },
    { names: ["steps"], when: ({ method }) => method === "dqn", needs: "--method dqn" },
  ),

  async run(context, options) {
    if (options.method === "dqn") return trainAgent(context, training(options), { ...options, episodes: 100 }, "Mountain car by dqn");
    const { environment, agent } = learning(options, context.seed);
    const history = await trainByEpisodes(context, { environment, agent }, options.episodes);

    const evaluationReturn = rl.meanReturn(evaluateAgent(context, { environment, agent }));
    context.record(options.episodes, { evaluationReturn });
    await context.plot("return", {
      title: "Mountain car: return of the episodes of the training",
      xLabel: "episodes",
      yLabel: "return",
      series: [seriesOf(history, "episodeReturn", "while learning")],
    });
    await leaveMaps(context, "values", [surface(environment.observationSpace, agent)]);
    await leaveEpisode(context, environment, (observation) => agent.greedy(observation), {
      seed: drawnSeed,
      title: "Mountain car, an episode of the learnt policy",
      framesPerSecond: 30,
    });
    context.print(`\nreturn of 100 episodes: ${evaluationReturn.toFixed(2)}`);
  },

  predict: {
    text: episodeText,
    async run(context, options, text) {
      if (options.method === "dqn") return playTrained(context, training(options), text);
      const { environment, agent } = learning(options, context.seed);
      await context.restore({ agent });
      await showEpisode(context, environment, (observation) => agent.greedy(observation), text);
    },
  },
});

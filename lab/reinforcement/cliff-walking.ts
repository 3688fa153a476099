import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import * as option from "../options.js";
import { episodeText, gridMap, leaveEpisode, leaveMaps, showEpisode } from "./episode.js";
import { drawnSeed, firstSeed, mean, Sums } from "./training.js";

const methods = { qLearning: "Q-learning", sarsa: "SARSA", expectedSarsa: "expected SARSA" } as const;
type Method = keyof typeof methods;
const names = Object.keys(methods) as Method[];

const schema = z.object({
  episodes: z.int().min(10).default(500).meta({ description: "episodes that each agent learns from", unit: "episodes" }),
  repeats: z.int().min(1).default(200).describe("independent runs whose mean the curves show; the first one's policies are drawn"),
  learningRate: option.learningRate("the values").max(1).default(0.5),
  epsilon: z.number().min(0).max(1).default(0.1).describe("how often an action is drawn at random"),
});

type Options = z.output<typeof schema>;

/** A policy that walks in circles is cut off. */
const makeCliff = () => new rl.CliffWalking({ maxSteps: 10_000 });

/** For policies that are drawn: 13 steps are the fewest. */
const shortCliff = () => new rl.CliffWalking({ maxSteps: 100 });

function makeAgent(target: Method, { learningRate, epsilon }: Options, seed: number): rl.ActionValueAgent {
  const { observationSpace, actions } = makeCliff();
  const exploration = rl.epsilonGreedy(epsilon);
  return new rl.ActionValueAgent({ features: rl.tableFeatures(observationSpace), actions, target, learningRate, exploration, seed });
}

/** The agents of the first run, by method. */
const firstAgents = (options: Options, seed: number) =>
  Object.fromEntries(names.map((name) => [name, makeAgent(name, options, seed)])) as Record<Method, rl.ActionValueAgent>;

/** The cells that a policy comes through from the start, in an environment where nothing is left to chance. */
function pathOf(agent: rl.ActionValueAgent): { path: Set<number>; return: number } {
  const cliff = shortCliff();
  const path = new Set<number>();
  const { return: sum } = rl.playEpisode(cliff, (observation) => agent.greedy(observation), { before: () => path.add(cliff.place) });
  return { path, return: sum };
}

/** Compares learning on the policy and off it, at the edge of a cliff (Sutton and Barto, example 6.6). */
export const cliffWalking = defineExperiment({
  name: "cliff-walking",
  title: "Cliff walking: Q-learning takes the shortest path, SARSA the safe one",
  chapter: "reinforcement",
  options: schema,

  async run(context, options) {
    const { episodes, repeats } = options;
    const first = firstAgents(options, (1000 * context.seed) % 2 ** 32);
    const sums = new Sums(names, episodes);

    // A step is a run of all methods; those of the first run are kept.
    await context.fit({
      state: { sums, ...first },
      steps: repeats,
      stepsPerCall: () => 1,
      recordEvery: Math.ceil(repeats / 20),
      step: async (_, __, done) => {
        const seed = (firstSeed(0, context.seed, repeats) + done) % 2 ** 32;
        const returns = names.map((name) => {
          const agent = done === 0 ? first[name] : makeAgent(name, options, seed);
          const cliff = makeCliff();
          cliff.reset(seed);
          const curve = Array.from({ length: episodes }, () => rl.trainEpisode(agent, cliff).return);
          curve.forEach((value, episode) => sums.add(name, episode, value));
          return [`${name}Return`, mean(curve.slice(-Math.ceil(episodes / 5)))] as const;
        });
        return Object.fromEntries(returns);
      },
    });

    // Report: returns while learning, over the last fifth of the episodes, and those of the best actions afterwards.
    const curves = names.map((name) => ({ name, y: sums.mean(name, repeats) }));
    const online = Object.fromEntries(curves.map(({ name, y }) => [`${name}Online`, mean(y.slice(-Math.ceil(episodes / 5)))]));
    const paths = Object.fromEntries(names.map((name) => [name, pathOf(first[name])])) as Record<Method, ReturnType<typeof pathOf>>;
    const greedy = Object.fromEntries(names.map((name) => [`${name}Greedy`, paths[name].return]));
    context.record(repeats, { ...online, ...greedy });
    const every = Math.ceil(episodes / 50);
    const points = Array.from({ length: Math.floor(episodes / every) }, (_, i) => i);
    // The first episodes, whose returns are far below, would flatten all others.
    const shown = (y: readonly number[]) => {
      const means = points.map((i) => mean(y.slice(i * every, (i + 1) * every)));
      const begin = means.findIndex((value) => value >= -150);
      return means.map((value, i) => (i < begin ? Number.NaN : value));
    };
    await context.plot("return", {
      title: `Cliff walking: returns while learning, the mean of ${repeats} runs`,
      xLabel: "episodes",
      yLabel: "return",
      series: curves.map(({ name, y }) => ({
        name: methods[name],
        x: points.map((i) => (i + 1) * every),
        y: shown(y),
      })),
    });
    await leaveMaps(
      context,
      "paths",
      names.map((name) => {
        const { path, return: sum } = paths[name];
        const title = `${methods[name]}: the path of its best actions, return ${sum}`;
        return gridMap(
          title,
          makeCliff(),
          (state) => first[name].valuesOf([state]),
          (letter, state) => path.has(state) && letter !== "G",
        );
      }),
    );
    await leaveEpisode(context, shortCliff(), (observation) => first.qLearning.greedy(observation), {
      seed: drawnSeed,
      title: "Cliff walking, an episode of the policy by Q-learning",
      framesPerSecond: 5,
    });
    context.print("\nReturns while learning, in the last fifth of the episodes, and of the best actions afterwards:");
    for (const name of names) context.print(`${methods[name]}: ${online[`${name}Online`]?.toFixed(2)}, ${paths[name].return}`);
  },

  predict: {
    text: episodeText,
    options: z.object({ method: z.enum(["qLearning", "sarsa", "expectedSarsa"]).default("qLearning").describe("whose policy plays") }),
    async run(context, options, text, flags) {
      const agents = firstAgents(options, 0);
      const method = flags.method as Method;
      await context.restore({ [method]: agents[method] });
      await showEpisode(context, shortCliff(), (observation) => agents[method].greedy(observation), text);
    },
  },
});

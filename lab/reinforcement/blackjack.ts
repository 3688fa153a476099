import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { seriesOf } from "../plot/chart.js";
import type { HeatMap } from "../plot/heatMap.js";
import { blackjackModel, blackjackStart, blackjackState } from "./blackjackModel.js";
import { episodeText, leaveEpisode, leaveMaps, showEpisode } from "./episode.js";
import { drawnSeed, episodesOption, evaluateAgent, trainByEpisodes } from "./training.js";

const schema = z.object({
  method: z.enum(["monteCarlo", "qLearning"]).default("monteCarlo").describe("whether values follow the ends of games, or each other"),
  episodes: episodesOption().default(500_000),
  epsilon: z.number().min(0).max(1).default(0.1).describe("how often an action is drawn at random"),
});

type Options = z.output<typeof schema>;

function learning({ method, epsilon }: Options, seed: number) {
  const environment = new rl.Blackjack();
  const agent = new rl.ActionValueAgent({
    features: rl.tableFeatures(environment.observationSpace),
    actions: 2,
    target: method === "monteCarlo" ? "sarsa" : "qLearning",
    steps: method === "monteCarlo" ? Number.POSITIVE_INFINITY : 1,
    learningRate: "average",
    exploration: rl.epsilonGreedy(epsilon),
    seed,
  });
  return { environment, agent };
}

/** The action for each sum from 21 down to 12 and each card of the dealer's, ace first; values are what sticking is better by. */
function policyMap(title: string, valuesOf: (sum: number, card: number) => ArrayLike<number>): HeatMap {
  const cells = Array.from({ length: 10 }, (_, i) =>
    Array.from({ length: 10 }, (_, j) => Array.from(valuesOf(21 - i, j + 1)) as [number, number]),
  );
  const of = <T>(cell: (values: [stick: number, hit: number]) => T) => cells.map((row) => row.map(cell));
  return {
    title,
    values: of(([stick, hit]) => stick - hit),
    marks: of(([stick, hit]) => (hit > stick ? "H" : "·")),
    x: { label: "dealer's card, ace as 1", from: 1, to: 10 },
    y: { label: "player's sum", from: 12, to: 21 },
  };
}

/** Learns blackjack from the ends of games, beside the optimum. */
export const blackjack = defineExperiment({
  name: "blackjack",
  title: "Blackjack: the Monte Carlo method learns when to stick, beside the optimum",
  chapter: "reinforcement",
  options: schema,

  async run(context, options) {
    const { environment, agent } = learning(options, context.seed);
    const history = await trainByEpisodes(context, { environment, agent }, options.episodes);

    // Report: what a game is worth to the learnt policy and to the best one, exactly, and in 100 games.
    const best = rl.valueIteration(blackjackModel);
    const policy = Int32Array.from({ length: blackjackModel.states }, (_, state) => {
      return agent.greedy([Math.floor(state / 22), Math.floor(state / 2) % 11, state % 2]);
    });
    const value = blackjackStart(rl.policyValues(blackjackModel, policy));
    const optimum = blackjackStart(best.values);
    context.record(options.episodes, {
      value,
      belowOptimum: optimum - value,
      evaluationReturn: rl.meanReturn(evaluateAgent(context, { environment, agent })),
    });
    await context.plot("return", {
      title: "Blackjack: mean reward of the games of the training",
      xLabel: "games",
      yLabel: "reward",
      series: [seriesOf(history, "episodeReturn", "while exploring")],
    });
    const learnt = (ace: number) => (sum: number, card: number) => Array.from(agent.valuesOf([sum, card, ace]));
    const optimal = (ace: number) => (sum: number, card: number) => {
      const state = blackjackState(sum, card, ace);
      return best.actionValues.subarray(2 * state, 2 * state + 2);
    };
    await leaveMaps(context, "policy", [
      policyMap("Learnt, no ace that counts as 11 (H: takes a card)", learnt(0)),
      policyMap("The optimum, no ace that counts as 11", optimal(0)),
      policyMap("Learnt, with an ace that counts as 11", learnt(1)),
      policyMap("The optimum, with an ace that counts as 11", optimal(1)),
    ]);
    await leaveEpisode(context, environment, (observation) => agent.greedy(observation), {
      seed: drawnSeed,
      title: "Blackjack, a game of the learnt policy",
      framesPerSecond: 1,
    });
    context.print(`\na game is worth ${value.toFixed(4)} to the learnt policy, ${optimum.toFixed(4)} to the best one`);
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

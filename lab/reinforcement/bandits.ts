import { rl } from "kasane";
import { z } from "zod";
import { defineExperiment } from "../experiment.js";
import { Sums } from "./training.js";

const schema = z.object({
  problems: z.int().min(1).default(2000).describe("bandits that each method plays"),
  pulls: z.int().min(2).max(100_000).default(1000).meta({ description: "arms that are pulled of each", unit: "pulls" }),
  arms: z.int().min(2).max(1000).default(10).describe("arms of a bandit"),
});

type Options = z.output<typeof schema>;

/** A way to play: a new agent for each problem. */
interface Player {
  readonly name: string;
  /** The mean of the arms' values. */
  readonly meanValue?: number;
  make(arms: number, seed: number): rl.Agent;
}

/** Values that follow the means of the rewards, or a constant step size, and a way to explore. */
const byValues = (name: string, exploration: rl.Exploration, more: Partial<rl.ActionValueOptions> = {}): Player => ({
  name,
  make: (actions, seed) => {
    const features = rl.tableFeatures(new rl.Discrete(1));
    // There is one state, and what comes after a pull does not depend on it.
    return new rl.ActionValueAgent({
      features,
      actions,
      target: "sarsa",
      discount: 0,
      learningRate: "average",
      exploration,
      seed,
      ...more,
    });
  },
});

const byGradient = (name: string, learningRate: number, baseline: boolean): Player => ({
  name,
  meanValue: 4,
  make: (actions, seed) => new rl.GradientBandit({ actions, learningRate, baseline, seed }),
});

/** The figures of Sutton and Barto's chapter 2, and one of two more ways to explore. */
const figures: Readonly<Record<string, { readonly title: string; readonly players: readonly Player[] }>> = {
  greedy: {
    title: "Greedy and epsilon-greedy choice (Sutton and Barto, figure 2.2)",
    players: [
      byValues("epsilon 0.1", rl.epsilonGreedy(0.1)),
      byValues("epsilon 0.01", rl.epsilonGreedy(0.01)),
      byValues("greedy", rl.epsilonGreedy(0)),
    ],
  },
  optimistic: {
    title: "Optimistic first values (figure 2.3; step size 0.1)",
    players: [
      byValues("first values 5, greedy", rl.epsilonGreedy(0), { initialValue: 5, learningRate: 0.1 }),
      byValues("first values 0, epsilon 0.1", rl.epsilonGreedy(0.1), { learningRate: 0.1 }),
    ],
  },
  confidence: {
    title: "Upper confidence bounds (figure 2.4)",
    players: [byValues("UCB, c = 2", rl.upperConfidenceBound(2)), byValues("epsilon 0.1 (as in 2.2)", rl.epsilonGreedy(0.1))],
  },
  gradient: {
    title: "Gradient bandits, values around 4 (figure 2.5)",
    players: [
      byGradient("step 0.1, baseline", 0.1, true),
      byGradient("step 0.4, baseline", 0.4, true),
      byGradient("step 0.1, no baseline", 0.1, false),
      byGradient("step 0.4, no baseline", 0.4, false),
    ],
  },
  sampling: {
    title: "Thompson sampling and softmax",
    players: [byValues("Thompson sampling", rl.thompsonSampling()), byValues("softmax, temperature 0.25", rl.softmaxExploration(0.25))],
  },
};

const players = Object.entries(figures).flatMap(([figure, { players }]) =>
  players.map((player, i) => ({ ...player, key: `${figure}${i}` })),
);

/** Plays a bandit; adds each pull's reward, and whether it was of the best arm, to the sums. */
function play({ key, make, meanValue = 0 }: (typeof players)[number], { arms, pulls }: Options, seed: number, sums: Sums): number {
  const bandit = new rl.Bandit({ arms, meanValue, maxSteps: pulls });
  bandit.reset(seed);
  const agent = make(arms, seed);
  const best = bandit.bestArm;
  let total = 0;
  let action = agent.begin([0]);
  for (let pull = 0; pull < pulls; pull++) {
    bandit.step(action);
    total += bandit.reward;
    sums.add(`${key}Reward`, pull, bandit.reward);
    sums.add(`${key}Best`, pull, action === best ? 100 : 0);
    action = agent.learn(bandit.reward, [0], false, false);
  }
  return total / pulls;
}

/** Plays the ten-armed testbed by ways to explore. */
export const bandits = defineExperiment({
  name: "bandits",
  title: "Bandits: ways to explore on the ten-armed testbed of Sutton and Barto",
  chapter: "reinforcement",
  options: schema,

  async run(context, options) {
    const { problems, pulls } = options;
    const curves = new Sums(
      players.flatMap(({ key }) => [`${key}Reward`, `${key}Best`]),
      pulls,
    );

    // A step is a problem, played by all.
    await context.fit({
      state: { curves },
      steps: problems,
      stepsPerCall: () => 1,
      recordEvery: Math.ceil(problems / 20),
      step: async (_, __, done) => {
        const seed = (problems * context.seed + done) % 2 ** 32;
        return Object.fromEntries(players.map((player) => [player.key, play(player, options, seed, curves)]));
      },
    });

    const last: Record<string, number> = {};
    for (const [figure, { title, players }] of Object.entries(figures)) {
      for (const [name, label] of [
        ["Reward", "mean reward"],
        ["Best", "pulls of the best arm (%)"],
      ] as const) {
        const series = players.map((player, i) => {
          const y = curves.mean(`${figure}${i}${name}`, problems);
          last[`${figure}${i}${name}`] = y.slice(-Math.ceil(pulls / 10)).reduce((sum, value) => sum + value, 0) / Math.ceil(pulls / 10);
          return { name: player.name, x: y.map((_, pull) => pull + 1), y };
        });
        await context.plot(`${figure}-${name.toLowerCase()}`, { title, xLabel: "pulls", yLabel: label, series });
      }
      for (const [i, { name }] of players.entries()) {
        const [reward, best] = [last[`${figure}${i}Reward`] as number, last[`${figure}${i}Best`] as number];
        context.print(`${name}: reward ${reward.toFixed(3)}, the best arm in ${best.toFixed(1)} % (the last tenth of the pulls)`);
      }
    }
    context.record(problems, last);
  },
});

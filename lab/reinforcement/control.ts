import { rl } from "kasane";
import { z } from "zod";
import type { Context, PredictContext } from "../context.js";
import { seriesOf } from "../plot/chart.js";
import { leaveEpisode, type Stage, showEpisode } from "./episode.js";
import { drawnSeed, evaluationSeed, firstSeed, mean } from "./training.js";

/** What an agent with a network is trained on. */
export interface Training {
  readonly agent: rl.NetworkAgent;
  readonly environment: () => Stage;
  /** How many steps are made between two chances to save, a multiple of what the agent learns from at once. */
  readonly part: number;
}

/** The options that all such experiments have. */
export const controlOptions = {
  steps: z
    .int()
    .min(1)
    .default(500_000)
    .meta({ description: "steps of the environment, rounded up to whole parts of the training", unit: "steps" }),
  episodes: z.int().min(1).default(100).describe("episodes that the trained policy is evaluated by"),
};

/** The options that make a {@link rl.Dqn} what its variants are. */
export const dqnVariants = {
  double: z.boolean().default(false).describe("DQN: the online network chooses the action that the target network values"),
  dueling: z.boolean().default(false).describe("DQN: values of states and advantages of actions apart"),
  prioritised: z.boolean().default(false).describe("DQN: transitions with large errors are replayed more often"),
  noisy: z.boolean().default(false).describe("DQN: layers with learnt noise explore"),
  returnSteps: z.int().min(1).max(100).default(1).describe("DQN: rewards added up before a value counts"),
};

/** The names of {@link dqnVariants}. */
export const dqnNames = Object.keys(dqnVariants) as (keyof typeof dqnVariants)[];

/** Seeds of the episodes that choose the best policy: no training begins there, and no evaluation. */
const validationSeed = 2_000_000_000;
const validationEpisodes = 20;
/** How often the policy is validated in a run, and its figures are recorded. */
const [validations, records] = [25, 100];

/** `count` environments of a kind. */
export const several = (count: number, make: () => rl.Environment): rl.VectorEnvironment =>
  new rl.VectorEnvironment(Array.from({ length: count }, make));

/**
 * Trains an agent and evaluates the best of its policies. The best is chosen by episodes of seeds of their own; those that evaluate it are seen once,
 * at the end.
 */
export async function trainAgent(
  context: Context,
  { agent, environment, part }: Training,
  { steps: least, episodes }: { readonly steps: number; readonly episodes: number },
  title: string,
): Promise<void> {
  const steps = part * Math.ceil(least / part);
  const every = (times: number) => part * Math.max(1, Math.round(steps / part / times));
  const returnsOf = async (seed: number, count: number) =>
    rl.evaluatePolicy(await agent.policy(), environment(), { seed: firstSeed(seed, context.seed, count), episodes: count });
  const { history } = await context.fit({
    state: { agent },
    steps,
    stepsPerCall: () => part,
    recordEvery: every(records),
    step: (_, count) => agent.train(count),
    validateEvery: every(validations),
    validate: async () => ({ validationReturn: mean(await returnsOf(validationSeed, validationEpisodes)) }),
    best: { metric: "validationReturn", mode: "max", restore: true },
  });
  await context.plot("return", {
    title: `${title}: returns of the episodes of the training`,
    xLabel: "steps",
    yLabel: "return of an episode",
    series: [seriesOf(history, "episodeReturn", "exploring"), seriesOf(history, "validationReturn", "greedy, other episodes")],
  });
  await leaveEpisode(context, environment(), await agent.policy(), {
    seed: drawnSeed,
    title: `${title}, an episode of the learnt policy`,
    framesPerSecond: 30,
  });
  const returns = await returnsOf(evaluationSeed, episodes);
  const [evaluation, deviation] = [mean(returns), Math.sqrt(mean(returns.map((each) => (each - mean(returns)) ** 2)))];
  context.record(steps, { evaluationReturn: evaluation });
  context.print(
    `\nreturn of ${episodes} episodes of other seeds: ${evaluation.toFixed(2)} on average, ` +
      `standard deviation ${deviation.toFixed(2)}, from ${Math.min(...returns)} to ${Math.max(...returns)}`,
  );
}

/** Plays the episode of a seed with the best policy of a run. */
export async function playTrained(context: PredictContext, { agent, environment }: Training, text: string): Promise<void> {
  await context.restore({ agent }, "best");
  await showEpisode(context, environment(), await agent.policy(), text);
}

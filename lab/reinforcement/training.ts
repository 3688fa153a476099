import { rl } from "kasane";
import type { train } from "kasane/node";
import { z } from "zod";
import type { Context } from "../context.js";

/** An agent that learns from episode to episode, with the environment that it acts in. */
export interface Learning {
  readonly agent: rl.ActionValueAgent;
  readonly environment: rl.Environment<number>;
}

/** `--episodes` of the training. */
export const episodesOption = () => z.int().min(1).meta({ description: "episodes that the agent learns from", unit: "episodes" });

/** Seeds of the episodes that evaluate a policy: no training of a seed below a million begins there. */
export const evaluationSeed = 3_000_000_000;

/** The seed of the first of `count` episodes for a run: those of runs of neighbouring seeds are others. */
export const firstSeed = (start: number, seed: number, count: number): number => (start + Math.max(1000, count) * seed) % 2 ** 32;

/** How often a run records its figures, and can be interrupted. */
const records = 200;

export const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Trains an agent for so many episodes; returns the records. The environment begins from the run's seed. */
export async function trainByEpisodes(
  context: Context,
  { agent, environment }: Learning,
  episodes: number,
): Promise<readonly train.Metrics[]> {
  const part = Math.ceil(episodes / records);
  environment.reset(context.seed);
  const { history } = await context.fit({
    state: { agent, environment },
    steps: episodes,
    stepsPerCall: (done) => Math.min(part, episodes - done),
    recordEvery: part,
    step: async (_, count) => {
      const played = Array.from({ length: count }, () => rl.trainEpisode(agent, environment));
      return { episodeReturn: mean(played.map((episode) => episode.return)), episodeSteps: mean(played.map(({ steps }) => steps)) };
    },
  });
  return history;
}

/** Evaluates an agent's best actions by 100 episodes whose seeds no training begins with. */
export function evaluateAgent(context: Context, { agent, environment }: Learning): rl.Episode[] {
  return rl.evaluate(environment, (observation) => agent.greedy(observation), {
    episodes: 100,
    seed: firstSeed(evaluationSeed, context.seed, 100),
  });
}

/** The best action in each state of a finite environment. */
export const policyOf = (agent: rl.ActionValueAgent, { states }: rl.MarkovModel): Int32Array =>
  Int32Array.from({ length: states }, (_, state) => agent.greedy([state]));

/** The seed of the episode that is drawn. */
export const drawnSeed = 1;

/** Sums of curves over independent runs, as a part of a checkpoint. */
export class Sums {
  private readonly arrays: ReadonlyMap<string, Float64Array<ArrayBuffer>>;

  constructor(names: readonly string[], length: number) {
    this.arrays = new Map(names.map((name) => [name, new Float64Array(length)]));
  }

  /** Adds to a point of a curve. */
  add(name: string, place: number, value: number): void {
    const array = this.arrays.get(name) as Float64Array;
    array[place] = (array[place] as number) + value;
  }

  /** A curve divided by the number of runs. */
  mean(name: string, runs: number): number[] {
    return Array.from(this.arrays.get(name) ?? [], (sum) => sum / runs);
  }

  namedArrays(): ReadonlyMap<string, Float64Array<ArrayBuffer>> {
    return this.arrays;
  }
}

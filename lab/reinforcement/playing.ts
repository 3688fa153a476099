import { setTimeout } from "node:timers/promises";
import { check, rl } from "kasane";
import { files } from "kasane/node";
import type { PredictContext } from "../context.js";

/** An environment that can be looked at. */
export type Game = rl.Environment & rl.Drawable;

/** What is told of a step, and how an episode went. */
interface Step {
  readonly action: rl.Action | undefined;
  readonly observation: readonly number[];
  /** The sum of the rewards so far. */
  readonly total: number;
}

/** Plays the episode of a seed. `each` is told of its beginning and then of every step. */
async function play(game: Game, policy: rl.Policy, seed: number, each: (step: Step) => void | Promise<void>): Promise<number> {
  const observation = new Float32Array(game.observationSpace.size);
  let total = 0;
  game.reset(seed);
  game.observe(observation);
  await each({ action: undefined, observation: Array.from(observation), total });
  while (!game.ended) {
    const chosen = await policy(observation);
    // The policy's array is written over by its next choice.
    const action = typeof chosen === "number" ? chosen : Array.from(chosen);
    game.step(action);
    total += game.reward;
    game.observe(observation);
    await each({ action, observation: Array.from(observation), total });
  }
  return total;
}

/** The most pictures of an episode, and how many are shown in a second. */
const [mostFrames, framesPerSecond] = [500, 30];

/** Leaves the episode of a seed in the run folder as `episode.svg`, an animated picture. Of a long one it has the beginning. */
export async function leaveEpisode(context: PredictContext, game: Game, policy: rl.Policy, seed: number, title: string): Promise<void> {
  const [pictures, captions]: [rl.Picture[], string[]] = [[], []];
  await play(game, policy, seed, ({ total }) => {
    if (pictures.length === mostFrames) return;
    pictures.push(game.draw());
    captions.push(`step ${game.steps}, return ${Number(total.toPrecision(5))}`);
  });
  await files.writeAtomically(context.folder.file("episode.svg"), rl.drawFrames(pictures, { title, captions, framesPerSecond }));
}

/** What `kasane predict` takes in the experiments that play. */
export const episodeText = 'the seed of an episode to play, such as "7"';

/** Plays the episode of the seed in `text`: in a terminal as it goes, else with a line for each step. */
export async function playEpisode(context: PredictContext, game: Game, policy: rl.Policy, text: string): Promise<void> {
  const seed = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : Number.NaN;
  check(Number.isInteger(seed), () => `predict: got "${text}", expected an integer from 0, the seed of an episode`);
  const isLive = process.stdout.isTTY && !context.isJson;
  let drawn = 0;
  const total = await play(game, policy, seed, async ({ action, observation, total }) => {
    if (isLive) {
      const picture = `${rl.textOf(game)}\nstep ${game.steps}, return ${Number(total.toPrecision(5))}`;
      const lines = picture.split("\n");
      process.stdout.write(`${drawn > 0 ? `\x1b[${drawn}A` : ""}${lines.map((line) => `\x1b[2K${line}\n`).join("")}`);
      drawn = lines.length;
      await setTimeout(1000 / framesPerSecond);
    } else if (action !== undefined) {
      const shown = typeof action === "number" ? `${action}` : Array.from(action, (number) => number.toFixed(3)).join(" ");
      const { steps: step, reward } = game;
      context.print(`${`${step}`.padStart(4)}   action ${shown}   reward ${Number(reward.toPrecision(4))}`, {
        ...{ event: "step", step, action, reward, observation },
      });
    }
  });
  const end = game.terminated ? "ended" : "was cut off by the time limit";
  context.print(`the episode ${end} after ${game.steps} steps; return ${Number(total.toPrecision(6))}`, {
    ...{ event: "episode", seed, steps: game.steps, return: total, terminated: game.terminated },
  });
}

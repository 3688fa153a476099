import { check, rl } from "kasane";
import { files } from "kasane/node";
import type { Context, PredictContext } from "../context.js";
import { drawHeatMaps, type HeatMap, heatMapText } from "../plot/heatMap.js";

/** An environment that can be looked at. */
export type Stage<A extends rl.Action = rl.Action> = rl.Environment<A> & rl.Drawable;

/** What an agent does, given an observation. */
export type Policy<A extends rl.Action = rl.Action> = (observation: Float32Array<ArrayBuffer>) => A | Promise<A>;

/** Options of {@link leaveEpisode}. */
interface EpisodeOptions {
  readonly seed: number;
  readonly title: string;
  readonly framesPerSecond?: number;
}

/** What `kasane predict` takes in these experiments. */
export const episodeText = 'the seed of an episode to play, such as "7"';

/** How long a step is shown in a terminal. */
const stepMilliseconds = 80;

/** Plays an episode; calls `see` at its beginning and after each step, with the sum of the rewards so far. */
async function play<A extends rl.Action>(
  environment: Stage<A>,
  policy: Policy<A>,
  seed: number,
  see: (sum: number, action: A | undefined) => Promise<void> | void,
): Promise<number> {
  const observation = new Float32Array(environment.observationSpace.size);
  environment.reset(seed);
  let sum = 0;
  await see(sum, undefined);
  while (!environment.ended) {
    environment.observe(observation);
    const action = await policy(observation);
    environment.step(action);
    sum += environment.reward;
    await see(sum, action);
  }
  return sum;
}

/** The most pictures of an episode. */
const mostPictures = 500;

/** Leaves an episode of a policy in the run folder, as the animated picture `episode.svg`. Of a long one it has the beginning. */
export async function leaveEpisode<A extends rl.Action>(
  context: Context,
  environment: Stage<A>,
  policy: Policy<A>,
  { seed, title, framesPerSecond = 15 }: EpisodeOptions,
): Promise<void> {
  const pictures: rl.Picture[] = [];
  const captions: string[] = [];
  await play(environment, policy, seed, (sum) => {
    if (pictures.length === mostPictures) return;
    pictures.push(environment.draw());
    captions.push(`step ${environment.steps}, return ${Number(sum.toPrecision(6))}`);
  });
  const drawn = rl.drawFrames(pictures, { title, captions, framesPerSecond });
  await files.writeAtomically(context.folder.file("episode.svg"), drawn);
}

/** Plays an episode in the terminal, or as lines of JSON; `text` is its seed. */
export async function showEpisode<A extends rl.Action>(
  context: PredictContext,
  environment: Stage<A>,
  policy: Policy<A>,
  text: string,
): Promise<void> {
  const seed = /^\s*\d{1,9}\s*$/.test(text) ? Number(text) : Number.NaN;
  check(Number.isInteger(seed), () => `predict: got "${text}", expected an integer from 0, the seed of an episode`);
  const sum = await play(environment, policy, seed, async (sum, action) => {
    const drawn = `${rl.textOf(environment)}\nstep ${environment.steps}, return ${Number(sum.toPrecision(6))}`;
    const taken = action === undefined || typeof action === "number" ? action : Array.from(action);
    await context.frame(
      drawn,
      { event: "step", step: environment.steps, action: taken, reward: environment.reward, return: sum },
      stepMilliseconds,
    );
  });
  const { steps, terminated } = environment;
  const end = terminated ? "ended" : "was cut off by the time limit";
  context.print(`the episode ${end} after ${steps} steps; return ${Number(sum.toPrecision(6))}`, {
    event: "episode",
    seed,
    steps,
    return: sum,
    terminated,
  });
}

/** Leaves maps in the run folder as `NAME.svg`, and draws them in the terminal. */
export async function leaveMaps(context: Context, name: string, maps: readonly HeatMap[]): Promise<void> {
  await files.writeAtomically(context.folder.file(`${name}.svg`), drawHeatMaps(maps));
  for (const map of maps) context.print(`\n${heatMapText(map)}`);
}

/** A map of a grid: the arrow of the best action and its value in each cell. Cells where `isShown` is false are left grey. */
export function gridMap(
  title: string,
  grid: rl.GridEnvironment,
  valuesOf: (state: number) => ArrayLike<number>,
  isShown: (letter: string, state: number) => boolean,
): HeatMap {
  const best = (state: number) => {
    const values = Array.from(valuesOf(state));
    return { value: Math.max(...values), arrow: grid.moves[values.indexOf(Math.max(...values))]?.arrow ?? "" };
  };
  const cells = grid.map.map((row, i) =>
    [...row].map((letter, j) => {
      const state = i * row.length + j;
      return isShown(letter, state) ? best(state) : { value: Number.NaN, arrow: letter };
    }),
  );
  return {
    title,
    values: cells.map((row) => row.map(({ value }) => value)),
    marks: cells.map((row) => row.map(({ arrow }) => arrow)),
    showValues: true,
  };
}

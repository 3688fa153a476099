import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import type { EnvironmentOptions } from "../environment.js";
import { GridEnvironment, moves } from "./grid.js";

/** Gymnasium's maps, with the time limits of their episodes. */
const maps = {
  "4x4": { map: ["SFFF", "FHFH", "FFFH", "HFFG"], maxSteps: 100 },
  "8x8": { map: ["SFFFFFFF", "FFFFFFFF", "FFFHFFFF", "FFFFFHFF", "FFFHFFFF", "FHHFFFHF", "FHFFHFHF", "FFFHFFFG"], maxSteps: 200 },
} as const;

/** Options of {@link FrozenLake}. */
export interface FrozenLakeOptions extends EnvironmentOptions {
  /** A map of Gymnasium's by its size, or rows of `S` (start), `F` (frozen), `H` (hole) and `G` (goal). By default 4x4. */
  readonly map?: keyof typeof maps | readonly string[];
  /** Whether an action goes along its direction, and to either side of it, with a probability of 1/3 each. By default so. */
  readonly slippery?: boolean;
}

/**
 * A walk over a frozen lake to a goal, whose reward is 1, past holes that end an episode: to the left (0), down (1), to the right (2) or up (3). An
 * episode of the map 4x4 is truncated after 100 steps, and of 8x8 after 200. Gymnasium's `FrozenLake-v1`.
 */
export class FrozenLake extends GridEnvironment {
  constructor(options: FrozenLakeOptions = {}) {
    checkOptions<FrozenLakeOptions>("FrozenLake", options, { map: "optional", slippery: "optional", maxSteps: "optional" });
    const { map: chosen = "4x4", slippery = true, maxSteps } = options;
    const known = typeof chosen === "string" ? maps[chosen] : { map: chosen, maxSteps: 100 };
    check(known !== undefined, () => `FrozenLake: got the map ${chosen}, expected ${Object.keys(maps).join(" or ")}, or rows of letters`);
    const { map } = known;
    const isMap = map.every((row) => row.length === map[0]?.length && /^[SFHG]+$/.test(row)) && map.join("").split("S").length === 2;
    check(isMap, () => `FrozenLake: got the map ${map.join(" ")}, expected rows of one length, of the letters S (once), F, H and G`);
    super("FrozenLake", {
      map,
      moves: moves.fromLeft,
      slippery,
      maxSteps: maxSteps ?? known.maxSteps,
      enter: (letter) => ({ reward: letter === "G" ? 1 : 0, terminated: letter === "G" || letter === "H" }),
      absorbs: (letter) => letter === "G" || letter === "H",
    });
  }
}

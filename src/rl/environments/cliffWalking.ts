import { checkOptions } from "../../graph/options.js";
import type { EnvironmentOptions } from "../environment.js";
import { GridEnvironment, moves } from "./grid.js";

/** Options of {@link CliffWalking}. */
export interface CliffWalkingOptions extends EnvironmentOptions {
  /** Whether an action goes along its direction, and to either side of it, with a probability of 1/3 each. By default not. */
  readonly slippery?: boolean;
}

/**
 * A walk along a cliff: up (0), to the right (1), down (2) or to the left (3), with a reward of -1 a step. Who falls off the cliff gets -100 and is
 * back at the start; an episode ends at the goal alone, so a policy that never gets there needs the option `maxSteps`. Sutton and Barto (2018),
 * Reinforcement Learning, example 6.6; Gymnasium's `CliffWalking-v1`.
 */
export class CliffWalking extends GridEnvironment {
  constructor(options: CliffWalkingOptions = {}) {
    checkOptions<CliffWalkingOptions>("CliffWalking", options, { slippery: "optional", maxSteps: "optional" });
    super("CliffWalking", {
      map: [".".repeat(12), ".".repeat(12), ".".repeat(12), `S${"C".repeat(10)}G`],
      moves: moves.fromUp,
      slippery: options.slippery ?? false,
      maxSteps: options.maxSteps,
      enter: (letter) => ({ reward: letter === "C" ? -100 : -1, terminated: letter === "G", returns: letter === "C" }),
      absorbs: () => false,
    });
  }
}

import { check } from "../../graph/error.js";
import { checkOptions } from "../../graph/options.js";
import { Environment, type EnvironmentOptions } from "../environment.js";
import { type Drawable, type Picture, rectangle, type Shape } from "../picture.js";
import { Box, Discrete } from "../space.js";

/** The cells on each side of the board. */
export const size = 10;

/** The actions of all games. A game takes those that it has no use for as the first. */
export const [nothing, left, up, right, down, fire] = [0, 1, 2, 3, 4, 5];

/** What stands on the board in one plane of the observation. */
export interface Plane {
  readonly name: string;
  /** How it is drawn, in a picture and in text. */
  readonly colour: string;
  readonly letter: string;
}

/** Options of the small Atari games. */
export interface MiniatureGameOptions extends EnvironmentOptions {
  /** How often the last action is repeated in place of the one given, by default 0.1. */
  readonly stickyProbability?: number;
}

/**
 * A game on a board of 10 by 10 cells, after one of Atari's: Young and Tian (2019), MinAtar: An Atari-inspired testbed for thorough and reproducible
 * reinforcement learning experiments. The rules are the paper's; times that it leaves open are named at the top of each game. Observations are planes
 * `[planes, 10, 10]` of zeros and ones, a plane for each sort of thing; actions are nothing (0), left, up, right, down (4) and fire (5).
 */
export abstract class MiniatureGame extends Environment<number> implements Drawable {
  readonly observationSpace: Box;
  readonly actionSpace = new Discrete(6);
  /** What a game keeps beside the last action. */
  protected readonly board: Float64Array;
  private readonly stickyProbability: number;

  constructor(
    name: string,
    readonly planes: readonly Plane[],
    boardSize: number,
    options: MiniatureGameOptions,
    maxSteps?: number,
  ) {
    checkOptions<MiniatureGameOptions>(name, options, { stickyProbability: "optional", maxSteps: "optional" });
    super(name, 1 + boardSize, options.maxSteps ?? maxSteps);
    const { stickyProbability = 0.1 } = options;
    check(
      stickyProbability >= 0 && stickyProbability < 1,
      () => `${name}: got stickyProbability ${stickyProbability}, expected a number from 0, below 1`,
    );
    this.stickyProbability = stickyProbability;
    this.observationSpace = new Box(0, 1, [planes.length, size, size]);
    this.board = this.state.subarray(1);
  }

  protected begin(): void {
    this.state.fill(0);
    this.start();
  }

  protected advance(action: number): number {
    const { state, stickyProbability } = this;
    const taken = stickyProbability > 0 && this.random.uniform() < stickyProbability ? (state[0] as number) : action;
    state[0] = taken;
    return this.play(taken);
  }

  observe(into: Float32Array, at = 0): void {
    into.fill(0, at, at + this.planes.length * size * size);
    this.show((plane, row, column) => {
      if (row >= 0 && row < size && column >= 0 && column < size) into[at + (plane * size + row) * size + column] = 1;
    });
  }

  draw(): Picture {
    const shapes: Shape[] = [];
    this.show((plane, row, column) => {
      if (row >= 0 && row < size && column >= 0 && column < size)
        shapes.push(rectangle(column + 0.05, row + 0.05, 0.9, 0.9, (this.planes[plane] as Plane).colour));
    });
    // What comes first, the player, is drawn last.
    return { width: size, height: size, shapes: [rectangle(0, 0, size, size, "#f6f6f2"), ...shapes.reverse()] };
  }

  text(): string {
    const letters = new Array<string>(size * size).fill(" ");
    const of = new Array<number>(size * size).fill(this.planes.length);
    this.show((plane, row, column) => {
      const cell = row * size + column;
      if (row < 0 || row >= size || column < 0 || column >= size || (of[cell] as number) <= plane) return;
      letters[cell] = (this.planes[plane] as Plane).letter;
      of[cell] = plane;
    });
    const border = `+${"-".repeat(2 * size)}+`;
    return [
      border,
      ...Array.from({ length: size }, (_, row) => `|${letters.slice(row * size, (row + 1) * size).join(" ")} |`),
      border,
    ].join("\n");
  }

  /** Sets up the board, which is all 0. */
  protected abstract start(): void;

  /** Plays a frame. Returns the reward. */
  protected abstract play(action: number): number;

  /** Calls `mark` for all that stands on the board; what is outside is left out. */
  protected abstract show(mark: (plane: number, row: number, column: number) => void): void;
}

/** A number from `low` to `high`, or the nearest end. */
export const within = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

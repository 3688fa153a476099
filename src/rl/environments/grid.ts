import { FiniteEnvironment, type Transition } from "../finite.js";

/** A move on a grid. */
export interface Move {
  readonly down: number;
  readonly right: number;
  /** As maps of policies draw it. */
  readonly arrow: string;
}

const left = { down: 0, right: -1, arrow: "←" };
const down = { down: 1, right: 0, arrow: "↓" };
const right = { down: 0, right: 1, arrow: "→" };
const up = { down: -1, right: 0, arrow: "↑" };

/** Moves in the orders that Gymnasium numbers them in. Those beside a move are the ones across it. */
export const moves = { fromLeft: [left, down, right, up], fromUp: [up, right, down, left], compass: [down, up, right, left] } as const;

/** What a {@link GridEnvironment} is made of. */
export interface GridDescription {
  /** The rows of the map, a letter a cell. `S` is where episodes begin. */
  readonly map: readonly string[];
  /** What each action moves by. Of a slippery grid they are around the compass. */
  readonly moves: readonly Move[];
  /** Whether an action moves across its direction to either side as often as along it. */
  readonly slippery: boolean;
  readonly maxSteps: number | undefined;
  /** What comes of moving onto a cell: how it is rewarded, and where it leads if not there. */
  readonly enter: (letter: string) => { readonly reward: number; readonly terminated: boolean; readonly returns?: boolean };
  /** Whether nothing changes in a cell any more. */
  readonly absorbs: (letter: string) => boolean;
}

/** An environment on a grid. Its states are the cells, row by row; a move off the grid stays where it is. */
export abstract class GridEnvironment extends FiniteEnvironment {
  readonly map: readonly string[];
  readonly moves: readonly Move[];

  constructor(name: string, { map, moves, slippery, maxSteps, enter, absorbs }: GridDescription) {
    const rows = map.length;
    const columns = (map[0] as string).length;
    const letters = map.join("");
    const start = letters.indexOf("S");
    const step = (state: number, { down, right }: Move): Omit<Transition, "probability"> => {
      const row = Math.min(Math.max(Math.floor(state / columns) + down, 0), rows - 1);
      const column = Math.min(Math.max((state % columns) + right, 0), columns - 1);
      const next = row * columns + column;
      const { reward, terminated, returns = false } = enter(letters[next] as string);
      return { next: returns ? start : next, reward, terminated };
    };
    super(name, {
      states: rows * columns,
      actions: moves.length,
      starts: [start],
      maxSteps,
      transitions: (state, action) => {
        if (absorbs(letters[state] as string)) return [{ probability: 1, next: state, reward: 0, terminated: true }];
        const turns = slippery ? [moves.length - 1, 0, 1] : [0];
        const taken = turns.map((turn) => moves[(action + turn) % moves.length] as Move);
        return taken.map((move) => ({ probability: 1 / turns.length, ...step(state, move) }));
      },
    });
    this.map = map;
    this.moves = moves;
  }
}

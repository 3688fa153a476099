import { FiniteEnvironment, type Transition } from "../finite.js";
import { type Drawable, type Picture, rectangle } from "../picture.js";

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

/** How cells are drawn, by their letters. */
const colours: Readonly<Record<string, string>> = { S: "#cfe8cf", F: "#e6f1f9", H: "#35506b", G: "#f0c020", ".": "#f3f0e8", C: "#7a5c45" };

/** An environment on a grid. Its states are the cells, row by row; a move off the grid stays where it is. */
export abstract class GridEnvironment extends FiniteEnvironment implements Drawable {
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

  draw(): Picture {
    const columns = (this.map[0] as string).length;
    const cells = [...this.map.join("")].map((letter, cell) => {
      return rectangle((cell % columns) + 0.02, Math.floor(cell / columns) + 0.02, 0.96, 0.96, colours[letter] ?? "#ffffff");
    });
    const centre = [(this.place % columns) + 0.5, Math.floor(this.place / columns) + 0.5] as const;
    return { width: columns, height: this.map.length, shapes: [...cells, { kind: "circle", centre, radius: 0.28, colour: "#d55e00" }] };
  }

  text(): string {
    const columns = (this.map[0] as string).length;
    const cell = (letter: string, place: number) => (place === this.place ? `[${letter}]` : ` ${letter} `);
    return this.map.map((row, i) => [...row].map((letter, column) => cell(letter, i * columns + column)).join("")).join("\n");
  }
}

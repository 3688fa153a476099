import { type EnvironmentOptions, maxStepsOf } from "../environment.js";
import { FiniteEnvironment, type Transition } from "../finite.js";
import { type Drawable, type Picture, rectangle, type Shape } from "../picture.js";
import { moves } from "./grid.js";

const size = 5;
/** Where passengers wait and want to go, by row and column: red, green, yellow and blue. */
const stands = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3],
] as const;
const standLetters = ["R", "G", "Y", "B"];
const standColours = ["#f3b0a0", "#b9dfb0", "#f2e3a0", "#a9cdec"];
/** The place of a passenger in the taxi. */
const aboard = stands.length;
/** The cells, by row and column, that have a wall on their right. */
const walls = new Set(["0 1", "1 1", "3 0", "4 0", "3 2", "4 2"]);
const [pickUp, dropOff] = [4, 5];

/** The parts of a state of {@link Taxi}. */
export interface TaxiState {
  readonly row: number;
  readonly column: number;
  /** Which stand the passenger waits at, 0 to 3, or 4 in the taxi. */
  readonly passenger: number;
  readonly destination: number;
}

/**
 * A taxi in a town of 5 by 5 cells fetches a passenger at one of four stands and takes him to another: it drives down (0), up (1), to the right (2),
 * to the left (3), picks up (4) or drops off (5). A step brings -1, a pick-up or drop-off that is not possible -10, and the right drop-off 20, which
 * ends the episode; others are truncated after 200 steps. Dietterich (2000), Hierarchical reinforcement learning with MAXQ; Gymnasium's `Taxi-v4`.
 */
export class Taxi extends FiniteEnvironment implements Drawable {
  constructor(options: EnvironmentOptions = {}) {
    const states = size * size * (aboard + 1) * stands.length;
    super("Taxi", {
      states,
      actions: 6,
      starts: Array.from({ length: states }, (_, state) => state).filter((state) => {
        const { passenger, destination } = taxiState(state);
        return passenger !== aboard && passenger !== destination;
      }),
      maxSteps: maxStepsOf("Taxi", options, 200),
      transitions: (state, action) => [{ probability: 1, ...step(taxiState(state), action) }],
    });
  }

  draw(): Picture {
    const { row, column, passenger, destination } = taxiState(this.place);
    const taxi = [column + 0.5, row + 0.5] as const;
    const [waitsRow, waitsColumn] = stands[passenger] ?? [row, column];
    const shapes: Shape[] = [rectangle(0, 0, size, size, "#f3f0e8")];
    stands.forEach(([standRow, standColumn], stand) => {
      shapes.push(rectangle(standColumn + 0.05, standRow + 0.05, 0.9, 0.9, standColours[stand] as string));
    });
    for (const wall of walls) {
      const [wallRow, wallColumn] = wall.split(" ").map(Number) as [number, number];
      shapes.push({
        kind: "line",
        points: [
          [wallColumn + 1, wallRow],
          [wallColumn + 1, wallRow + 1],
        ],
        colour: "#333333",
        width: 0.08,
      });
    }
    const [goalRow, goalColumn] = stands[destination] as readonly [number, number];
    shapes.push({ kind: "text", at: [goalColumn + 0.5, goalRow + 0.22], text: "goal", size: 0.28, colour: "#222222" });
    shapes.push(rectangle(taxi[0] - 0.3, taxi[1] - 0.18, 0.6, 0.36, "#333333"));
    shapes.push({ kind: "circle", centre: [waitsColumn + 0.5, waitsRow + 0.5], radius: 0.13, colour: "#d55e00" });
    return { width: size, height: size, shapes };
  }

  text(): string {
    const { row, column, passenger, destination } = taxiState(this.place);
    const cell = (atRow: number, atColumn: number) => {
      const stand = stands.findIndex(([standRow, standColumn]) => atRow === standRow && atColumn === standColumn);
      const letter = stand < 0 ? "." : (standLetters[stand] as string);
      const shown = stand === passenger ? letter.toLowerCase() : letter;
      return atRow === row && atColumn === column ? `[${passenger === aboard ? "@" : shown}]` : ` ${shown} `;
    };
    const rows = Array.from({ length: size }, (_, atRow) =>
      Array.from({ length: size }, (_, atColumn) => cell(atRow, atColumn) + (walls.has(`${atRow} ${atColumn}`) ? "|" : " ")).join(""),
    );
    const where = passenger === aboard ? "in the taxi" : `at ${standLetters[passenger]}`;
    return [...rows, `the passenger is ${where} and goes to ${standLetters[destination]}`].join("\n");
  }
}

/** The parts of a state of {@link Taxi}, given its index. */
export function taxiState(state: number): TaxiState {
  const cell = Math.floor(state / 20);
  return { row: Math.floor(cell / size), column: cell % size, passenger: Math.floor(state / 4) % 5, destination: state % 4 };
}

const indexOf = ({ row, column, passenger, destination }: TaxiState): number =>
  ((row * size + column) * (aboard + 1) + passenger) * stands.length + destination;

function step(state: TaxiState, action: number): Omit<Transition, "probability"> {
  const { row, column, passenger, destination } = state;
  const stand = stands.findIndex(([standRow, standColumn]) => row === standRow && column === standColumn);
  const outcome = (change: Partial<TaxiState>, reward = -1, terminated = false) => ({
    next: indexOf({ ...state, ...change }),
    reward,
    terminated,
  });
  if (action === pickUp) return stand === passenger ? outcome({ passenger: aboard }) : outcome({}, -10);
  if (action === dropOff) {
    if (passenger !== aboard || stand < 0) return outcome({}, -10);
    return stand === destination ? outcome({ passenger: stand }, 20, true) : outcome({ passenger: stand });
  }
  const { down, right } = moves.compass[action as 0 | 1 | 2 | 3];
  const isWalled = right !== 0 && walls.has(`${row} ${right > 0 ? column : column - 1}`);
  if (isWalled) return outcome({});
  return outcome({ row: Math.min(Math.max(row + down, 0), size - 1), column: Math.min(Math.max(column + right, 0), size - 1) });
}

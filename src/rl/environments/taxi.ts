import { type EnvironmentOptions, maxStepsOf } from "../environment.js";
import { FiniteEnvironment, type Transition } from "../finite.js";
import { moves } from "./grid.js";

const size = 5;
/** Where passengers wait and want to go, by row and column: red, green, yellow and blue. */
const stands = [
  [0, 0],
  [0, 4],
  [4, 0],
  [4, 3],
] as const;
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
export class Taxi extends FiniteEnvironment {
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

import { down, MiniatureGame, type MiniatureGameOptions, size, up, within } from "./game.js";

/** Frames until the chicken can move again. */
const pace = 3;
const slowest = 5;
const cars = 8;
const column = 4;
const bottom = size - 1;

/** Where the numbers of the board are: those of a car are its column, frames to a move, frames until the next, and direction. */
const [chicken, wait, firstCar] = [0, 1, 2];
const [place, period, timer, direction, carSize] = [0, 1, 2, 3, 4];

/**
 * A chicken crosses eight lanes of cars from the bottom to the top, for a reward of 1, and begins again there; a car puts it back to the bottom. Each
 * crossing changes the speeds of the cars, from a cell in two frames to one in six. The game is over after 2,500 frames. {@link MiniatureGame}
 */
export class Freeway extends MiniatureGame {
  constructor(options: MiniatureGameOptions = {}) {
    const planes = [
      { name: "chicken", colour: "#d55e00", letter: "@" },
      { name: "car", colour: "#0072b2", letter: "#" },
      ...[1, 2, 3, 4, 5].map((frames) => ({ name: `speed ${frames}`, colour: `hsl(205 60% ${50 + 8 * frames}%)`, letter: `${frames}` })),
    ];
    super("Freeway", planes, firstCar + cars * carSize, options, 2500);
  }

  protected start(): void {
    this.board[chicken] = bottom;
    this.sendCars();
  }

  protected play(action: number): number {
    const { board } = this;
    let reward = 0;
    if ((action === up || action === down) && board[wait] === 0) {
      board[wait] = pace;
      board[chicken] = within((board[chicken] as number) + (action === up ? -1 : 1), 0, bottom);
    }
    if (board[chicken] === 0) {
      reward = 1;
      board[chicken] = bottom;
      this.sendCars();
    }
    for (let car = 0; car < cars; car++) {
      const at = firstCar + car * carSize;
      const row = car + 1;
      if (board[at + timer] === 0) {
        board[at + timer] = board[at + period] as number;
        // A chicken that walks into a car is hit before it drives on.
        if (board[at + place] === column && board[chicken] === row) board[chicken] = bottom;
        board[at + place] = ((board[at + place] as number) + (board[at + direction] as number) + size) % size;
      } else board[at + timer] = (board[at + timer] as number) - 1;
      if (board[at + place] === column && board[chicken] === row) board[chicken] = bottom;
    }
    board[wait] = Math.max((board[wait] as number) - 1, 0);
    return reward;
  }

  protected show(mark: (plane: number, row: number, column: number) => void): void {
    const { board } = this;
    mark(0, board[chicken] as number, column);
    for (let car = 0; car < cars; car++) {
      const at = firstCar + car * carSize;
      mark(1, car + 1, board[at + place] as number);
      mark(1 + (board[at + period] as number), car + 1, ((board[at + place] as number) - (board[at + direction] as number) + size) % size);
    }
  }

  /** Gives each car a speed and a direction. */
  private sendCars(): void {
    const { board } = this;
    for (let car = 0; car < cars; car++) {
      const at = firstCar + car * carSize;
      board[at + period] = 1 + this.random.integer(slowest);
      board[at + timer] = board[at + period] as number;
      board[at + direction] = this.random.integer(2) === 0 ? -1 : 1;
    }
  }
}

import { left, MiniatureGame, type MiniatureGameOptions, right, size, within } from "./game.js";

/** The rows that bricks stand in. */
const brickRows = [1, 2, 3];
const firstRow = 3;
const bottom = size - 1;

/** Where the numbers of the board are. */
const [ballRow, ballColumn, rowStep, columnStep, paddle, lastRow, lastColumn, bricks] = [0, 1, 2, 3, 4, 5, 6, 7];

/**
 * A paddle on the bottom keeps a ball in play, which moves along diagonals and breaks bricks, each for a reward of 1. When all are broken, new ones
 * come. The game ends when the ball reaches the bottom. {@link MiniatureGame}
 */
export class Breakout extends MiniatureGame {
  constructor(options: MiniatureGameOptions = {}) {
    const planes = [
      { name: "paddle", colour: "#0072b2", letter: "=" },
      { name: "ball", colour: "#d55e00", letter: "o" },
      { name: "trail", colour: "#f2c6a8", letter: "." },
      { name: "brick", colour: "#8a6d00", letter: "#" },
    ];
    super("Breakout", planes, bricks + size * size, options);
  }

  protected start(): void {
    const { board } = this;
    const fromLeft = this.random.integer(2) === 0;
    board[ballRow] = firstRow;
    board[ballColumn] = fromLeft ? 0 : size - 1;
    board[rowStep] = 1;
    board[columnStep] = fromLeft ? 1 : -1;
    board[paddle] = 4;
    board[lastRow] = firstRow;
    board[lastColumn] = board[ballColumn] as number;
    this.build();
  }

  protected play(action: number): number {
    const { board } = this;
    if (action === left || action === right) board[paddle] = within((board[paddle] as number) + (action === left ? -1 : 1), 0, size - 1);
    const row = board[ballRow] as number;
    const column = board[ballColumn] as number;
    board[lastRow] = row;
    board[lastColumn] = column;
    let nextRow = row + (board[rowStep] as number);
    let nextColumn = column + (board[columnStep] as number);
    if (nextColumn < 0 || nextColumn >= size) {
      nextColumn = within(nextColumn, 0, size - 1);
      board[columnStep] = -(board[columnStep] as number);
    }
    let reward = 0;
    const place = bricks + nextRow * size + nextColumn;
    if (nextRow < 0) {
      nextRow = 0;
      board[rowStep] = 1;
    } else if (board[place] === 1) {
      reward = 1;
      board[place] = 0;
      nextRow = row;
      board[rowStep] = -(board[rowStep] as number);
    } else if (nextRow === bottom) {
      if (board.indexOf(1, bricks) < 0) this.build();
      if (column === board[paddle] || nextColumn === board[paddle]) {
        // From above the ball goes on to its side; at the near corner it goes back to where it came from.
        if (column !== board[paddle]) board[columnStep] = -(board[columnStep] as number);
        nextRow = row;
        board[rowStep] = -1;
      } else this.terminate();
    }
    board[ballRow] = nextRow;
    board[ballColumn] = nextColumn;
    return reward;
  }

  protected show(mark: (plane: number, row: number, column: number) => void): void {
    const { board } = this;
    mark(0, bottom, board[paddle] as number);
    mark(1, board[ballRow] as number, board[ballColumn] as number);
    mark(2, board[lastRow] as number, board[lastColumn] as number);
    for (const row of brickRows) {
      for (let column = 0; column < size; column++) if (board[bricks + row * size + column] === 1) mark(3, row, column);
    }
  }

  private build(): void {
    for (const row of brickRows) this.board.fill(1, bricks + row * size, bricks + (row + 1) * size);
  }
}

import { fire, left, MiniatureGame, type MiniatureGameOptions, right, size, within } from "./game.js";

/** Frames between two shots of the cannon, two of the aliens, and between moves of the aliens in the first wave and in the fastest. */
const [reload, alienReload, firstMove, fastestMove] = [5, 10, 12, 6];
const [alienRows, alienColumns, firstAlienColumn] = [4, 6, 2];
const bottom = size - 1;
const cells = size * size;

/** Where the numbers of the board are. Aliens and bullets are boards of their own. */
const [cannon, shotTimer, alienTimer, moveTimer, movePeriod, direction] = [0, 1, 2, 3, 4, 5];
const [aliensAt, bulletsAt, alienBulletsAt] = [6, 6 + cells, 6 + 2 * cells];

/**
 * A cannon on the bottom shoots at aliens, each for a reward of 1, which move across the board, one row down at its edges, and shoot back. They are
 * faster the fewer they are, and in each wave faster than in the one before. An alien or a bullet that hits the cannon ends the game.
 * {@link MiniatureGame}
 */
export class SpaceInvaders extends MiniatureGame {
  private readonly aliens = this.board.subarray(aliensAt, bulletsAt);
  private readonly bullets = this.board.subarray(bulletsAt, alienBulletsAt);
  private readonly alienBullets = this.board.subarray(alienBulletsAt, alienBulletsAt + cells);

  constructor(options: MiniatureGameOptions = {}) {
    const planes = [
      { name: "cannon", colour: "#0072b2", letter: "A" },
      { name: "alien", colour: "#007a5a", letter: "W" },
      { name: "moves left", colour: "#007a5a", letter: "W" },
      { name: "moves right", colour: "#007a5a", letter: "W" },
      { name: "bullet", colour: "#333333", letter: "'" },
      { name: "alien bullet", colour: "#d55e00", letter: "!" },
    ];
    super("SpaceInvaders", planes, alienBulletsAt + cells, options);
  }

  protected start(): void {
    this.board.set([5, 0, alienReload, firstMove, firstMove, -1]);
    this.line();
  }

  protected play(action: number): number {
    const { board, aliens, bullets, alienBullets } = this;
    if (action === fire && board[shotTimer] === 0) {
      bullets[bottom * size + (board[cannon] as number)] = 1;
      board[shotTimer] = reload;
    } else if (action === left || action === right)
      board[cannon] = within((board[cannon] as number) + (action === left ? -1 : 1), 0, size - 1);
    bullets.copyWithin(0, size);
    bullets.fill(0, cells - size);
    alienBullets.copyWithin(size, 0, cells - size);
    alienBullets.fill(0, 0, size);
    const target = bottom * size + (board[cannon] as number);
    if (alienBullets[target] === 1) this.terminate();
    let count = this.count();
    if (board[moveTimer] === 0) {
      board[moveTimer] = Math.min(count, board[movePeriod] as number);
      this.march();
    }
    if (aliens[target] === 1) this.terminate();
    if (board[alienTimer] === 0) {
      board[alienTimer] = alienReload;
      this.shootBack();
    }
    let reward = 0;
    for (let i = 0; i < cells; i++) {
      if (aliens[i] === 0 || bullets[i] === 0) continue;
      reward++;
      count--;
      aliens[i] = 0;
      bullets[i] = 0;
    }
    for (const timer of [shotTimer, alienTimer, moveTimer]) board[timer] = Math.max((board[timer] as number) - 1, 0);
    if (count === 0) {
      board[movePeriod] = Math.max((board[movePeriod] as number) - 1, fastestMove);
      this.line();
    }
    return reward;
  }

  protected show(mark: (plane: number, row: number, column: number) => void): void {
    const { board, aliens, bullets, alienBullets } = this;
    mark(0, bottom, board[cannon] as number);
    for (let i = 0; i < cells; i++) {
      const [row, column] = [Math.floor(i / size), i % size];
      if (aliens[i] === 1) {
        mark(1, row, column);
        mark((board[direction] as number) < 0 ? 2 : 3, row, column);
      }
      if (bullets[i] === 1) mark(4, row, column);
      if (alienBullets[i] === 1) mark(5, row, column);
    }
  }

  /** Lines up a wave. */
  private line(): void {
    for (let row = 0; row < alienRows; row++) {
      this.aliens.fill(1, row * size + firstAlienColumn, row * size + firstAlienColumn + alienColumns);
    }
  }

  private count(): number {
    let sum = 0;
    for (let i = 0; i < cells; i++) sum += this.aliens[i] as number;
    return sum;
  }

  /** Moves all aliens by a cell: to the side, or down where one is at the edge that they move to. */
  private march(): void {
    const { aliens, board } = this;
    const step = board[direction] as number;
    const edge = step < 0 ? 0 : size - 1;
    let isAtEdge = false;
    for (let row = 0; row < size; row++) isAtEdge ||= aliens[row * size + edge] === 1;
    if (isAtEdge) {
      for (let column = 0; column < size; column++) if (aliens[bottom * size + column] === 1) this.terminate();
      board[direction] = -step;
      aliens.copyWithin(size, 0, cells - size);
      aliens.fill(0, 0, size);
    } else if (step < 0) {
      // What comes round the end of a row comes from the edge, which is empty.
      aliens.copyWithin(0, 1);
      aliens[cells - 1] = 0;
    } else {
      aliens.copyWithin(1, 0, cells - 1);
      aliens[0] = 0;
    }
  }

  /** The lowest alien of the column nearest to the cannon shoots. */
  private shootBack(): void {
    const { aliens, board, alienBullets } = this;
    let chosen = -1;
    let nearest = size;
    for (let column = 0; column < size; column++) {
      const distance = Math.abs(column - (board[cannon] as number));
      if (distance >= nearest) continue;
      for (let row = size - 1; row >= 0; row--) {
        if (aliens[row * size + column] === 0) continue;
        [chosen, nearest] = [row * size + column, distance];
        break;
      }
    }
    if (chosen >= 0) alienBullets[chosen] = 1;
  }
}

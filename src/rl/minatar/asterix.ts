import { down, left, MiniatureGame, type MiniatureGameOptions, right, size, up, within } from "./game.js";

/** Frames between two things that come, between their moves, and from one level of difficulty to the next. */
const [firstSpawn, firstMove, ramp] = [10, 5, 100];
const goldShare = 1 / 3;
/** One thing at most is in each row but the first and the last. */
const slots = size - 2;

/** Where the numbers of the board are: those of a slot are whether it is taken, the column, the direction, and whether it is gold. */
const [row, column, spawnTimer, spawnPeriod, moveTimer, movePeriod, rampTimer, level, firstSlot] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
const [taken, place, direction, gold, slotSize] = [0, 1, 2, 3, 4];

/**
 * The player goes about among enemies and gold, which cross the board from its sides, ever more often and faster. Gold brings a reward of 1, and an
 * enemy ends the game. {@link MiniatureGame}
 */
export class Asterix extends MiniatureGame {
  constructor(options: MiniatureGameOptions = {}) {
    const planes = [
      { name: "player", colour: "#0072b2", letter: "@" },
      { name: "enemy", colour: "#333333", letter: "x" },
      { name: "trail", colour: "#cccccc", letter: "." },
      { name: "gold", colour: "#e0b000", letter: "$" },
    ];
    super("Asterix", planes, firstSlot + slots * slotSize, options);
  }

  protected start(): void {
    this.board.set([5, 5, firstSpawn, firstSpawn, firstMove, firstMove, ramp, 0]);
  }

  protected play(action: number): number {
    const { board } = this;
    if (board[spawnTimer] === 0) {
      this.spawn();
      board[spawnTimer] = board[spawnPeriod] as number;
    }
    if (action === left || action === right) board[column] = within((board[column] as number) + (action === left ? -1 : 1), 0, size - 1);
    else if (action === up || action === down) board[row] = within((board[row] as number) + (action === up ? -1 : 1), 1, size - 2);
    let reward = this.meet();
    if (board[moveTimer] === 0) {
      board[moveTimer] = board[movePeriod] as number;
      for (let at = firstSlot; at < board.length; at += slotSize) {
        if (board[at + taken] === 0) continue;
        board[at + place] = (board[at + place] as number) + (board[at + direction] as number);
        if ((board[at + place] as number) < 0 || (board[at + place] as number) >= size) board[at + taken] = 0;
      }
      reward += this.meet();
    }
    for (const timer of [spawnTimer, moveTimer]) board[timer] = (board[timer] as number) - 1;
    this.grow();
    return reward;
  }

  protected show(mark: (plane: number, row: number, column: number) => void): void {
    const { board } = this;
    mark(0, board[row] as number, board[column] as number);
    for (let slot = 0; slot < slots; slot++) {
      const at = firstSlot + slot * slotSize;
      if (board[at + taken] === 0) continue;
      mark(board[at + gold] === 1 ? 3 : 1, slot + 1, board[at + place] as number);
      mark(2, slot + 1, (board[at + place] as number) - (board[at + direction] as number));
    }
  }

  /** What happens where the player stands. Returns the reward. */
  private meet(): number {
    const { board } = this;
    const at = firstSlot + ((board[row] as number) - 1) * slotSize;
    if (board[at + taken] === 0 || board[at + place] !== board[column]) return 0;
    if (board[at + gold] === 0) {
      this.terminate();
      return 0;
    }
    board[at + taken] = 0;
    return 1;
  }

  /** Lets a thing come from a side, in a row that has none. */
  private spawn(): void {
    const { board } = this;
    let free = 0;
    for (let at = firstSlot; at < board.length; at += slotSize) if (board[at + taken] === 0) free++;
    if (free === 0) return;
    let chosen = this.random.integer(free);
    for (let at = firstSlot; at < board.length; at += slotSize) {
      if (board[at + taken] === 1 || chosen-- > 0) continue;
      const fromLeft = this.random.integer(2) === 0;
      const isGold = this.random.uniform() < goldShare;
      board.set([1, fromLeft ? 0 : size - 1, fromLeft ? 1 : -1, isGold ? 1 : 0], at);
      return;
    }
  }

  /** Makes the game harder from time to time. */
  private grow(): void {
    const { board } = this;
    board[rampTimer] = (board[rampTimer] as number) - 1;
    if ((board[rampTimer] as number) > 0) return;
    board[rampTimer] = ramp;
    board[spawnPeriod] = Math.max((board[spawnPeriod] as number) - 1, 1);
    if ((board[level] as number) % 2 === 1) board[movePeriod] = Math.max((board[movePeriod] as number) - 1, 1);
    board[level] = (board[level] as number) + 1;
  }
}

import { down, fire, left, MiniatureGame, type MiniatureGameOptions, right, size, up, within } from "./game.js";

/** Frames between two shots of the submarine, two of an enemy, two enemies and two divers that come, and between moves of each. */
const [reload, enemyReload, firstSpawn, diverSpawn, firstMove, diverMove] = [5, 10, 20, 30, 5, 5];
const mostOxygen = 200;
const mostDivers = 6;
const submarineShare = 1 / 3;
/** The lowest row of the sea. Below it are the gauges. */
const seabed = size - 2;

/** Where the numbers of the board are. */
const [row, column, facing, oxygen, divers, isUp, shotTimer, spawnTimer, spawnPeriod, movePeriod, diverTimer] = [
  0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
];
const firstThing = 11;
/** The numbers of a thing: its sort, its place, the direction, frames until it moves, and until it shoots. */
const [sort, thingRow, thingColumn, direction, moveTimer, fireTimer, thingSize] = [0, 1, 2, 3, 4, 5, 6];
const [none, bullet, enemyBullet, fish, submarine, diver] = [0, 1, 2, 3, 4, 5];
/** More things at a time do not come. */
const things = 40;

/**
 * A submarine shoots fish and enemy submarines, each for a reward of 1, and takes divers aboard. Its oxygen lasts 200 frames. At the surface it is
 * filled up, for a diver; six of them bring a reward of 1 for each cell of oxygen that is left. Each time the enemies come more often and are faster.
 * An enemy, a bullet, lack of oxygen, and the surface without a diver end the game. {@link MiniatureGame}
 */
export class Seaquest extends MiniatureGame {
  constructor(options: MiniatureGameOptions = {}) {
    const planes = [
      { name: "front", colour: "#0072b2", letter: "D" },
      { name: "back", colour: "#56a0d0", letter: "=" },
      { name: "bullet", colour: "#333333", letter: "-" },
      { name: "trail", colour: "#cccccc", letter: "." },
      { name: "enemy bullet", colour: "#d55e00", letter: "*" },
      { name: "fish", colour: "#007a5a", letter: "f" },
      { name: "enemy submarine", colour: "#a14a84", letter: "E" },
      { name: "oxygen", colour: "#9bd0f0", letter: "o" },
      { name: "divers aboard", colour: "#8a6d00", letter: "d" },
      { name: "diver", colour: "#e0b000", letter: "i" },
    ];
    super("Seaquest", planes, firstThing + things * thingSize, options);
  }

  protected start(): void {
    this.board.set([0, 5, 1, mostOxygen, 0, 1, 0, firstSpawn, firstSpawn, firstMove, diverSpawn]);
  }

  protected play(action: number): number {
    const { board } = this;
    if (board[spawnTimer] === 0) {
      board[spawnTimer] = board[spawnPeriod] as number;
      this.enter(this.random.uniform() < submarineShare ? submarine : fish, board[movePeriod] as number);
    }
    if (board[diverTimer] === 0) {
      board[diverTimer] = diverSpawn;
      this.enter(diver, diverMove);
    }
    this.steer(action);
    let reward = this.fly(bullet);
    this.drift();
    reward += this.hits();
    this.fly(enemyBullet);
    for (const timer of [shotTimer, spawnTimer, diverTimer]) board[timer] = Math.max((board[timer] as number) - 1, 0);
    if (this.terminated) return reward;
    if ((board[row] as number) > 0) {
      board[isUp] = 0;
      board[oxygen] = (board[oxygen] as number) - 1;
      if ((board[oxygen] as number) < 0) this.terminate();
    } else if (board[isUp] === 0) reward += this.surface();
    return reward;
  }

  protected show(mark: (plane: number, row: number, column: number) => void): void {
    const { board } = this;
    mark(0, board[row] as number, board[column] as number);
    mark(1, board[row] as number, (board[column] as number) - (board[facing] as number));
    for (let i = 0; i < Math.ceil(((board[oxygen] as number) * size) / mostOxygen); i++) mark(7, size - 1, i);
    // The divers are counted from the right.
    for (let i = 0; i < (board[divers] as number); i++) mark(8, size - 1, size - 1 - i);
    for (let at = firstThing; at < board.length; at += thingSize) {
      const kind = board[at + sort] as number;
      if (kind === none) continue;
      mark([0, 2, 4, 5, 6, 9][kind] as number, board[at + thingRow] as number, board[at + thingColumn] as number);
      if (kind >= fish) mark(3, board[at + thingRow] as number, (board[at + thingColumn] as number) - (board[at + direction] as number));
    }
  }

  /** Moves the submarine, or fires. */
  private steer(action: number): void {
    const { board } = this;
    if (action === left || action === right) {
      board[facing] = action === left ? -1 : 1;
      board[column] = within((board[column] as number) + (board[facing] as number), 0, size - 1);
    } else if (action === up || action === down) board[row] = within((board[row] as number) + (action === up ? -1 : 1), 0, seabed);
    else if (action === fire && board[shotTimer] === 0) {
      board[shotTimer] = reload;
      this.put(bullet, board[row] as number, board[column] as number, board[facing] as number, 0);
    }
  }

  /** Moves bullets of a sort by a cell. Returns the reward for what the player's hit. */
  private fly(kind: number): number {
    const { board } = this;
    for (let at = firstThing; at < board.length; at += thingSize) {
      if (board[at + sort] !== kind) continue;
      board[at + thingColumn] = (board[at + thingColumn] as number) + (board[at + direction] as number);
      if (this.isOut(at)) board[at + sort] = none;
      else if (kind === enemyBullet && this.isAtPlayer(at)) this.terminate();
    }
    return kind === bullet ? this.hits() : 0;
  }

  /** Removes enemies that bullets are at, with the bullets. Returns how many. */
  private hits(): number {
    const { board } = this;
    let count = 0;
    for (let at = firstThing; at < board.length; at += thingSize) {
      if (board[at + sort] !== bullet) continue;
      for (let other = firstThing; other < board.length; other += thingSize) {
        if (board[other + sort] !== fish && board[other + sort] !== submarine) continue;
        if (board[other + thingRow] !== board[at + thingRow] || board[other + thingColumn] !== board[at + thingColumn]) continue;
        board[at + sort] = none;
        board[other + sort] = none;
        count++;
        break;
      }
    }
    return count;
  }

  /** Moves fish, submarines and divers when it is time; they meet the player before and after. */
  private drift(): void {
    const { board } = this;
    for (let at = firstThing; at < board.length; at += thingSize) {
      const kind = board[at + sort] as number;
      if (kind < fish) continue;
      this.meet(at);
      if (board[at + sort] === none) continue;
      if (board[at + moveTimer] === 0) {
        board[at + moveTimer] = kind === diver ? diverMove : (board[movePeriod] as number);
        board[at + thingColumn] = (board[at + thingColumn] as number) + (board[at + direction] as number);
        if (this.isOut(at)) board[at + sort] = none;
        else this.meet(at);
      } else board[at + moveTimer] = (board[at + moveTimer] as number) - 1;
      if (board[at + sort] !== submarine) continue;
      if (board[at + fireTimer] === 0) {
        board[at + fireTimer] = enemyReload;
        this.put(enemyBullet, board[at + thingRow] as number, board[at + thingColumn] as number, board[at + direction] as number, 0);
      } else board[at + fireTimer] = (board[at + fireTimer] as number) - 1;
    }
  }

  /** What happens where a thing is at the player. */
  private meet(at: number): void {
    const { board } = this;
    if (!this.isAtPlayer(at)) return;
    if (board[at + sort] !== diver) this.terminate();
    else if ((board[divers] as number) < mostDivers) {
      board[divers] = (board[divers] as number) + 1;
      board[at + sort] = none;
    }
  }

  /** Comes up. Returns the reward. */
  private surface(): number {
    const { board } = this;
    const aboard = board[divers] as number;
    if (aboard === 0) {
      this.terminate();
      return 0;
    }
    const reward = aboard === mostDivers ? Math.floor(((board[oxygen] as number) * size) / mostOxygen) : 0;
    board[isUp] = 1;
    board[divers] = aboard === mostDivers ? 0 : aboard - 1;
    board[oxygen] = mostOxygen;
    board[spawnPeriod] = Math.max((board[spawnPeriod] as number) - 1, 1);
    board[movePeriod] = Math.max((board[movePeriod] as number) - 1, 2);
    return reward;
  }

  /** Lets a thing come from a side. */
  private enter(kind: number, period: number): void {
    const fromLeft = this.random.integer(2) === 0;
    this.put(kind, 1 + this.random.integer(seabed), fromLeft ? 0 : size - 1, fromLeft ? 1 : -1, period);
  }

  private put(kind: number, atRow: number, atColumn: number, step: number, period: number): void {
    const { board } = this;
    for (let at = firstThing; at < board.length; at += thingSize) {
      if (board[at + sort] !== none) continue;
      board[at + sort] = kind;
      board[at + thingRow] = atRow;
      board[at + thingColumn] = atColumn;
      board[at + direction] = step;
      board[at + moveTimer] = period;
      board[at + fireTimer] = enemyReload;
      return;
    }
  }

  private isOut(at: number): boolean {
    const place = this.board[at + thingColumn] as number;
    return place < 0 || place >= size;
  }

  private isAtPlayer(at: number): boolean {
    return this.board[at + thingRow] === this.board[row] && this.board[at + thingColumn] === this.board[column];
  }
}

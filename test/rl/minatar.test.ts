import { KasaneError, RandomGenerator, rl } from "kasane";
import { describe, expect, test } from "vitest";

const [nothing, left, up, right, down, fire] = [0, 1, 2, 3, 4, 5];

/** The board of a game without sticky actions: where each plane is 1, as "row column". */
class Player {
  readonly observation: Float32Array;

  constructor(
    readonly game: rl.MiniatureGame,
    seed = 0,
  ) {
    this.observation = new Float32Array(game.observationSpace.size);
    game.reset(seed);
  }

  /** Makes steps; returns the sum of the rewards. */
  play(...actions: number[]): number {
    let sum = 0;
    for (const action of actions) {
      this.game.step(action);
      sum += this.game.reward;
    }
    return sum;
  }

  /** The cells of a plane, in rows and columns. */
  cells(name: string): [number, number][] {
    const plane = this.game.planes.findIndex((each) => each.name === name);
    this.game.observe(this.observation);
    const cells: [number, number][] = [];
    for (let i = 0; i < 100; i++) if (this.observation[plane * 100 + i] === 1) cells.push([Math.floor(i / 10), i % 10]);
    return cells;
  }

  /** The one cell of a plane. */
  cell(name: string): [number, number] {
    const [first, ...more] = this.cells(name);
    expect(more).toEqual([]);
    return first as [number, number];
  }
}

const plain = { stickyProbability: 0 };

describe("the small Atari games", () => {
  test.each([
    ["Asterix", () => new rl.Asterix(), 4],
    ["Breakout", () => new rl.Breakout(), 4],
    ["Freeway", () => new rl.Freeway(), 7],
    ["Seaquest", () => new rl.Seaquest(), 10],
    ["SpaceInvaders", () => new rl.SpaceInvaders(), 6],
  ] as const)("%s has the planes of the paper, and random play ends", (name, make, planes) => {
    const game = make();
    expect([game.name, game.observationSpace.shape]).toEqual([name, [planes, 10, 10]]);
    const player = new Player(game);
    const draws = new RandomGenerator();
    let episodes = 0;
    for (let i = 0; i < 6000; i++) {
      player.play(draws.integer(6));
      game.observe(player.observation);
      expect(player.observation.every((value) => value === 0 || value === 1)).toBe(true);
      if (!game.ended) continue;
      episodes++;
      game.reset();
    }
    expect(episodes).toBeGreaterThan(1);
  });

  test("repeat the last action as often as they are told to", () => {
    const player = new Player(new rl.Breakout({ stickyProbability: 0.25 }), 3);
    let repeated = 0;
    const frames = 4000;
    for (let i = 0; i < frames; i++) {
      if (player.game.ended) player.game.reset();
      // The last action was to the left or nothing, so a step to the left of the border is a repetition of it.
      const before = player.cell("paddle")[1];
      const last = player.game.state[0];
      player.play(before === 0 ? right : left);
      if (player.game.state[0] === last && last !== (before === 0 ? right : left)) repeated++;
    }
    const changes = repeated / frames;
    // A repetition shows only where the last action was another one.
    expect(changes).toBeGreaterThan(0);
    expect(changes).toBeLessThan(0.25);
    expect(() => new rl.Breakout({ stickyProbability: 1 })).toThrow(
      new KasaneError("Breakout: got stickyProbability 1, expected a number from 0, below 1"),
    );
  });
});

describe("Breakout", () => {
  test("the ball moves along diagonals, breaks bricks and ends the game at the bottom", () => {
    const player = new Player(new rl.Breakout(plain), 1);
    expect(player.cells("brick")).toHaveLength(30);
    const [row, column] = player.cell("ball");
    expect([row, [0, 9].includes(column)]).toEqual([3, true]);
    player.play(nothing);
    const next = player.cell("ball");
    expect([next[0], Math.abs(next[1] - column)]).toEqual([4, 1]);
    expect(player.cell("trail")).toEqual([row, column]);
    // Left alone the ball comes down in six steps: rows 4 to 9.
    let steps = 1;
    for (; !player.game.ended; steps++)
      player.play(player.cell("paddle")[1] > 0 && column === 9 ? left : column === 0 && player.cell("paddle")[1] < 9 ? right : nothing);
    expect(steps).toBeLessThanOrEqual(7);
  });

  test("a paddle that is under the ball keeps it in play: all bricks are broken, and new ones come", () => {
    const player = new Player(new rl.Breakout(plain), 2);
    let score = 0;
    for (let frame = 0; frame < 3000 && !player.game.ended; frame++) {
      const [row, column] = player.cell("ball");
      const [lastRow, lastColumn] = player.cells("trail")[0] ?? [row, column];
      const isFalling = row >= lastRow;
      // Where a falling ball will be in row 8, over the walls.
      let target = column;
      let step = Math.sign(column - lastColumn) || 1;
      for (let at = row; isFalling && at < 8; at++) {
        if (target + step < 0 || target + step > 9) step = -step;
        else target += step;
      }
      const paddle = player.cell("paddle")[1];
      const bricks = player.cells("brick").length;
      const reward = player.play(paddle < target ? right : paddle > target ? left : nothing);
      if (reward === 1) expect(player.cells("brick").length).toBe(bricks - 1);
      score += reward;
    }
    expect(score).toBeGreaterThan(30);
  });
});

describe("Freeway", () => {
  test("the chicken moves every third frame, is put back by cars, and crosses for a reward of 1", () => {
    const player = new Player(new rl.Freeway(plain), 4);
    expect(player.cell("chicken")).toEqual([9, 4]);
    player.play(up);
    expect(player.cell("chicken")[0]).toBe(8);
    player.play(up, up);
    expect(player.cell("chicken")[0]).toBe(8);
    let [score, hits] = [0, 0];
    for (let seed = 0; seed < 10; seed++) {
      player.game.reset(seed);
      let before = 9;
      while (!player.game.ended) {
        const reward = player.play(up);
        const row = player.cell("chicken")[0];
        if (reward === 1) expect([before, row]).toEqual([1, 9]);
        else if (row === 9 && before < 9) hits++;
        score += reward;
        before = row;
      }
      expect([player.game.steps, player.game.truncated]).toEqual([2500, true]);
    }
    expect(score).toBeGreaterThan(10);
    expect(hits).toBeGreaterThan(100);
    // 27 frames are the least for a crossing.
    expect(score / 10).toBeLessThan(2500 / 27);
  });

  test("a car moves every second to sixth frame, as its trail's plane says, to the side away from the trail", () => {
    const player = new Player(new rl.Freeway(plain), 5);
    const where = () => new Map(player.cells("car"));
    for (let speed = 1; speed <= 5; speed++) {
      for (const [row, trail] of player.cells(`speed ${speed}`)) {
        const start = where().get(row) as number;
        const step = (start - trail + 10) % 10 === 1 ? 1 : 9;
        expect((start - trail + 10) % 10).toBe(step);
      }
    }
    const speeds = new Map([1, 2, 3, 4, 5].flatMap((speed) => player.cells(`speed ${speed}`).map(([row]) => [row, speed] as const)));
    expect(speeds.size).toBe(8);
    const moves = new Map<number, number>();
    for (let frame = 0; frame < 60; frame++) {
      const before = where();
      player.play(nothing);
      for (const [row, column] of where()) if (column !== before.get(row)) moves.set(row, (moves.get(row) ?? 0) + 1);
    }
    for (const [row, speed] of speeds) expect(Math.abs((moves.get(row) as number) - 60 / (speed + 1))).toBeLessThanOrEqual(1);
  });
});

describe("Asterix", () => {
  test("gold brings 1 and an enemy the end", () => {
    const results = { gold: 0, enemy: 0 };
    for (let seed = 0; seed < 40; seed++) {
      const player = new Player(new rl.Asterix(plain), seed);
      const [row, column] = player.cell("player");
      expect([row, column]).toEqual([5, 5]);
      // Stays in its row until something comes there.
      while (!player.game.ended && player.game.steps < 2000) {
        const ahead = [...player.cells("gold"), ...player.cells("enemy")].filter(([at]) => at === row);
        const reward = player.play(nothing);
        expect(ahead.length).toBeLessThanOrEqual(1);
        results.gold += reward;
      }
      results.enemy += Number(player.game.terminated);
    }
    expect(results.enemy).toBe(40);
    // A third of what comes is gold: a game has 1/2 on average, with a standard deviation of sqrt(3)/2.
    expect(Math.abs(results.gold / 40 - 0.5)).toBeLessThan((4 * Math.sqrt(0.75)) / Math.sqrt(40));
  });

  test("the player goes everywhere but to the first and the last row", () => {
    const player = new Player(new rl.Asterix(plain), 1);
    player.play(up, up, left, left, left);
    expect(player.cell("player")).toEqual([3, 2]);
    player.play(...new Array(4).fill(up));
    expect(player.cell("player")).toEqual([1, 2]);
  });
});

describe("SpaceInvaders", () => {
  test("aliens march to the edge, then down and back", () => {
    const player = new Player(new rl.SpaceInvaders(plain), 0);
    expect(player.cells("alien")).toHaveLength(24);
    expect(player.cells("moves left")).toEqual(player.cells("alien"));
    const extent = () => [
      Math.min(...player.cells("alien").map(([, column]) => column)),
      Math.max(...player.cells("alien").map(([row]) => row)),
    ];
    expect(extent()).toEqual([2, 3]);
    const seen = new Set([`${extent()}`]);
    for (let frame = 0; frame < 60; frame++) {
      player.play(nothing);
      // The aliens' bullets are taken away.
      player.game.state.fill(0, 1 + 6 + 200);
      seen.add(`${extent()}`);
    }
    expect(player.cells("alien")).toHaveLength(24);
    expect([...seen].slice(0, 4)).toEqual(["2,3", "1,3", "0,3", "0,4"]);
    expect(player.cells("moves right")).toEqual(player.cells("alien"));
  });

  test("shots fly up and bring 1 each; a new wave comes, faster", () => {
    const game = new rl.SpaceInvaders(plain);
    const player = new Player(game, 0);
    expect(player.play(fire)).toBe(0);
    expect(player.cell("bullet")).toEqual([8, 5]);
    // From row 8 to the lowest alien, in row 3.
    expect(player.play(nothing, nothing, nothing, nothing)).toBe(0);
    expect(player.play(nothing)).toBe(1);
    expect(player.cells("alien")).toHaveLength(23);
    // All but one taken away: what is left is shot, and 24 new ones come.
    const cells = player.cells("alien");
    for (const [row, column] of cells) game.state[1 + 6 + row * 10 + column] = 0;
    game.state[1 + 6 + 3 * 10 + player.cell("cannon")[1]] = 1;
    let score = 0;
    for (let i = 0; i < 200 && player.cells("alien").length === 1 && !game.ended; i++) {
      const [, alien] = player.cell("alien");
      const [, cannon] = player.cell("cannon");
      score += player.play(alien === cannon ? fire : alien < cannon ? left : right);
    }
    if (!game.ended) expect([score, player.cells("alien").length]).toEqual([1, 24]);
  });

  test("who does not move is shot", () => {
    const player = new Player(new rl.SpaceInvaders(plain), 0);
    while (!player.game.ended) player.play(nothing);
    expect(player.game.terminated).toBe(true);
    expect(player.cells("alien bullet").some(([row, column]) => row === 9 && column === 5)).toBe(true);
  });
});

describe("Seaquest", () => {
  test("oxygen lasts for 200 frames, and the surface without a diver ends the game", () => {
    const drowned = new Player(new rl.Seaquest(plain), 0);
    expect(drowned.cells("oxygen")).toHaveLength(10);
    // Out of the way of what comes, by putting everything away.
    const clear = (player: Player) => player.game.state.fill(0, 1 + 11);
    drowned.play(down);
    let frames = 1;
    for (; !drowned.game.ended; frames++) {
      clear(drowned);
      drowned.play(nothing);
    }
    expect(frames).toBe(201);
    const early = new Player(new rl.Seaquest(plain), 0);
    early.play(down, up);
    expect([early.game.steps, early.game.terminated]).toEqual([2, true]);
  });

  test("shots hit what comes, divers are taken aboard, and the surface takes one", () => {
    const game = new rl.Seaquest(plain);
    const player = new Player(game, 0);
    player.play(down, down);
    expect(player.cell("front")).toEqual([2, 5]);
    expect(player.cell("back")).toEqual([2, 4]);
    // A fish to the right that stands still, and a diver below.
    const things = 1 + 11;
    game.state.fill(0, things);
    game.state.set([3, 2, 8, -1, 90, 90], things);
    game.state.set([5, 3, 5, -1, 90, 90], things + 6);
    expect(player.cells("fish")).toEqual([[2, 8]]);
    expect(player.play(fire)).toBe(0);
    expect(player.cells("bullet")).toEqual([[2, 6]]);
    expect(player.play(nothing, nothing)).toBe(1);
    expect([player.cells("fish"), player.cells("bullet")]).toEqual([[], []]);
    player.play(down);
    expect([player.cells("diver"), player.cells("divers aboard")]).toEqual([[], [[9, 9]]]);
    expect(player.play(up, up, up)).toBe(0);
    expect([player.cells("divers aboard"), game.ended, player.cells("oxygen").length]).toEqual([[], false, 10]);
    // Six divers bring a reward for each tenth of the oxygen.
    player.play(down);
    game.state[1 + 4] = 6;
    expect(player.play(up)).toBe(9);
    expect(player.cells("divers aboard")).toEqual([]);
  });

  test("fish and bullets end the game, and submarines shoot", () => {
    for (const [thing, plane] of [
      [[3, 4, 6, -1, 0, 90], "fish"],
      [[2, 4, 6, -1, 0, 90], "enemy bullet"],
    ] as const) {
      const player = new Player(new rl.Seaquest(plain), 0);
      player.play(down, down, down, down);
      player.game.state.set(thing, 1 + 11);
      expect(player.cells(plane)).toEqual([[4, 6]]);
      player.play(nothing);
      expect(player.game.terminated).toBe(true);
    }
    const player = new Player(new rl.Seaquest(plain), 0);
    player.play(down, down);
    player.game.state.set([4, 5, 9, -1, 50, 0], 1 + 11);
    player.play(nothing);
    expect(player.cells("enemy bullet").length).toBe(1);
  });
});

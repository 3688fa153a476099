import { rl } from "kasane";

/** Five places in a row: right (1) from the last ends the episode with a reward of 1, and every step costs 0.1. Truncated after 20 steps. */
export class Corridor extends rl.Environment<number> {
  readonly observationSpace = new rl.Box(0, 1, [5]);
  readonly actionSpace = new rl.Discrete(2);

  constructor() {
    super("Corridor", 1, 20);
  }

  protected begin(): void {
    this.state[0] = this.random.integer(3);
  }

  protected advance(action: number): number {
    const place = (this.state[0] as number) + (action === 1 ? 1 : -1);
    this.state[0] = Math.min(Math.max(place, 0), 4);
    if (place > 4) this.terminate();
    return place > 4 ? 0.9 : -0.1;
  }

  observe(into: Float32Array, at = 0): void {
    into.fill(0, at, at + 5);
    into[at + (this.state[0] as number)] = 1;
  }
}

/** The mean return of the best policy: from places 0, 1 and 2 it takes 5, 4 and 3 steps. */
export const bestReturn = 1 - 0.1 * 4;

export const corridors = (count: number): rl.VectorEnvironment =>
  new rl.VectorEnvironment(Array.from({ length: count }, () => new Corridor()));

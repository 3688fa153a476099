import { Environment, type EnvironmentOptions, maxStepsOf } from "../environment.js";
import type { Drawable, Picture, Place } from "../picture.js";
import { type Action, Box, Discrete } from "../space.js";

const [leftEnd, rightEnd] = [-1.2, 0.6];
const topSpeed = 0.07;

/** A car in a valley between two hills, whose engine is too weak to climb the right one: it must gather speed on the left. */
abstract class CarInValley<A extends Action> extends Environment<A> implements Drawable {
  readonly observationSpace = new Box([leftEnd, -topSpeed], [rightEnd, topSpeed]);
  /** Where the right hill's top is reached. */
  abstract readonly goal: number;
  /** Rounds a number to the precision of the state. */
  protected readonly round: (value: number) => number = (value) => value;

  protected begin(): void {
    this.state[0] = -0.6 + 0.2 * this.random.uniform();
    this.state[1] = 0;
  }

  /** Moves the car by a force, and ends the episode at the top of the hill. Returns whether it is there. */
  protected move(force: number): boolean {
    const { state } = this;
    const acceleration = this.round(force - 0.0025 * Math.cos(this.round(3 * (state[0] as number))));
    const velocity = this.round(Math.min(Math.max((state[1] as number) + acceleration, -topSpeed), topSpeed));
    const position = Math.min(Math.max(this.round((state[0] as number) + velocity), leftEnd), rightEnd);
    state[0] = position;
    state[1] = position === leftEnd ? Math.max(velocity, 0) : velocity;
    const isThere = position >= this.goal;
    if (isThere) this.terminate();
    return isThere;
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = this.state[0] as number;
    into[at + 1] = this.state[1] as number;
  }

  draw(): Picture {
    const height = (position: number) => 0.65 - 0.45 * Math.sin(3 * position);
    const at = (position: number): Place => [position - leftEnd, height(position)];
    const hill = Array.from({ length: 46 }, (_, i) => at(leftEnd + ((rightEnd - leftEnd) * i) / 45));
    const [x, y] = at(this.goal);
    const [carX, carY] = at(this.state[0] as number);
    return {
      width: rightEnd - leftEnd,
      height: 1.2,
      shapes: [
        { kind: "line", points: hill, colour: "#8a6d00", width: 0.015 },
        {
          kind: "line",
          points: [
            [x, y],
            [x, y - 0.15],
          ],
          colour: "#333333",
          width: 0.01,
        },
        {
          kind: "polygon",
          points: [
            [x, y - 0.15],
            [x + 0.08, y - 0.12],
            [x, y - 0.09],
          ],
          colour: "#d55e00",
        },
        { kind: "circle", centre: [carX, carY - 0.04], radius: 0.04, colour: "#0072b2" },
      ],
    };
  }
}

/**
 * The car is pushed to the left (0), not at all (1) or to the right (2). A step brings a reward of -1, and an episode ends at the top or after 200
 * steps. Observations are position, -1.2 to 0.6, and velocity, -0.07 to 0.07. Moore (1990), Efficient memory-based learning for robot control;
 * Gymnasium's `MountainCar-v0`.
 */
export class MountainCar extends CarInValley<number> {
  readonly actionSpace = new Discrete(3);
  readonly goal = 0.5;

  constructor(options: EnvironmentOptions = {}) {
    super("MountainCar", 2, maxStepsOf("MountainCar", options, 200));
  }

  protected advance(action: number): number {
    this.move(0.001 * (action - 1));
    return -1;
  }
}

/**
 * The car is pushed by a force from -1 to 1, whose square, times 0.1, is taken off the reward; the top brings 100. An episode ends there or after 999
 * steps. Observations are those of {@link MountainCar}. Gymnasium's `MountainCarContinuous-v0`.
 */
export class MountainCarContinuous extends CarInValley<ArrayLike<number>> {
  readonly actionSpace = new Box([-1], [1]);
  readonly goal = 0.45;
  // Gymnasium keeps this state, and no other, in single precision.
  protected override readonly round = Math.fround;

  constructor(options: EnvironmentOptions = {}) {
    super("MountainCarContinuous", 2, maxStepsOf("MountainCarContinuous", options, 999));
  }

  protected advance(action: ArrayLike<number>): number {
    const force = action[0] as number;
    return (this.move(0.0015 * force) ? 100 : 0) - 0.1 * force * force;
  }
}

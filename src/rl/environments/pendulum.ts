import { Environment, type EnvironmentOptions, maxStepsOf } from "../environment.js";
import type { Drawable, Picture } from "../picture.js";
import { Box } from "../space.js";

const gravity = 10; // m/s²
const timeStep = 0.05; // s
const topSpin = 8; // rad/s
const greatestTorque = 2; // N m

/**
 * A rod of 1 kg and 1 m is to be swung up and held upright by a torque from -2 to 2 N m, too weak to lift it at once. The reward of a step is
 * -(angle² + 0.1 spin² + 0.001 torque²), with the angle from upright (rad) and the angular velocity (rad/s) before it. Observations are the cosine
 * and sine of the angle, and the angular velocity. An episode is truncated after 200 steps and has no other end. Gymnasium's `Pendulum-v1`.
 */
export class Pendulum extends Environment<ArrayLike<number>> implements Drawable {
  readonly observationSpace = new Box([-1, -1, -topSpin], [1, 1, topSpin]);
  readonly actionSpace = new Box([-greatestTorque], [greatestTorque]);

  constructor(options: EnvironmentOptions = {}) {
    super("Pendulum", 2, maxStepsOf("Pendulum", options, 200));
  }

  protected begin(): void {
    this.state[0] = (2 * this.random.uniform() - 1) * Math.PI;
    this.state[1] = 2 * this.random.uniform() - 1;
  }

  protected advance(action: ArrayLike<number>): number {
    const { state } = this;
    const angle = state[0] as number;
    const spin = state[1] as number;
    const torque = action[0] as number;
    const turns = Math.floor((angle + Math.PI) / (2 * Math.PI));
    const tilt = angle - 2 * Math.PI * turns;
    const faster = spin + ((3 * gravity * Math.sin(angle)) / 2 + 3 * torque) * timeStep;
    const nextSpin = Math.min(Math.max(faster, -topSpin), topSpin);
    state[0] = angle + nextSpin * timeStep;
    state[1] = nextSpin;
    return -(tilt * tilt + 0.1 * spin * spin + 0.001 * torque * torque);
  }

  observe(into: Float32Array, at = 0): void {
    into[at] = Math.cos(this.state[0] as number);
    into[at + 1] = Math.sin(this.state[0] as number);
    into[at + 2] = this.state[1] as number;
  }

  draw(): Picture {
    const angle = this.state[0] as number;
    return {
      width: 2.6,
      height: 2.6,
      shapes: [
        {
          kind: "line",
          points: [
            [1.3, 1.3],
            [1.3 + Math.sin(angle), 1.3 - Math.cos(angle)],
          ],
          colour: "#d55e00",
          width: 0.14,
        },
        { kind: "circle", centre: [1.3, 1.3], radius: 0.06, colour: "#333333" },
      ],
    };
  }
}

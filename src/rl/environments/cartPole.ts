import { Environment, type EnvironmentOptions, maxStepsOf } from "../environment.js";
import { type Drawable, type Picture, rectangle } from "../picture.js";
import { Box, Discrete } from "../space.js";

const gravity = 9.8; // m/s²
const cartMass = 1; // kg
const poleMass = 0.1; // kg
const halfLength = 0.5; // of the pole, m
const pushForce = 10; // N
const timeStep = 0.02; // s
const mass = cartMass + poleMass;
const moment = poleMass * halfLength;
/** Beyond these an episode ends. */
const farthest = 2.4; // m
const steepest = (12 * 2 * Math.PI) / 360; // rad

/**
 * A cart on a track balances a pole that is hinged to it, pushed to the left (0) or to the right (1) at each step; a step brings a reward of 1.
 * Observations are position (m), velocity (m/s), angle (rad) and angular velocity (rad/s). An episode ends where the cart is more than 2.4 m from
 * the middle or the pole 12 degrees from upright, or after 500 steps. Barto, Sutton and Anderson (1983), Neuronlike adaptive elements; Gymnasium's
 * `CartPole-v1`.
 */
export class CartPole extends Environment<number> implements Drawable {
  readonly observationSpace = new Box(
    [-2 * farthest, Number.NEGATIVE_INFINITY, -2 * steepest, Number.NEGATIVE_INFINITY],
    [2 * farthest, Number.POSITIVE_INFINITY, 2 * steepest, Number.POSITIVE_INFINITY],
  );
  readonly actionSpace = new Discrete(2);

  constructor(options: EnvironmentOptions = {}) {
    super("CartPole", 4, maxStepsOf("CartPole", options, 500));
  }

  protected begin(): void {
    for (let i = 0; i < 4; i++) this.state[i] = 0.1 * this.random.uniform() - 0.05;
  }

  protected advance(action: number): number {
    const { state } = this;
    const position = state[0] as number;
    const velocity = state[1] as number;
    const angle = state[2] as number;
    const spin = state[3] as number;
    const cosine = Math.cos(angle);
    const sine = Math.sin(angle);
    // The equations of motion (Florian 2007, Correct equations for the dynamics of the cart-pole system), without friction.
    const push = ((action === 1 ? pushForce : -pushForce) + moment * spin ** 2 * sine) / mass;
    const turning = (gravity * sine - cosine * push) / (halfLength * (4 / 3 - (poleMass * cosine ** 2) / mass));
    const acceleration = push - (moment * turning * cosine) / mass;
    // One step of Euler's method.
    const nextPosition = position + timeStep * velocity;
    const nextAngle = angle + timeStep * spin;
    state[0] = nextPosition;
    state[1] = velocity + timeStep * acceleration;
    state[2] = nextAngle;
    state[3] = spin + timeStep * turning;
    if (Math.abs(nextPosition) > farthest || Math.abs(nextAngle) > steepest) this.terminate();
    return 1;
  }

  observe(into: Float32Array, at = 0): void {
    for (let i = 0; i < 4; i++) into[at + i] = this.state[i] as number;
  }

  draw(): Picture {
    const centre = (this.state[0] as number) + farthest;
    const angle = this.state[2] as number;
    const [hinge, length] = [1.1, 2 * halfLength];
    return {
      width: 2 * farthest,
      height: 1.5,
      shapes: [
        {
          kind: "line",
          points: [
            [0, 1.3],
            [2 * farthest, 1.3],
          ],
          colour: "#999999",
          width: 0.02,
        },
        rectangle(centre - 0.25, hinge, 0.5, 0.2, "#333333"),
        {
          kind: "line",
          points: [
            [centre, hinge],
            [centre + length * Math.sin(angle), hinge - length * Math.cos(angle)],
          ],
          colour: "#d55e00",
          width: 0.08,
        },
        { kind: "circle", centre: [centre, hinge], radius: 0.05, colour: "#0072b2" },
      ],
    };
  }
}

import { Environment, type EnvironmentOptions, maxStepsOf } from "../environment.js";
import type { Drawable, Picture, Place } from "../picture.js";
import { Box, Discrete } from "../space.js";

const gravity = 9.8; // m/s²
// Both links: 1 kg, 1 m, with the centre of mass in the middle.
const [mass, length, centre, inertia] = [1, 1, 0.5, 1];
const timeStep = 0.2; // s
const [topSpin1, topSpin2] = [4 * Math.PI, 9 * Math.PI]; // rad/s

/**
 * Two links hang from a joint, and a torque of -1 (0), 0 (1) or 1 (2) N m acts between them. A step brings a reward of -1, the last one 0. An
 * episode ends where the free end is higher than a link's length above the joint, or after 500 steps. Observations are the cosine and sine of both
 * angles (the second relative to the first link) and the angular velocities (rad/s). Sutton (1996), Generalization in reinforcement learning, in the
 * form of Sutton and Barto's book; Gymnasium's `Acrobot-v1`.
 */
export class Acrobot extends Environment<number> implements Drawable {
  readonly observationSpace = new Box([-1, -1, -1, -1, -topSpin1, -topSpin2], [1, 1, 1, 1, topSpin1, topSpin2]);
  readonly actionSpace = new Discrete(3);
  /** The slopes of a step of the Runge-Kutta method, and the state that one is taken at. */
  private readonly slopes = [0, 1, 2, 3].map(() => new Float64Array(4)) as [Float64Array, Float64Array, Float64Array, Float64Array];
  private readonly middle = new Float64Array(4);

  constructor(options: EnvironmentOptions = {}) {
    super("Acrobot", 4, maxStepsOf("Acrobot", options, 500));
  }

  protected begin(): void {
    for (let i = 0; i < 4; i++) this.state[i] = 0.2 * this.random.uniform() - 0.1;
  }

  protected advance(action: number): number {
    const { state, middle } = this;
    const [first, second, third, fourth] = this.slopes;
    const torque = action - 1;
    derivative(state, torque, first);
    derivative(along(state, first, timeStep / 2, middle), torque, second);
    derivative(along(state, second, timeStep / 2, middle), torque, third);
    derivative(along(state, third, timeStep, middle), torque, fourth);
    for (let i = 0; i < 4; i++) {
      const inner = 2 * ((second[i] as number) + (third[i] as number));
      state[i] = (state[i] as number) + (timeStep / 6) * ((first[i] as number) + inner + (fourth[i] as number));
    }
    const angle1 = wrapped(state[0] as number);
    const angle2 = wrapped(state[1] as number);
    state[0] = angle1;
    state[1] = angle2;
    state[2] = Math.min(Math.max(state[2] as number, -topSpin1), topSpin1);
    state[3] = Math.min(Math.max(state[3] as number, -topSpin2), topSpin2);
    if (!(-Math.cos(angle1) - Math.cos(angle1 + angle2) > 1)) return -1;
    this.terminate();
    return 0;
  }

  observe(into: Float32Array, at = 0): void {
    const { state } = this;
    for (let i = 0; i < 2; i++) {
      into[at + 2 * i] = Math.cos(state[i] as number);
      into[at + 2 * i + 1] = Math.sin(state[i] as number);
      into[at + 4 + i] = state[2 + i] as number;
    }
  }

  draw(): Picture {
    const joint: Place = [2.2, 2.2];
    const angle1 = this.state[0] as number;
    const angle2 = angle1 + (this.state[1] as number);
    const elbow: Place = [joint[0] + length * Math.sin(angle1), joint[1] + length * Math.cos(angle1)];
    const end: Place = [elbow[0] + length * Math.sin(angle2), elbow[1] + length * Math.cos(angle2)];
    return {
      width: 4.4,
      height: 4.4,
      shapes: [
        {
          kind: "line",
          points: [
            [0, joint[1] - length],
            [4.4, joint[1] - length],
          ],
          colour: "#999999",
          width: 0.02,
        },
        { kind: "line", points: [joint, elbow], colour: "#0072b2", width: 0.14 },
        { kind: "line", points: [elbow, end], colour: "#d55e00", width: 0.14 },
        { kind: "circle", centre: joint, radius: 0.09, colour: "#333333" },
        { kind: "circle", centre: elbow, radius: 0.09, colour: "#333333" },
      ],
    };
  }
}

/** The time derivative of angles and angular velocities: the equations of motion in the book. */
function derivative(at: Float64Array, torque: number, into: Float64Array): void {
  const angle1 = at[0] as number;
  const angle2 = at[1] as number;
  const spin1 = at[2] as number;
  const spin2 = at[3] as number;
  const cosine = Math.cos(angle2);
  const swing = mass * length * centre * Math.sin(angle2);
  const d1 = mass * centre ** 2 + mass * (length ** 2 + centre ** 2 + 2 * length * centre * cosine) + 2 * inertia;
  const d2 = mass * (centre ** 2 + length * centre * cosine) + inertia;
  const phi2 = mass * centre * gravity * Math.sin(angle1 + angle2);
  const weight = (mass * centre + mass * length) * gravity * Math.sin(angle1);
  const phi1 = -swing * spin2 * spin2 - 2 * swing * spin2 * spin1 + weight + phi2;
  const turning2 = (torque + (d2 / d1) * phi1 - swing * spin1 * spin1 - phi2) / (mass * centre ** 2 + inertia - d2 ** 2 / d1);
  into[0] = spin1;
  into[1] = spin2;
  into[2] = -(d2 * turning2 + phi1) / d1;
  into[3] = turning2;
}

/** `from + by slope`, written into `into`. */
function along(from: Float64Array, slope: Float64Array, by: number, into: Float64Array): Float64Array {
  for (let i = 0; i < 4; i++) into[i] = (from[i] as number) + by * (slope[i] as number);
  return into;
}

/** The same angle from -pi to pi. */
function wrapped(angle: number): number {
  let within = angle;
  while (within > Math.PI) within -= 2 * Math.PI;
  while (within < -Math.PI) within += 2 * Math.PI;
  return within;
}

/**
 * The two smallest networks of the report as one writes them by hand in TypeScript: loops over typed arrays, nothing allocated in a step.
 * Each does what Kasane's step does: forward, half the squared error, backward through time, plain gradient descent.
 */

/** The weights of a recurrent network without biases, row-major as Kasane has them. */
export interface Weights {
  /** `[hidden, inputs]` */
  readonly input: Float32Array;
  /** `[hidden, hidden]` */
  readonly hidden: Float32Array;
  /** `[1, hidden]` */
  readonly output: Float32Array;
}

/** Binary addition: two bits in, one bit of the sum out at each step, with sigmoids. */
export class BinaryAddition {
  private readonly states: Float32Array;
  private readonly deltas: Float32Array;
  private readonly predictions: Float32Array;
  private readonly outputDeltas: Float32Array;
  private readonly gradients: Weights;

  constructor(
    readonly weights: Weights,
    private readonly steps = 8,
    private readonly hidden = 16,
    private readonly rate = 0.1,
  ) {
    this.states = new Float32Array((steps + 1) * hidden);
    this.deltas = new Float32Array((steps + 1) * hidden);
    this.predictions = new Float32Array(steps);
    this.outputDeltas = new Float32Array(steps);
    this.gradients = likeWeights(weights);
  }

  /**
   * One update.
   * @param bits `[steps, 2]`
   * @param sum `[steps]`
   * @returns the loss before the update
   */
  step(bits: Float32Array, sum: Float32Array): number {
    const { steps, hidden, states, deltas, predictions, outputDeltas, gradients, weights } = this;
    let loss = 0;
    for (let t = 0; t < steps; t++) {
      const before = t * hidden;
      const now = before + hidden;
      const a = bits[2 * t] as number;
      const b = bits[2 * t + 1] as number;
      let out = 0;
      for (let i = 0; i < hidden; i++) {
        let u = a * (weights.input[2 * i] as number) + b * (weights.input[2 * i + 1] as number);
        for (let j = 0; j < hidden; j++) u += (weights.hidden[i * hidden + j] as number) * (states[before + j] as number);
        const z = 1 / (1 + Math.exp(-u));
        states[now + i] = z;
        out += z * (weights.output[i] as number);
      }
      const y = 1 / (1 + Math.exp(-out));
      const error = y - (sum[t] as number);
      predictions[t] = y;
      outputDeltas[t] = error * y * (1 - y);
      loss += error * error * 0.5;
    }
    clear(gradients);
    // deltas[t] is the gradient by what step t's sigmoid is taken of; behind the last step it is zero.
    for (let t = steps - 1; t >= 0; t--) {
      const here = t * hidden;
      const next = here + hidden;
      const outputDelta = outputDeltas[t] as number;
      const a = bits[2 * t] as number;
      const b = bits[2 * t + 1] as number;
      for (let i = 0; i < hidden; i++) {
        let back = outputDelta * (weights.output[i] as number);
        for (let j = 0; j < hidden; j++) back += (deltas[next + j] as number) * (weights.hidden[j * hidden + i] as number);
        const z = states[next + i] as number;
        const delta = back * z * (1 - z);
        deltas[here + i] = delta;
        (gradients.output[i] as number) += outputDelta * z;
        (gradients.input[2 * i] as number) += delta * a;
        (gradients.input[2 * i + 1] as number) += delta * b;
        for (let j = 0; j < hidden; j++) (gradients.hidden[i * hidden + j] as number) += delta * (states[here + j] as number);
      }
    }
    descend(weights, gradients, this.rate);
    return loss;
  }
}

/** Sine prediction: a window of a curve in, the next point out after its last step, with hyperbolic tangents. */
export class SinePrediction {
  private readonly states: Float32Array;
  private delta: Float32Array;
  private nextDelta: Float32Array;
  private readonly gradients: Weights;

  constructor(
    readonly weights: Weights,
    private readonly steps = 2,
    private readonly hidden = 5,
    private readonly rate = 0.1,
  ) {
    this.states = new Float32Array((steps + 1) * hidden);
    this.delta = new Float32Array(hidden);
    this.nextDelta = new Float32Array(hidden);
    this.gradients = likeWeights(weights);
  }

  /**
   * One update.
   * @param windows `[..., steps]`, of which the window begins at `at`
   * @returns the loss before the update
   */
  step(windows: Float32Array, at: number, target: number): number {
    const { steps, hidden, states, gradients, weights } = this;
    for (let t = 0; t < steps; t++) {
      const before = t * hidden;
      const x = windows[at + t] as number;
      for (let i = 0; i < hidden; i++) {
        let u = x * (weights.input[i] as number);
        for (let j = 0; j < hidden; j++) u += (weights.hidden[i * hidden + j] as number) * (states[before + j] as number);
        states[before + hidden + i] = Math.tanh(u);
      }
    }
    const last = steps * hidden;
    let y = 0;
    for (let i = 0; i < hidden; i++) y += (states[last + i] as number) * (weights.output[i] as number);
    const error = y - target;
    clear(gradients);
    for (let i = 0; i < hidden; i++) gradients.output[i] = error * (states[last + i] as number);
    for (let t = steps - 1; t >= 0; t--) {
      const before = t * hidden;
      const x = windows[at + t] as number;
      const { delta, nextDelta } = this;
      for (let i = 0; i < hidden; i++) {
        let back = 0;
        if (t === steps - 1) back = error * (weights.output[i] as number);
        else for (let j = 0; j < hidden; j++) back += (nextDelta[j] as number) * (weights.hidden[j * hidden + i] as number);
        const z = states[before + hidden + i] as number;
        const d = back * (1 - z * z);
        delta[i] = d;
        (gradients.input[i] as number) += d * x;
        for (let j = 0; j < hidden; j++) (gradients.hidden[i * hidden + j] as number) += d * (states[before + j] as number);
      }
      this.delta = nextDelta;
      this.nextDelta = delta;
    }
    descend(weights, gradients, this.rate);
    return error * error * 0.5;
  }
}

const likeWeights = ({ input, hidden, output }: Weights): Weights => ({
  input: new Float32Array(input.length),
  hidden: new Float32Array(hidden.length),
  output: new Float32Array(output.length),
});

function clear({ input, hidden, output }: Weights): void {
  input.fill(0);
  hidden.fill(0);
  output.fill(0);
}

function descend(weights: Weights, gradients: Weights, rate: number): void {
  for (let i = 0; i < weights.input.length; i++) (weights.input[i] as number) -= rate * (gradients.input[i] as number);
  for (let i = 0; i < weights.hidden.length; i++) (weights.hidden[i] as number) -= rate * (gradients.hidden[i] as number);
  for (let i = 0; i < weights.output.length; i++) (weights.output[i] as number) -= rate * (gradients.output[i] as number);
}

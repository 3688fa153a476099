import type { Weight } from "./case.js";

/** One operation of a network: what it does to earlier values, with which weights. The images are value 0, each operation makes the next one. */
export interface Operation {
  readonly op:
    | "conv"
    | "convTranspose"
    | "norm"
    | "relu"
    | "tanh"
    | "sigmoid"
    | "maxPool"
    | "averagePool"
    | "mean"
    | "flatten"
    | "linear"
    | "add"
    | "multiply"
    | "concat";
  readonly inputs: readonly number[];
  /** The names of its weights; a convolution's second is a bias, a normalisation's are scale, shift and, where it is not of the batch, mean and variance. */
  readonly weights?: readonly string[];
  readonly kernel?: number;
  readonly stride?: number;
  /** `[before, after]` along every axis of places. */
  readonly padding?: readonly [number, number];
  readonly dilation?: number;
  readonly groups?: number;
}

/** A value of the network that is being written down. */
export interface Value {
  readonly index: number;
  readonly channels: number;
  readonly places: readonly number[];
}

interface ConvSettings {
  readonly stride?: number;
  readonly padding?: readonly [number, number];
  readonly dilation?: number;
  readonly groups?: number;
  readonly bias?: boolean;
}

/** Writes a network of convolutions down, for peers to read: operations, weights, and the multiply-adds of a step of training. */
export class NetworkWriter {
  readonly operations: Operation[] = [];
  readonly weights: Weight[] = [];
  readonly images: Value;
  /** Of the products forwards; backwards there are twice as many, but for the images' gradient. */
  forward = 0;
  private ofImages = 0;

  constructor(
    private readonly batch: number,
    channels: number,
    places: readonly number[],
    /** Whether normalisations are by means and variances that are among the weights, and not by those of the batch. */
    private readonly isTrained = false,
  ) {
    this.images = { index: 0, channels, places };
  }

  get multiplyAdds(): number {
    return 3 * this.forward - this.ofImages;
  }

  conv(
    x: Value,
    outputs: number,
    kernel: number,
    { stride = 1, padding, dilation = 1, groups = 1, bias = false }: ConvSettings = {},
  ): Value {
    const half = (kernel - 1) >> 1;
    const around = padding ?? [half, half];
    const places = x.places.map((size) => Math.floor((size + around[0] + around[1] - dilation * (kernel - 1) - 1) / stride) + 1);
    const inputs = x.channels / groups;
    const elements = kernel ** x.places.length;
    const name = `${this.operations.length}.weight`;
    this.weights.push({ name, shape: [outputs, inputs, ...x.places.map(() => kernel)], bound: Math.sqrt(3 / (inputs * elements)) });
    const names = bias ? [name, this.vector(outputs, "bias", 0)] : [name];
    this.count(x, this.batch * product(places) * outputs * inputs * elements);
    return this.add({ op: "conv", inputs: [x.index], weights: names, stride, padding: around, dilation, groups }, outputs, places);
  }

  /** A transposed convolution by a kernel as wide as its stride. */
  convTranspose(x: Value, outputs: number, kernel: number): Value {
    const name = `${this.operations.length}.weight`;
    this.weights.push({ name, shape: [x.channels, outputs, kernel, kernel], bound: Math.sqrt(3 / x.channels) });
    this.count(x, this.batch * product(x.places) * outputs * x.channels * kernel * kernel);
    return this.add(
      { op: "convTranspose", inputs: [x.index], weights: [name], stride: kernel },
      outputs,
      x.places.map((size) => size * kernel),
    );
  }

  /** Batch normalisation. */
  norm(x: Value): Value {
    const names = [this.vector(x.channels, "scale", 1), this.vector(x.channels, "shift", 0)];
    if (this.isTrained) names.push(this.vector(x.channels, "mean", 0), this.vector(x.channels, "variance", 1));
    return this.add({ op: "norm", inputs: [x.index], weights: names }, x.channels, x.places);
  }

  elementwise(op: "relu" | "tanh" | "sigmoid", x: Value): Value {
    return this.add({ op, inputs: [x.index] }, x.channels, x.places);
  }

  relu(x: Value): Value {
    return this.elementwise("relu", x);
  }

  both(op: "add" | "multiply", a: Value, b: Value): Value {
    return this.add({ op, inputs: [a.index, b.index] }, a.channels, a.places);
  }

  concat(a: Value, b: Value): Value {
    return this.add({ op: "concat", inputs: [a.index, b.index] }, a.channels + b.channels, a.places);
  }

  pool(op: "maxPool" | "averagePool", x: Value, kernel: number, { stride = kernel, padding = 0 } = {}): Value {
    const places = x.places.map((size) => Math.floor((size + 2 * padding - kernel) / stride) + 1);
    return this.add({ op, inputs: [x.index], kernel, stride, padding: [padding, padding] }, x.channels, places);
  }

  /** The mean over all places, `[batch, channels]`. */
  mean(x: Value): Value {
    return this.add({ op: "mean", inputs: [x.index] }, x.channels, []);
  }

  flatten(x: Value): Value {
    return this.add({ op: "flatten", inputs: [x.index] }, x.channels * product(x.places), []);
  }

  linear(x: Value, outputs: number): Value {
    const bound = 1 / Math.sqrt(x.channels);
    const name = `${this.operations.length}.weight`;
    this.weights.push({ name, shape: [outputs, x.channels], bound });
    const names = [name, this.vector(outputs, "bias", 0)];
    this.count(x, this.batch * outputs * x.channels);
    return this.add({ op: "linear", inputs: [x.index], weights: names }, outputs, []);
  }

  private vector(size: number, role: string, centre: number): string {
    const name = `${this.operations.length}.${role}`;
    this.weights.push({ name, shape: [size], bound: 0.1, centre });
    return name;
  }

  private count(x: Value, products: number): void {
    this.forward += products;
    if (x.index === 0) this.ofImages += products;
  }

  private add(operation: Operation, channels: number, places: readonly number[]): Value {
    this.operations.push(operation);
    return { index: this.operations.length, channels, places };
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

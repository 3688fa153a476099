import { add, check, full, grad, nn, random, relu, slice, type Tensor } from "kasane";

/** What a stack of 3x3 convolutions is made of. */
interface Kind {
  readonly title: string;
  readonly weights: nn.init.Initialiser;
  readonly activation: (x: Tensor) => Tensor;
  /** The dilation and the stride of layer `index`, counted from 0, of `depth`. */
  readonly dilation?: (index: number) => number;
  readonly stride?: (index: number, depth: number) => number;
  /** Whether each layer adds what it is given. */
  readonly skip?: boolean;
}

const linear = { weights: nn.init.heNormal(1), activation: (x: Tensor) => x };
const rectified = { weights: nn.init.heNormal(), activation: (x: Tensor) => relu(x) };

/** The stacks that are compared, by the names of the command. */
export const kinds = {
  equal: {
    title: "equal weights",
    ...linear,
    weights: (shape) => full(shape, 1 / shape.slice(1).reduce((product, size) => product * size)),
  },
  linear: { title: "random weights", ...linear },
  relu: { title: "random weights, ReLU", ...rectified },
  skip: { title: "ReLU, skip connections", ...rectified, skip: true },
  subsampled: {
    title: "ReLU, two strides of 2",
    ...rectified,
    stride: (index, depth) => (index === Math.floor(depth / 3) || index === Math.floor((2 * depth) / 3) ? 2 : 1),
  },
  dilated: { title: "ReLU, dilations 1, 2, 4 in turn", ...rectified, dilation: (index) => 2 ** (index % 3) },
} satisfies Record<string, Kind>;

export type KindName = keyof typeof kinds;

/** Convolutions of 3x3 in a row. Without padding the borders of an image change nothing of what is seen. */
export class ConvolutionStack extends nn.Module {
  readonly layers: readonly nn.Conv2d[];
  private readonly kind: Kind;

  constructor(
    name: KindName,
    depth: number,
    channels: number,
    private readonly isPadded = false,
  ) {
    super();
    const kind: Kind = kinds[name];
    this.kind = kind;
    this.layers = Array.from({ length: depth }, (_, i) => {
      const dilation = kind.dilation?.(i) ?? 1;
      return new nn.Conv2d(i === 0 ? 1 : channels, channels, 3, {
        dilation,
        stride: kind.stride?.(i, depth) ?? 1,
        padding: isPadded ? dilation : 0,
        bias: false,
        weightInitialiser: kind.weights,
      });
    });
  }

  /** Images `[batch, 1, height, width]` to `[batch, channels, ...places]`. */
  forward(images: Tensor): Tensor {
    const { activation, skip = false } = this.kind;
    return this.layers.reduce((x, layer, i) => {
      const made = activation(layer.forward(x));
      return skip && i > 0 ? add(made, this.isPadded ? x : middle(x, made)) : made;
    }, images);
  }

  /** Gives every weight a new first value. */
  redraw(): void {
    for (const { weight } of this.layers) weight.assign(this.kind.weights(weight.shape));
  }

  /** The side of the square of pixels that an element of the last layer sees: the theoretical receptive field. */
  field(): number {
    const enough = 1 + 2 * this.layers.length * 4 * 4; // Dilations and strides are 4 at most.
    const [height] = nn.summarize(this, [1, 1, enough, enough]).modules[0]?.receptiveField ?? [];
    check(height?.size !== undefined, () => "receptive-field: what the stack sees is not known");
    return height.size;
  }
}

/** The places in the middle of an image, as many as another has. */
const middle = (x: Tensor, { shape }: Tensor): Tensor =>
  slice(
    x,
    x.shape.map((size, axis) => {
      const margin = (size - (shape[axis] as number)) / 2;
      return axis < 2 ? [] : [margin, size - margin];
    }),
  );

/** What `[batch, channels, height, width]` has at the place in the middle: `[batch, channels, 1, 1]`. */
export function middlePlace(x: Tensor): Tensor {
  const at = (axis: number): [number, number] => {
    const place = Math.floor((x.shape[axis] as number) / 2);
    return [place, place + 1];
  };
  return slice(x, [[], [], at(2), at(3)]);
}

/**
 * How much the middle of a stack's last layer changes with each pixel of images `[batch, 1, height, width]`: the square of the derivative, its mean over the
 * images, `[height, width]`. The derivative is by a sum of all channels with normal weights, so the mean of its square is the sum of the channels' squares.
 */
export function squaredSensitivity(stack: ConvolutionStack, images: Tensor): Tensor {
  const place = middlePlace(stack.forward(images));
  const output = place.mul(random.normal(place.shape)).sum();
  return grad(output, images)
    .square()
    .mean({ axis: [0, 1] });
}

/** How far a map of squared derivatives reaches. */
export interface Reach {
  /** The standard deviation of the squared derivative along an axis, about the pixel in the middle, in pixels. */
  readonly deviation: number;
  /**
   * The side of a square of as many pixels as have a derivative of at least 4.55 % of that in the middle, which is what a normal distribution has at 2.5 standard
   * deviations (Luo et al. 2016, section 4).
   */
  readonly side: number;
}

/** Measures a map of `side` x `side` squared derivatives. */
export function reachOf(squares: ArrayLike<number>, side: number): Reach {
  const centre = Math.floor(side / 2);
  const least = 0.0455 ** 2 * (squares[centre * side + centre] as number);
  let [total, moment, above] = [0, 0, 0];
  for (let i = 0; i < side * side; i++) {
    const value = squares[i] as number;
    const [y, x] = [Math.floor(i / side) - centre, (i % side) - centre];
    total += value;
    moment += value * (x * x + y * y);
    if (value >= least && value > 0) above++;
  }
  return { deviation: Math.sqrt(moment / (2 * total)), side: Math.sqrt(above) };
}

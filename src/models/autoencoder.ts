import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import type { Tensor } from "../graph/tensor.js";
import { Conv2d, ConvTranspose2d } from "../nn/conv.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { type Layer, Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { relu } from "../ops/activation.js";

const active: Layer = (x) => relu(x);

/** Learns to make its input again from a code of few numbers (Hinton and Salakhutdinov 2006, Reducing the dimensionality of data). */
abstract class Autoencoder extends Module {
  abstract readonly encoder: Sequential;
  abstract readonly decoder: Sequential;

  /** The codes `[batch, code]` of inputs. */
  encode(x: Tensor): Tensor {
    return this.encoder.forward(x);
  }

  /** Logits of the inputs that codes `[batch, code]` stand for: their sigmoid lies between 0 and 1 as the inputs do. */
  decode(code: Tensor): Tensor {
    return this.decoder.forward(code);
  }

  /** Logits of what inputs are taken for, in their shape. */
  forward(x: Tensor): Tensor {
    return this.decode(this.encode(x));
  }
}

/** Settings of a {@link DenseAutoencoder}. */
export interface DenseAutoencoderOptions {
  /** Sizes of the hidden layers of the encoder; the decoder has them in the other order. */
  readonly hidden: readonly number[];
  /** Size of the code. */
  readonly code: number;
}

/** An autoencoder of dense layers, of inputs `[batch, inputSize]`. */
export class DenseAutoencoder extends Autoencoder {
  readonly encoder: Sequential;
  readonly decoder: Sequential;

  constructor(inputSize: number, options: DenseAutoencoderOptions) {
    super();
    checkOptions("DenseAutoencoder", options, { hidden: "required", code: "required" });
    const { hidden, code } = options;
    checkSizes("DenseAutoencoder", { inputSize, code });
    const layers = (sizes: readonly number[]) =>
      sizes.slice(1).flatMap((size, i) => {
        const layer = new Linear(sizes[i] as number, size);
        return i < sizes.length - 2 ? [layer, active] : [layer];
      });
    const sizes = [inputSize, ...hidden, code];
    this.encoder = new Sequential(...layers(sizes));
    this.decoder = new Sequential(...layers(sizes.toReversed()));
  }
}

/** Settings of a {@link ConvolutionalAutoencoder}. */
export interface ConvolutionalAutoencoderOptions {
  /** Channels of the image, by default 1. */
  readonly imageChannels?: number;
  /** Channels after each convolution of the encoder, each of which halves height and width; the decoder has them in the other order. */
  readonly channels: readonly number[];
  /** Size of the code. */
  readonly code: number;
}

/** An autoencoder of images `[batch, imageChannels, height, width]`: convolutions of stride 2 down to a dense code, and transposed ones back. */
export class ConvolutionalAutoencoder extends Autoencoder {
  readonly encoder: Sequential;
  readonly decoder: Sequential;

  /** @param height, width both divisible by 2 for each of the convolutions */
  constructor(height: number, width: number, options: ConvolutionalAutoencoderOptions) {
    super();
    checkOptions("ConvolutionalAutoencoder", options, { imageChannels: "optional", channels: "required", code: "required" });
    const { imageChannels = 1, channels, code } = options;
    checkSizes("ConvolutionalAutoencoder", { height, width, imageChannels, code });
    const shrunk = 2 ** channels.length;
    check(
      channels.length > 0 && height % shrunk === 0 && width % shrunk === 0,
      () =>
        `ConvolutionalAutoencoder: ${channels.length} convolutions halve ${height}x${width}: expected one or more that leave no remainder`,
    );
    const all = [imageChannels, ...channels];
    const last = all.at(-1) as number;
    const [tall, wide] = [height / shrunk, width / shrunk];
    const inner = last * tall * wide;
    const down = channels.flatMap((size, i): Layer[] => [new Conv2d(all[i] as number, size, 3, { stride: 2, padding: 1 }), active]);
    const backwards = all.toReversed();
    const up = backwards.slice(1).flatMap((size, i): Layer[] => {
      const layer = new ConvTranspose2d(backwards[i] as number, size, 3, { stride: 2, padding: 1, outputPadding: 1 });
      return i < channels.length - 1 ? [layer, active] : [layer];
    });
    this.encoder = new Sequential(...down, (x: Tensor) => x.reshape([-1, inner]), new Linear(inner, code));
    this.decoder = new Sequential(new Linear(code, inner), active, (x: Tensor) => x.reshape([-1, last, tall, wide]), ...up);
  }
}

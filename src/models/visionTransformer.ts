import { check, KasaneError } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { Variable } from "../graph/variable.js";
import { Conv2d } from "../nn/conv.js";
import { Dropout } from "../nn/dropout.js";
import { normal, truncatedNormal, zeros } from "../nn/init.js";
import { LayerNorm } from "../nn/layerNorm.js";
import { Linear } from "../nn/linear.js";
import { Module } from "../nn/module.js";
import { MultiheadAttention } from "../nn/multiheadAttention.js";
import { Sequential } from "../nn/sequential.js";
import { checkSizes } from "../nn/sizes.js";
import { gelu } from "../ops/activation.js";
import { add } from "../ops/arithmetic.js";
import { expand, reshape, transpose } from "../ops/shapes.js";
import { concat, slice } from "../ops/slicing.js";
import { type ClassifierOptions, ImageClassifier } from "./classifier.js";

/** Torchvision's. */
const epsilon = 1e-6;

/** Attention and a dense part, each normalised first and added to what it was given. */
class EncoderLayer extends Module {
  readonly ln1: LayerNorm;
  readonly selfAttention: MultiheadAttention;
  readonly dropout: Dropout;
  readonly ln2: LayerNorm;
  readonly mlp: Sequential;

  constructor(size: number, heads: number, innerSize: number, dropout: number) {
    super();
    this.ln1 = new LayerNorm(size, epsilon);
    this.selfAttention = new MultiheadAttention(size, heads);
    this.dropout = new Dropout(dropout);
    this.ln2 = new LayerNorm(size, epsilon);
    this.mlp = new Sequential(
      new Linear(size, innerSize, { biasInitialiser: normal(0, 1e-6) }),
      (x: Tensor) => gelu(x),
      new Dropout(dropout),
      new Linear(innerSize, size, { biasInitialiser: normal(0, 1e-6) }),
      new Dropout(dropout),
    );
  }

  forward(x: Tensor): Tensor {
    const seen = this.ln1.forward(x);
    const attended = add(x, this.dropout.forward(this.selfAttention.forward(seen, seen, seen).output));
    return add(attended, this.mlp.forward(this.ln2.forward(attended)));
  }

  override torchName(path: string): string {
    return super.torchName(path.replace(/^ln([12])/, "ln_$1"));
  }
}

/** Settings of a {@link VisionTransformer}; the defaults are those of ViT-Tiny (Touvron et al. 2021, DeiT, table 1). */
export interface VisionTransformerOptions extends ClassifierOptions {
  /** Height and width of the images, by default 224. */
  readonly imageSize?: number;
  /** Height and width of a patch, by default 16. */
  readonly patchSize?: number;
  /** Size of the vector of a patch, by default 192. */
  readonly size?: number;
  readonly layers?: number;
  readonly heads?: number;
  /** Size of the inner layer of the dense parts, by default four times the size. */
  readonly innerSize?: number;
  /** The probability of dropout of the embeddings and after each dense layer (Dosovitskiy et al. 2021, appendix B.1), by default 0. */
  readonly dropout?: number;
}

/** A Transformer that reads an image as a sequence of patches (Dosovitskiy et al. 2021, An image is worth 16x16 words), with torchvision's names. */
export class VisionTransformer extends ImageClassifier {
  readonly convProj: Conv2d;
  /** `[1, 1, size]` */
  readonly classToken: Variable;
  /** `[1, patches + 1, size]` */
  readonly positions: Variable;
  readonly dropout: Dropout;
  readonly layers: readonly EncoderLayer[];
  readonly ln: LayerNorm;
  readonly head: Linear;
  readonly imageSize: number;

  constructor(options: VisionTransformerOptions = {}) {
    super(options, {
      imageSize: "optional",
      patchSize: "optional",
      size: "optional",
      layers: "optional",
      heads: "optional",
      innerSize: "optional",
      dropout: "optional",
    });
    const { imageSize = 224, patchSize = 16, size = 192, layers = 12, heads = 3, innerSize = 4 * size, dropout = 0 } = options;
    checkSizes("VisionTransformer", { imageSize, patchSize, size, layers, heads, innerSize }, 1);
    check(imageSize % patchSize === 0, () => `VisionTransformer: images of ${imageSize} pixels do not part into patches of ${patchSize}`);
    this.imageSize = imageSize;
    this.convProj = new Conv2d(this.imageChannels, size, patchSize, {
      stride: patchSize,
      weightInitialiser: truncatedNormal(0, Math.sqrt(1 / (this.imageChannels * patchSize ** 2))),
      biasInitialiser: zeros,
    });
    this.classToken = new Variable(zeros([1, 1, size]));
    this.positions = new Variable(normal(0, 0.02)([1, (imageSize / patchSize) ** 2 + 1, size]));
    this.dropout = new Dropout(dropout);
    this.layers = Array.from({ length: layers }, () => new EncoderLayer(size, heads, innerSize, dropout));
    this.ln = new LayerNorm(size, epsilon);
    this.head = new Linear(size, this.classes, { weightInitialiser: zeros, biasInitialiser: zeros });
  }

  /** What the patches are taken for, in their places. */
  features(images: Tensor): Tensor {
    const encoded = this.encode(images);
    const [batch, count, size] = encoded.shape as [number, number, number];
    const side = Math.sqrt(count - 1);
    return reshape(transpose(slice(encoded, [[], [1, null]]), [0, 2, 1]), [batch, size, side, side]);
  }

  /** @throws KasaneError always: the classes are told from the class token, which is no place of the image */
  classify(): Tensor {
    throw new KasaneError("VisionTransformer: the classes are told from the class token, not from the maps of the patches");
  }

  override forward(images: Tensor): Tensor {
    const encoded = this.encode(images);
    const [batch, , size] = encoded.shape as [number, number, number];
    return this.head.forward(reshape(slice(encoded, [[], [0, 1]]), [batch, size]));
  }

  /** The class token and the patches, `[batch, patches + 1, size]`. */
  private encode(images: Tensor): Tensor {
    this.checkImages(images);
    const { imageSize } = this;
    check(
      images.shape[2] === imageSize && images.shape[3] === imageSize,
      () => `VisionTransformer: got ${showShape(images.shape)}, expected images of ${imageSize}x${imageSize} pixels`,
    );
    const [batch] = images.shape as [number];
    const maps = this.convProj.forward(images);
    const size = maps.shape[1] as number;
    const patches = transpose(reshape(maps, [batch, size, -1]), [0, 2, 1]);
    const tokens = concat([expand(this.classToken, [batch, 1, size]), patches], { axis: 1 });
    const embedded = this.dropout.forward(add(tokens, this.positions));
    return this.ln.forward(this.layers.reduce((x, layer) => layer.forward(x), embedded));
  }

  override torchName(path: string): string {
    const named = path
      .replace(/^positions$/, "encoder.pos_embedding")
      .replace(/^layers\.(\d+)/, "encoder.layers.encoder_layer_$1")
      .replace(/^ln\./, "encoder.ln.")
      .replace(/^head\./, "heads.head.");
    return super.torchName(named);
  }
}

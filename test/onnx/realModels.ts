import { existsSync } from "node:fs";
import { join } from "node:path";
import { type DType, type OnnxOptions, type Tensor, tensor } from "kasane";
import { Choices } from "../hostile/random.js";

/** Where other people's models are: the folder that KASANE_MODELS names. None of them is part of this repository. */
export const modelFolder: string | undefined = process.env.KASANE_MODELS;

/** An input: its shape, its dtype, and the numbers between which it is drawn (the second is left out). */
type Input = readonly [shape: readonly number[], dtype: DType, low: number, high: number];

/** One model, the inputs to try it with, and what is asked of it. */
export interface RealModel {
  readonly inputs: Readonly<Record<string, Input>>;
  readonly options?: OnnxOptions;
  /** Whether ONNX Runtime cannot run the file with these inputs, since it fixes other sizes. */
  readonly isLifted?: boolean;
  /** Whether its convolutions are many: then its slope is taken in float32. */
  readonly isLarge?: boolean;
  /** Whether no difference quotient tells its slope, as of logarithms near 0: bench/gradients compares its gradients with PyTorch's. */
  readonly isBent?: boolean;
  /** Of the training steps; by default 1e-6. */
  readonly learningRate?: number;
}

export const realModels: Readonly<Record<string, RealModel>> = {
  "attacut-sc": { inputs: { input: [[1, 2, 30], "int64", 0, 50] } },
  "basic-pitch": { inputs: { "serving_default_input_2:0": [[1, 43844, 1], "float32", -1, 1] }, isBent: true, learningRate: 1e-5 },
  "cct-cifar10": { inputs: { input: [[1, 3, 32, 32], "float32", -1, 1] } },
  "chars2vec-lstm": { inputs: { lstm_input: [[3, 12, 59], "float32", 0, 1] } },
  dnsmos: { inputs: { input_1: [[1, 144_160], "float32", -1, 1] }, isLarge: true },
  "lemmas-int8": { inputs: { src: [[2, 7], "int64", 0, 50], tgt_in: [[2, 6], "int64", 0, 50] } },
  magika: { inputs: { bytes: [[2, 2048], "int32", 0, 257] } },
  melspectrogram: { inputs: { input: [[1, 16_000], "float32", -1, 1] } },
  "meshnet-3d": { inputs: { input: [[1, 1, 24, 24, 24], "float32", 0, 1] }, options: { lift: "all" }, isLifted: true },
  "mnist-8": { inputs: { Input3: [[1, 1, 28, 28], "float32", 0, 255] } },
  "morphemes-cnn-float16": { inputs: { input_layer: [[2, 20], "int32", 0, 30] } },
  "ppocr-angle-mobilenetv3": { inputs: { x: [[2, 3, 48, 192], "float32", -1, 1] } },
  "silero-vad-16k-sequence": {
    inputs: { input: [[5, 576], "float32", -1, 1], h: [[1, 1, 128], "float32", 0, 0], c: [[1, 1, 128], "float32", 0, 0] },
  },
  "sklearn-mlp-pipeline": { inputs: { input: [[3, 4], "float32", -1, 1] } },
  "speech-embedding": { inputs: { input_1: [[2, 76, 32, 1], "float32", -1, 1] } },
  "transliteration-gru-decoder": {
    inputs: {
      prefix: [[2, 5], "int64", 0, 40],
      memory: [[2, 9, 256], "float32", -1, 1],
      src_mask: [[2, 9], "bool", 1, 1],
      hidden: [[2, 2, 256], "float32", -1, 1],
    },
  },
  "transliteration-gru-encoder": { inputs: { src: [[2, 9], "int64", 0, 40], src_mask: [[2, 9], "bool", 1, 1] } },
  "ultraface-rfb-320": { inputs: { input: [[1, 3, 240, 320], "float32", -1, 1] }, isLarge: true },
  "wake-word-head": { inputs: { "onnx::Flatten_0": [[1, 25, 96], "float32", -1, 1] } },
  yunet: { inputs: { input: [[1, 3, 320, 320], "float32", 0, 255] }, isLarge: true },
};

/** The file of a model, where it is there. */
export function fileOf(name: string): string | undefined {
  const file = modelFolder && join(modelFolder, `${name}.onnx`);
  return file && existsSync(file) ? file : undefined;
}

/** Numbers in [0, 1) that follow from a seed. */
export function uniform(count: number, seed: number): number[] {
  const choices = new Choices(seed);
  return Array.from({ length: count }, () => choices.integer(2 ** 24) / 2 ** 24);
}

/** The inputs of a model, drawn from a fixed seed. */
export function drawInputs({ inputs }: RealModel): Record<string, Tensor> {
  const drawn = Object.entries(inputs).map(([name, [shape, dtype, low, high]], i) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const numbers = uniform(count, 7 * i + 1).map((x) => low + x * (high - low));
    const values = dtype.startsWith("float") ? numbers : numbers.map(Math.floor);
    return [name, tensor(dtype === "bool" ? values.map((x) => x !== 0) : values, { dtype, shape })] as const;
  });
  return Object.fromEntries(drawn);
}

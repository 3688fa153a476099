import { z } from "zod";
import * as option from "../options.js";
import { type Method, methods, type TuneOptions } from "./tune.js";

/** `--method`. */
export const method = z
  .enum(methods)
  .default("head")
  .describe("what is trained: a new head alone, products of low rank in all layers beside it (LoRA), or all");

/** Options of a training. */
export const tuning = {
  epochs: option.epochs("the data (default: head 40, lora 8, full 5)").optional(),
  batchSize: option.batchSize("examples").default(32),
  learningRate: option
    .learningRate("AdamW at the start; it falls along half a cosine (default: head 0.005, lora 0.001, full 0.0001)")
    .optional(),
  headRate: z.number().positive().default(5).describe("the rate of the head beside other weights, as a multiple"),
  weightDecay: z.number().min(0).default(0.01).describe("weight decay of AdamW"),
  rank: z.int().min(1).max(1024).default(8).describe("rank of the products of --method lora"),
  alpha: z.number().positive().default(16).describe("what these products are multiplied by, times their rank"),
};

/** Epochs and rates that serve each method. */
const usual: Readonly<Record<Method, Pick<TuneOptions, "epochs" | "learningRate">>> = {
  head: { epochs: 40, learningRate: 0.005 },
  lora: { epochs: 8, learningRate: 0.001 },
  full: { epochs: 5, learningRate: 0.0001 },
};

/** What may be left out as undefined. */
type Given = Omit<TuneOptions, "epochs" | "learningRate"> & {
  readonly epochs?: number | undefined;
  readonly learningRate?: number | undefined;
};

/** All settings of a training, those that are not given as they serve the method. */
export const tuneOptions = (given: Given): TuneOptions => ({
  ...given,
  epochs: given.epochs ?? usual[given.method].epochs,
  learningRate: given.learningRate ?? usual[given.method].learningRate,
});

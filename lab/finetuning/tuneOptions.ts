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
  epochs: option.epochs("the data (default: head 20, lora 10, full 10)").optional(),
  batchSize: option.batchSize("examples").default(32),
  learningRate: option
    .learningRate("AdamW at the start; it falls along half a cosine (default: head 0.001, lora 0.001, full 0.0001)")
    .optional(),
  headRate: z
    .number()
    .positive()
    .optional()
    .describe("the rate of the head beside other weights, as a multiple (default: lora 1, full 10)"),
  weightDecay: z.number().min(0).default(0.01).describe("weight decay of AdamW"),
  rank: z.int().min(1).max(1024).default(16).describe("rank of the products of --method lora"),
  alpha: z.number().positive().default(16).describe("what these products are multiplied by, times their rank"),
};

/** What is chosen by the method where it is not given. */
type Chosen = "epochs" | "learningRate" | "headRate";

/** Epochs and rates that serve each method. */
const usual: Readonly<Record<Method, Pick<TuneOptions, Chosen>>> = {
  head: { epochs: 20, learningRate: 0.001, headRate: 1 },
  lora: { epochs: 10, learningRate: 0.001, headRate: 1 },
  full: { epochs: 10, learningRate: 0.0001, headRate: 10 },
};

/** What may be left out as undefined. */
type Given = Omit<TuneOptions, Chosen> & { readonly [Name in Chosen]?: number | undefined };

/** All settings of a training, those that are not given as they serve the method. */
export const tuneOptions = (given: Given): TuneOptions => ({
  ...given,
  epochs: given.epochs ?? usual[given.method].epochs,
  learningRate: given.learningRate ?? usual[given.method].learningRate,
  headRate: given.headRate ?? usual[given.method].headRate,
});

import { z } from "zod";
import { randomStateSchema } from "./checkpoint.js";

const count = z.int().min(0);

/** How far a training run is, as its checkpoints keep it. */
export const positionSchema = z
  .object({
    step: count,
    epoch: count,
    /** How many batches of the epoch were trained on, and the random state when it began: its batches may be drawn from that. */
    batch: count,
    epochRandom: randomStateSchema,
    /** The step of the last validation, the best figure and the number of validations since. */
    validated: count,
    best: z.number().optional(),
    sinceBest: count,
    /** Sums of figures that are not yet recorded, with their counts. */
    sums: z.record(z.string(), z.tuple([z.number(), z.number().positive()])),
    /** The size of `metrics.jsonl`, in bytes: a run that goes on from here records anew what came after. */
    recorded: count,
  })
  .refine(({ step, epoch, batch, validated }) => Math.max(epoch, batch, validated) <= step, {
    error: "expected epoch, batch and validated to be at most step",
  });

/** How far a training run is. */
export type Position = z.infer<typeof positionSchema>;

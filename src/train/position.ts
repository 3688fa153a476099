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
    /** The goal that the best figure is of. */
    goal: z.string().optional(),
    sinceBest: count,
    /** Sums of figures that are not yet recorded, with their counts. */
    sums: z.custom<Record<string, [sum: number, count: number]>>(isSums, { error: "expected a sum and a count for each figure" }),
    /** The size of `metrics.jsonl`, in bytes: a run that goes on from here records anew what came after. */
    recorded: count,
  })
  .refine(({ step, epoch, batch, validated }) => Math.max(epoch, batch, validated) <= step, {
    error: "expected epoch, batch and validated to be at most step",
  });

/** Checked by a function, which stops at the first wrong figure of a million. */
function isSums(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isFinite) && pair[1] > 0);
}

/** How far a training run is. */
export type Position = z.infer<typeof positionSchema>;

import { devices } from "kasane";
import { InferenceSession } from "onnxruntime-web/webgpu";
import { cases } from "../ops/cases.js";
import { evaluate, type Outcome } from "../ops/evaluate.js";
import { withoutFallback } from "../ops/fallback.js";
import { compute, trainAll } from "./program.js";

// What the page of chromium.test.ts does when it is asked.

withoutFallback(InferenceSession);

/** The outcomes of some of the operators' cases. */
async function operators(device: "cpu" | "webgpu", from: number, to: number): Promise<[name: string, outcome: Outcome][]> {
  return [...(await evaluate(cases.slice(from, to), { device, executor: "onnxruntime" }))];
}

/** The functions that the page has among its globals. */
export const offered = { devices, compute, trainAll, operators };

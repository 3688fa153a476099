import type { ListedExperiment } from "../experiment.js";
import { runCommand } from "./run.js";

const called = { name: "kasane finetune", usage: "<model.onnx> [options]" };

/**
 * `kasane finetune MODEL.onnx`: the experiment of that name, with the model before its options.
 * @param words the whole command line
 */
export function finetuneCommand(
  experiments: readonly ListedExperiment[],
  [model, ...rest]: readonly string[],
  words: readonly string[],
): Promise<void> {
  const isModel = model !== undefined && !model.startsWith("-");
  return runCommand(experiments, ["finetune", ...(isModel ? ["--model", model, ...rest] : [model ?? "--help", ...rest])], words, called);
}

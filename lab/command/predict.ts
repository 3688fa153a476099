import { createInterface } from "node:readline";
import { CommanderError } from "commander";
import { check, KasaneError } from "kasane";
import { z } from "zod";
import { PredictContext } from "../context.js";
import type { ListedExperiment } from "../experiment.js";
import { invocation } from "../invocation.js";
import { RunFolder } from "../runFolder.js";
import { type CommonFlags, dataFlag, jsonFlag, quietCommand, runsFlag } from "./commonFlags.js";
import { completeOptions, flagsOf, readFlags } from "./flags.js";
import { loadExperiment } from "./load.js";
import { checkData } from "./run.js";

/** The flags of `kasane predict` itself, without those of the run's experiment. */
interface PredictRequest extends CommonFlags {
  readonly name: string;
  readonly from?: string;
}

/** The flags of every prediction beside the common ones. */
interface PredictFlags {
  readonly data?: string;
  readonly chat?: boolean;
}

/** Asks the model of a run; the flags and the help are those of its experiment. */
export async function predictCommand(
  experiments: readonly ListedExperiment[],
  request: PredictRequest,
  words: readonly string[],
): Promise<void> {
  const folder = RunFolder.open(request.name, request.runs);
  const { experiment: name } = folder.config;
  check(
    request.from !== undefined || experiments.some((experiment) => experiment.name === name),
    () => `predict: ${folder.shown} is a run of ${name}, which is none of Kasane's own: say where it is with --from FILE`,
  );
  const experiment = await loadExperiment(experiments, request.from ?? name);
  check(
    experiment.name === name,
    () => `--from: ${request.from} has the experiment ${experiment.name}, ${folder.shown} is a run of ${name}`,
  );
  const { predict } = experiment;
  check(predict !== undefined, () => `predict: ${name} has nothing to predict: see ${invocation(["show", folder.shown])}`);

  const schema = predict.options ?? z.object({});
  const command = quietCommand("kasane predict")
    .usage(`${request.name} <text> [options]`)
    .description(`Asks a run of ${name}.`)
    .argument("<run>", folder.shown)
    .argument("[text]", predict.text)
    .optionsGroup("Options:");
  for (const option of flagsOf(schema)) command.addOption(option);
  if (predict.chat) command.option("--chat", "answers the lines of stdin, one after the other");
  command
    .optionsGroup("Every experiment has:")
    .option("--from <file>", "the file of the run's experiment, where that is one of your own")
    .addOption(runsFlag())
    .addOption(dataFlag())
    .addOption(jsonFlag())
    .action(async (_run: string, typed: string | undefined, typedFlags: CommonFlags & PredictFlags) => {
      const text = unspaced(typed);
      const flags = Object.fromEntries(Object.entries(typedFlags).map(([flag, value]) => [flag, unspaced(value)])) as typeof typedFlags;
      const { chat = false } = flags;
      check(!chat || text === undefined, () => `predict: got --chat and "${text}": --chat reads what is said from stdin`);
      check(chat || text !== undefined, () => `predict: no text given: expected ${predict.text}`);
      checkData(flags.data);
      const given = completeOptions(schema, readFlags(schema, { ...flags }), "predict");
      const options = completeOptions(experiment.options, folder.config.options, folder.file("config.json"));
      const context = new PredictContext(folder, { json: flags.json ?? false, data: flags.data });
      if (chat) await predict.chat?.(context, options, typedLines(), given);
      else await predict.run(context, options, text as string, given);
    });
  // Numbers below 0 are no flags.
  const texts = words.map((word) => (/^-[\d.]/.test(word) ? ` ${word}` : word));
  try {
    await command.parseAsync(texts, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError && error.code === "commander.unknownOption")) throw error;
    throw new KasaneError(`predict: ${error.message.replace(/^error: /, "")}: a text that begins with a dash stands at the end, behind --`);
  }
}

/** What was typed, without the space that keeps a number below 0 from being a flag. */
const unspaced = <Value>(typed: Value): Value => (typeof typed === "string" ? (typed.replace(/^ (?=-[\d.])/, "") as Value) : typed);

/** The lines of stdin. It is read from when the first is asked for: what came before would be lost. */
async function* typedLines(): AsyncGenerator<string> {
  yield* createInterface({ input: process.stdin });
}

import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { ListedExperiment } from "../experiment.js";
import { type CommonFlags, dataFlag, jsonFlag, quietCommand, runsFlag } from "./commonFlags.js";
import { unknownName } from "./unknownName.js";

/**
 * The `kasane` command. Each of its commands loads what it needs when it is called: loading the library and all experiments takes longer than
 * most commands.
 * @param words the command line that it will be given
 */
export function program(experiments: readonly ListedExperiment[], words: readonly string[]): Command {
  const kasane = quietCommand("kasane")
    .description("Trains the experiments of Kasane, or your own, and shows what came of them.")
    .version(version(), "--version", "print the version")
    .enablePositionalOptions();
  kasane
    .usage("<command> [options]")
    .argument("[command]")
    .allowUnknownOption()
    .allowExcessArguments()
    .action((name: string | undefined) => {
      if (name === undefined) return kasane.outputHelp();
      const names = kasane.commands.map((command) => command.name());
      throw unknownName("command", name, names, "kasane --help");
    });

  command(kasane, "list", "list the experiments")
    .addOption(jsonFlag())
    .action(async (flags: CommonFlags) => (await import("./list.js")).listExperiments(experiments, flags));

  const run = command(kasane, "run", "run an experiment")
    .usage("<experiment> [options]")
    .argument("[experiment]", "one of the list, or a file with one of your own: ./my-experiment.ts")
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .addHelpText("after", "\nkasane list has the experiments; kasane run <experiment> --help shows what can be set.")
    .action(async (name: string | undefined, _flags: unknown, { args }: Command) => {
      if (name === undefined) return run.outputHelp();
      if (name.startsWith("-"))
        run.error(`run: got ${name} before any experiment: expected kasane run <experiment> [options] (see kasane list)`);
      await (await import("./run.js")).runCommand(experiments, args, words);
    });

  command(kasane, "finetune", "train an .onnx file on data of your own")
    .usage("<model.onnx> [options]")
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .passThroughOptions()
    .action(async (_flags: unknown, { args }: Command) => (await import("./finetune.js")).finetuneCommand(experiments, args, words));

  command(kasane, "devices", "list what this machine can compute with")
    .addOption(jsonFlag())
    .action(async (flags: CommonFlags) => (await import("./devices.js")).listDevices(flags));

  command(kasane, "runs", "list the run folders")
    .option("--sort <figure>", "by the last value of a figure, least first; without, by time, oldest first")
    .option("--descending", "the other way round")
    .addOption(runsFlag())
    .addOption(jsonFlag())
    .action(async (flags) => (await import("./runs.js")).listRuns(flags));

  command(kasane, "show", "show a run: its options, its figures and their curve")
    .argument("<run>", "a run folder, or its name")
    .option("--figure <name>", "the figure that is drawn, by default the first")
    .addOption(runsFlag())
    .addOption(jsonFlag())
    .action(async (name: string, flags) => (await import("./show.js")).showRun(name, flags));

  command(kasane, "compare", "show runs beside each other: the options that differ, their figures, and a curve of each")
    .argument("<runs...>", "run folders, or their names")
    .option("--figure <name>", "the figure that is drawn, by default the first that all have")
    .addOption(runsFlag())
    .addOption(jsonFlag())
    .action(async (names: string[], flags) => (await import("./compare.js")).compareRuns(names, flags));

  command(kasane, "remove", "remove run folders, with all that is in them")
    .argument("<runs...>", "run folders, or their names")
    .option("--yes", "without asking")
    .addOption(runsFlag())
    .action(async (names: string[], flags) => (await import("./remove.js")).removeRuns(names, flags));

  const predict = command(kasane, "predict", "ask a run's trained model")
    .usage("<run> <text> [options]")
    .argument("[run]", "a run folder, or its name")
    .argument("[text]", "what to predict from: kasane list says which experiment takes what")
    .helpOption(false)
    .option("-h, --help", "print this help; after a run, what it takes and which options it has")
    .option("--from <file>", "the file of the run's experiment, where that is one of your own")
    .addOption(runsFlag())
    .addOption(dataFlag())
    .addOption(jsonFlag())
    .allowUnknownOption()
    .allowExcessArguments()
    .action(async (name: string | undefined, _text, flags: CommonFlags & { help?: boolean; from?: string }) => {
      if (name !== undefined) return (await import("./predict.js")).predictCommand(experiments, { name, ...flags }, words.slice(1));
      if (flags.help) return predict.outputHelp();
      predict.error("error: missing required argument 'run'");
    });
  return kasane;
}

const command = (parent: Command, name: string, description: string): Command => parent.command(name).description(description);

function version(): string {
  // The package's own file lies one folder up from the sources, two from what is built of them.
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
      if (name === "kasane") return version;
    } catch {
      // Try the next place.
    }
  }
  return "unknown";
}

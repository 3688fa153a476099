import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { check, closestName, KasaneError } from "kasane";
import type { Experiment } from "../experiment.js";
import { flagsOf } from "./flags.js";
import { listDevices, listExperiments } from "./list.js";
import { predict } from "./predict.js";
import { findExperiment, run } from "./run.js";
import { listRuns, showRun } from "./show.js";

/** What every command reads beside its own flags. */
export interface CommonFlags {
  readonly json?: boolean;
  /** The folder that runs lie in. */
  readonly runs: string;
}

const jsonFlag = () => new Option("--json", "write JSON lines to stdout, for machines");
const runsFlag = () => new Option("--runs <dir>", "the folder that run folders lie in").default("runs");
const dataFlag = () => new Option("--data <dir>", "a folder with datasets").env("KASANE_DATA");

/**
 * The `kasane` command. Its flags and help come from the experiments' schemas.
 * @param words the command line that it will be given
 */
export function program(experiments: readonly Experiment[], words: readonly string[]): Command {
  const kasane = new Command("kasane")
    .description("Trains the experiments of Kasane and shows what came of them.")
    .version(version(), "--version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    // main prints every error, as one line.
    .configureOutput({ outputError: () => undefined });
  kasane
    .usage("<command> [options]")
    .argument("[command]")
    .allowUnknownOption()
    .action((name: string | undefined) => {
      if (name === undefined) return kasane.outputHelp();
      const names = kasane.commands.map((command) => command.name());
      const near = closestName(name, names);
      throw new KasaneError(
        `unknown command "${name}": ${near ? `did you mean ${near}?` : `expected one of ${names.join(", ")}`} (see kasane --help)`,
      );
    });

  subcommand(kasane, "list", "list the experiments")
    .addOption(jsonFlag())
    .action((flags: CommonFlags) => listExperiments(experiments, flags));

  const runs = subcommand(kasane, "run", "run an experiment")
    .usage("<experiment> [options]")
    .argument("[experiment]")
    .allowUnknownOption()
    .allowExcessArguments()
    .action((name: string | undefined) => {
      if (name === undefined) return runs.outputHelp();
      check(
        !name.startsWith("-"),
        () => `run: got ${name} before any experiment: expected kasane run <experiment> [options] (see kasane list)`,
      );
      findExperiment(experiments, name);
    });
  for (const experiment of experiments) addRun(runs, experiment, words);

  subcommand(kasane, "devices", "list what this machine can compute with")
    .addOption(jsonFlag())
    .action((flags: CommonFlags) => listDevices(flags));

  subcommand(kasane, "runs", "list the run folders")
    .addOption(runsFlag())
    .addOption(jsonFlag())
    .action((flags: CommonFlags) => listRuns(flags));

  subcommand(kasane, "show", "show a run: its options, its figures and their curve")
    .argument("<run>", "a run folder, or its name")
    .addOption(runsFlag())
    .addOption(jsonFlag())
    .action((name: string, flags: CommonFlags) => showRun(name, flags));

  subcommand(kasane, "predict", "ask a run's trained model")
    .argument("<run>", "a run folder, or its name")
    .argument("[text]", "what to predict from; which run takes what, its experiment says")
    .addOption(runsFlag())
    .addOption(dataFlag())
    .addOption(jsonFlag())
    .allowUnknownOption()
    .allowExcessArguments()
    .action((name: string, text: string | undefined, flags: CommonFlags & { data?: string }, command: Command) =>
      predict(experiments, { name, text, flags, rest: command.args.slice(2) }),
    );
  return kasane;
}

function addRun(parent: Command, experiment: Experiment, words: readonly string[]): void {
  const command = subcommand(parent, experiment.name, experiment.title).optionsGroup("Options:");
  for (const option of flagsOf(experiment.options)) command.addOption(option);
  const presets = Object.keys(experiment.presets ?? {});
  if (presets.length > 0) command.addOption(new Option("--preset <name>", `settings that belong together (${presets.join(", ")})`));
  command
    .optionsGroup("Every experiment has:")
    .addOption(new Option("--device <name>", "what computes (cpu, webgpu, cuda, dml, coreml; default: cpu)"))
    .addOption(new Option("--threads <n>", "threads on the CPU (default: all cores for large graphs, one for small ones)"))
    .addOption(
      new Option("--seed <n>", "what all random numbers follow from; several, such as 0,1: a run of each, side by side (default: 0)"),
    )
    .addOption(dataFlag())
    .addOption(runsFlag())
    .addOption(new Option("--resume <run>", "go on with an interrupted run, with its options; those given change them"))
    .addOption(jsonFlag())
    .action((flags) => run(experiment, flags, words));
}

function subcommand(parent: Command, name: string, description: string): Command {
  return parent.command(name).description(description).helpOption("--help", "print this help").allowExcessArguments(false);
}

function version(): string {
  // The package's own file lies one folder up from the sources, two from what is built of them.
  for (const path of ["../../package.json", "../../../package.json"]) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
      if (name === "kasane") return version;
    } catch {
      // Looked for in the next place.
    }
  }
  return "unknown";
}

import { Command, Option } from "commander";

/** What every command reads beside its own flags. */
export interface CommonFlags {
  readonly json?: boolean;
  /** The folder that runs lie in. */
  readonly runs: string;
}

export const jsonFlag = () => new Option("--json", "write JSON lines to stdout, for machines");
export const runsFlag = () => new Option("--runs <dir>", "the folder that run folders lie in").default("runs");
export const dataFlag = () => new Option("--data <dir>", "a folder with datasets, which a run keeps").env("KASANE_DATA");

/** A command whose errors are exceptions: {@link execute} prints each as one line. */
export const quietCommand = (name: string): Command =>
  new Command(name)
    .helpOption("-h, --help", "print this help")
    .helpCommand(false)
    .allowExcessArguments(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({ outputError: () => undefined });

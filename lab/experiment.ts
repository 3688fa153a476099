import type { z } from "zod";
import type { Context, PredictContext } from "./context.js";

/**
 * An experiment: what it is called, what can be set, and what it does.
 * The command's flags and help, and the check of what is given, are all made from `options`: describe every option (its unit too),
 * bound every number, and give it the published default.
 */
export interface Experiment<Options extends z.ZodObject = z.ZodObject> {
  /** In kebab-case; the command's and the run folders' name. */
  readonly name: string;
  /** One line for the list. */
  readonly title: string;
  /** What the list groups it by: the folder of `lab/` that it stands in. */
  readonly chapter?: string;
  readonly options: Options;
  /** Named settings that differ from the defaults, such as a paper's variations: `--preset NAME`. Options given beside it win. */
  readonly presets?: Readonly<Record<string, Partial<z.output<Options>>>>;
  /** Trains, reports and leaves its results in the run folder. */
  run(context: Context, options: z.output<Options>): Promise<void>;
  /** Makes a prediction with a finished run: `kasane predict RUN TEXT`. */
  readonly predict?: Prediction<z.output<Options>>;
}

/** How an experiment's trained model makes predictions. */
export interface Prediction<Options> {
  /** What `TEXT` is, for the help. */
  readonly text: string;
  /** The flags of the prediction itself. */
  readonly options?: z.ZodObject;
  /**
   * Prints the model's prediction for `text` by `context.print`.
   * @param options those of the run
   * @param flags as `options` of the prediction describe them
   */
  run(context: PredictContext, options: Options, text: string, flags: Record<string, unknown>): Promise<void>;
  /** Answers one line after the other, each when it comes: `kasane predict RUN --chat`. */
  chat?(context: PredictContext, options: Options, lines: AsyncIterable<string>, flags: Record<string, unknown>): Promise<void>;
}

/** What the command knows of an experiment before it is loaded. */
export interface ListedExperiment extends Pick<Experiment, "name" | "title" | "chapter"> {
  /** What its prediction takes: {@link Prediction.text}. */
  readonly asks?: string | undefined;
  load(): Promise<Experiment>;
}

/** An experiment that is loaded already, as the command lists it. */
export const listed = (experiment: Experiment): ListedExperiment => ({
  ...experiment,
  asks: experiment.predict?.text,
  load: async () => experiment,
});

/** Declares an experiment; its `run` gets the options in the types that the schema gives them. */
export const defineExperiment = <Options extends z.ZodObject>(experiment: Experiment<Options>): Experiment =>
  experiment as unknown as Experiment;

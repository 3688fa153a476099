import { z } from "zod";

// Options that many experiments have: bounds, description and unit. An experiment adds its default, and its own description where it means more.

/** An option that says which examples are learnt from and which are judged by: a run that is resumed keeps it. */
export const fixed = <Schema extends z.ZodType>(schema: Schema): Schema => schema.meta({ fixed: true });

/** An option that is a path, or one of `names`, which stand in place of one. */
export const path = <Schema extends z.ZodType>(schema: Schema, ...names: readonly string[]): Schema => schema.meta({ pathUnless: names });

/** Options that some others leave no use for. */
export interface Use<Options> {
  readonly names: readonly (keyof Options & string)[];
  /** Whether they have a use. */
  readonly when: (options: Options) => boolean;
  /** What gives them one, such as `--method dqn`. */
  readonly needs: string;
}

/** A schema that refuses options which are not as by default, and have no use beside the others. */
export const usedOnly = <Schema extends z.ZodObject>(schema: Schema, ...uses: readonly Use<z.output<Schema>>[]): Schema =>
  schema.superRefine((values, context) => {
    const options = values as z.output<Schema>;
    for (const { names, when, needs } of uses) {
      if (when(options)) continue;
      for (const name of names) {
        const { data: usual } = (schema.shape[name] as z.ZodType).safeParse(undefined);
        if (options[name] === usual) continue;
        context.addIssue({ code: "custom", path: [name], message: `${options[name]}: it needs ${needs}: leave it out` });
      }
    }
  });

/** `--held-out` of pictures that settings are chosen by. */
export const heldOut = () =>
  fixed(z.int().min(0).default(0).describe("so many training pictures take the place of the test pictures, for tuning"));

/** `--learning-rate`: the step size of what `of` names, such as `Adam`. */
export const learningRate = (of: string): z.ZodNumber => z.number().positive().describe(`step size of ${of}`);

/** `--batch-size` in what `of` names, such as `pairs`. */
export const batchSize = (of: string): z.ZodInt => z.int().min(1).describe(`${of} that an update is made from`);

/** `--learning-rate` of Adam with `optim.cosine`. */
export const cosineLearningRate = (): z.ZodNumber => learningRate("Adam at the start; it falls to 0 along half a cosine");

/** `--epochs` through what `of` names, such as `the text`. */
export const epochs = (of: string): z.ZodInt => z.int().min(1).describe(`times through ${of}`);

/** `--validate-every` of what is judged while training, such as `scenes`. */
export const validateEvery = (of: string) =>
  z
    .int()
    .min(1)
    .meta({ description: `how often the validation ${of} are judged`, unit: "epochs" });

/** `--part`: what the result is judged by. */
export const judgedPart = (of: string) =>
  z.enum(["val", "test"]).default("test").describe(`the ${of} that the result is judged by: val for tuning`);

/** `--layers` of a network. */
export const layers = (of: string): z.ZodInt => z.int().min(1).max(12).describe(of);

/** `--hidden-size` and other sizes of recurrent networks. */
export const hiddenSize = (of = "the hidden state"): z.ZodInt =>
  z
    .int()
    .min(1)
    .max(4096)
    .meta({ description: `size of ${of}`, unit: "units" });

/** `--size` of a model with one width throughout. Heads and sines need a multiple of a small number. */
export const modelSize = (of: string, multipleOf: number): z.ZodInt =>
  z
    .int()
    .min(multipleOf)
    .max(2048)
    .multipleOf(multipleOf)
    .meta({ description: `size of ${of}`, unit: "units" });

/** `--dropout` and its like: the probability that something is set to 0 while training. */
export const dropout = (of: string): z.ZodNumber => z.number().min(0).max(0.95).describe(`probability of dropout ${of}`);

/** `--label-smoothing`. */
export const labelSmoothing = (): z.ZodNumber =>
  z.number().min(0).max(0.95).describe("share of a target's probability that is spread over all");

/** `--batch-size` of a text that is read as several sequences. */
export const sequences = (): z.ZodInt => z.int().min(1).describe("sequences read side by side");

/** `--steps` of truncated backpropagation through time. */
export const stepsBack = (): z.ZodInt => z.int().min(1).meta({ description: "steps that the gradient reaches back", unit: "words" });

/** `--clip-norm`. */
export const clipNorm = (): z.ZodNumber => z.number().positive().describe("limit of the norm of all gradients together");

/** `--cell`. */
export const cell = () => z.enum(["rnn", "lstm", "gru"]).describe("the recurrent cell");

/** `--corpus`: the user's own texts; `otherwise` says what is read by default. */
export const corpus = (otherwise = ""): z.ZodString =>
  path(z.string().min(1).describe(`a text file, a folder of .txt files, or a pattern of them${otherwise}`));

/**
 * An option of several values with commas between them.
 * @param value a regular expression of one
 * @param expected a description of the values, for the error
 * @param mayRepeat whether two may be equal
 */
export const listOf = (value: string, expected: string, mayRepeat = false): z.ZodString =>
  z
    .string()
    .regex(new RegExp(`^(${value})(,(${value}))*$`))
    .refine((list) => mayRepeat || areDistinct(list.split(",")))
    .meta({ expected: `${expected}, with commas between them${mayRepeat ? "" : ", each once"}` });

/** Whether no two of some texts are the same, or the same number. */
const areDistinct = (texts: readonly string[]): boolean =>
  new Set(texts.map((text) => (Number.isNaN(Number(text)) ? text : Number(text)))).size === texts.length;

/** A number above 0, for {@link listOf}. */
export const positive = "(?=[^,]*[1-9])\\d+(\\.\\d+)?";

/** The numbers of a {@link listOf} numbers. */
export const numbersIn = (list: string): number[] => list.split(",").map(Number);

/** A {@link listOf} names; `of` says what they name. */
export const namesOf = (names: readonly string[], of: string): z.ZodString =>
  listOf(names.join("|"), `one or more of ${names.join(", ")}`).describe(`${of}, of ${names.join(", ")}`);

/** The members of `names` that are in such a list, in the order of `names`. */
export function chosenOf<Name extends string>(names: readonly Name[], list: string): Name[] {
  const values = list.split(",");
  return names.filter((name) => values.includes(name));
}

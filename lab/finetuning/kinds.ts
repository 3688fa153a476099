import { check, type OnnxModule } from "kasane";
import { datasets } from "kasane/node";
import { columnReading, columnsOf } from "./columns.js";
import { type PictureOptions, pictureReading, readPictures } from "./pictures.js";
import type { Labelled, Reading } from "./reading.js";
import { readSoundFolders, type SoundOptions, soundReading } from "./sounds.js";
import { textReading, tokenizerBeside } from "./texts.js";

/** Where examples come from, and how they are read. */
export interface SourceOptions extends PictureOptions, SoundOptions {
  readonly model: string;
  readonly data?: string | undefined;
  readonly images?: string | undefined;
  readonly audio?: string | undefined;
  readonly text?: string | undefined;
  readonly columns?: string | undefined;
  readonly label: string;
  readonly tokenizer?: string | undefined;
  readonly maximumLength?: number | undefined;
}

/** The kind of data that was named: how a model is given it, and how a source of it is read. */
interface Kind {
  readonly reading: Reading;
  /** Where the examples to train on come from. */
  readonly source: string;
  read(source: string): Promise<Labelled>;
}

/**
 * The kind of data that the options name.
 * @param tokenizer the file of the model's tokenizer, by default as the options say
 */
export async function kindOf(
  model: OnnxModule,
  options: SourceOptions,
  tokenizer = tokenizerBeside(options.model, options.tokenizer),
): Promise<Kind> {
  const { data: table, images, audio, text, label } = options;
  const given = Object.entries({ data: table, images, audio }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`]));
  check(
    given.length === 1,
    () => `got ${given.join(" and ") || "no data"}: expected one of --data FILE.csv, --images FOLDER and --audio FOLDER`,
  );
  if (images !== undefined) {
    const reading = pictureReading(model, options);
    return { reading, source: images, read: async (source) => readPictures(source, reading) };
  }
  if (audio !== undefined) {
    const reading = soundReading(model, options);
    return { reading, source: audio, read: async (source) => readSoundFolders(source, reading) };
  }
  const source = table as string;
  if (text !== undefined) {
    check(options.columns === undefined, () => "got --text and --columns: expected one of both");
    const reading = textReading(model, tokenizer, options.maximumLength);
    const read = async (file: string): Promise<Labelled> => {
      const rows = await datasets.readCsv(file);
      return { examples: await Promise.all(rows.column(text).map((each) => reading.read(each))), labels: rows.column(label) };
    };
    return { reading, source, read };
  }
  const names = columnsOf(await datasets.readCsv(source), label, options.columns);
  const read = async (file: string): Promise<Labelled> => {
    const rows = await datasets.readCsv(file);
    const numbers = (await rows.numbers(names).data()) as Float32Array;
    const labels = rows.column(label);
    return { examples: labels.map((_, i) => numbers.subarray(i * names.length, (i + 1) * names.length)), labels };
  };
  return { reading: columnReading(model, names.length), source, read };
}

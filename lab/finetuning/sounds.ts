import { check, data, type OnnxModule } from "kasane";
import { datasets, files } from "kasane/node";
import { foldersOf } from "./folders.js";
import { fixedReading, type Labelled, onlyInput, type Reading } from "./reading.js";

/** Bytes that a sound may have. */
const mostBytes = 2 ** 30;

/** Options of sounds. */
export interface SoundOptions {
  /** Samples a second that the model takes. */
  readonly rate: number;
  /** How long a sound is that the model takes, where it leaves that free, in seconds. */
  readonly seconds?: number | undefined;
}

/** Sounds as samples in -1 to 1, for a model that takes `[batch, samples]`, with axes of size 1 or without. */
export function soundReading(model: OnnxModule, { rate, seconds }: SoundOptions): Reading & { cut(sound: data.Sound): Float32Array } {
  const input = onlyInput(model, "sounds");
  const { shape = [] } = input;
  const places = shape.slice(1).filter((size) => size !== 1);
  const isSound = places.length === 1;
  check(isSound, () => `the model takes [${shape.join(", ")}]: expected samples of a sound, [batch, samples]`);
  const [given] = places;
  check(
    typeof given === "number" || seconds !== undefined,
    () => "the model takes sounds of any length: say with --seconds to how many each is brought",
  );
  const samples = typeof given === "number" ? given : Math.round((seconds as number) * rate);
  const cut = (sound: data.Sound): Float32Array => {
    const heard = data.resampleSound(sound, rate).channels;
    const mono = Float32Array.from(
      heard[0] as Float32Array,
      (_, i) => heard.reduce((sum, channel) => sum + (channel[i] as number), 0) / heard.length,
    );
    const result = new Float32Array(samples);
    result.set(mono.subarray(0, samples));
    return result;
  };
  return {
    ...fixedReading(
      input,
      shape.slice(1).map((size) => (size === 1 ? 1 : samples)),
      {
        plural: "sounds",
        read: async (file) => {
          const bytes = files.readIfThere(file, mostBytes);
          check(bytes !== undefined, () => `${file}: no such file: expected a WAV file`);
          return cut(data.readWav(bytes, file));
        },
      },
    ),
    cut,
  };
}

/** The WAV files of a folder or `.tar.gz` that has a folder for each class. */
export function readSoundFolders(path: string, { cut }: ReturnType<typeof soundReading>): Labelled {
  const all = [...datasets.readFiles(path)].filter(([name]) => /\.wav$/i.test(name));
  check(all.length > 0, () => `--audio: ${path} has no .wav file`);
  return {
    examples: all.map(([name, bytes]) => cut(data.readWav(bytes, name))),
    labels: foldersOf(
      all.map(([name]) => name),
      path,
    ),
  };
}

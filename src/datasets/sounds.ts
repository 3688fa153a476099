import { basename } from "node:path";
import { readWav, type Sound } from "../data/wav.js";
import { readIfThere } from "../files/readFile.js";
import { check, excerpt } from "../graph/error.js";
import { readTarGz } from "./tar.js";
import { filesIn, findTextFiles, typeOf } from "./textFiles.js";

const isWav = (name: string): boolean => /\.wav$/i.test(name);

/** The most bytes that a file may have. */
const mostBytes = 2 ** 30;

/**
 * The WAV files of a folder at any depth, of a pattern such as `sounds/a*.wav`, or of a `.tar.gz`, by their paths and in their order.
 * All of them are kept in memory, as 4 bytes a sample.
 * @throws KasaneError where there are none, or one cannot be read or is no WAV file
 */
export function readSounds(path: string): Map<string, Sound> {
  const isArchive = path.endsWith(".tar.gz");
  const files = isArchive ? readTarGz(bytesOf(path), { name: path }) : undefined;
  const isFolder = typeOf(path)?.isDirectory() ?? false;
  const found = files ? [...files.keys()].sort() : isFolder ? filesIn(path) : findTextFiles(isWav(path) ? path : `${path}/**/*`);
  const names = found.filter(isWav);
  check(names.length > 0, () => `${path}: no .wav file is in it`);
  return new Map(names.map((name) => [name, readWav(files?.get(name) ?? bytesOf(name), excerpt(name, 200))]));
}

function bytesOf(path: string): Uint8Array {
  const bytes = readIfThere(path, mostBytes);
  check(bytes !== undefined, () => `${path}: no such file: expected a folder of WAV files, a pattern or a .tar.gz`);
  return bytes;
}

/** A spoken digit. */
export interface SpokenDigit {
  readonly sound: Sound;
  /** 0 to 9 */
  readonly digit: number;
  readonly speaker: string;
  /** Which of the speaker's recordings of the digit it is, from 0. */
  readonly index: number;
}

/** The first recordings of each digit by each speaker, 0 to 4, are the publisher's test set. */
const testRecordings = 5;

/**
 * The recordings of the Free Spoken Digit Dataset (Jackson et al. 2018), in the publisher's parts.
 * @param sounds of {@link readSounds}; the files are named `{digit}_{speaker}_{index}.wav`
 * @throws KasaneError where a file has another name
 */
export function readSpokenDigits(sounds: ReadonlyMap<string, Sound>): { readonly train: SpokenDigit[]; readonly test: SpokenDigit[] } {
  const all = [...sounds].map(([path, sound]): SpokenDigit => {
    const [, digit, speaker, index] = /^(\d)_(\p{L}+)_(\d{1,6})\.wav$/iu.exec(basename(path)) ?? [];
    check(
      digit !== undefined && speaker !== undefined && index !== undefined,
      () => `readSpokenDigits: got the file ${excerpt(path)}, expected a name such as 7_jackson_32.wav`,
    );
    return { sound, digit: Number(digit), speaker, index: Number(index) };
  });
  return { train: all.filter(({ index }) => index >= testRecordings), test: all.filter(({ index }) => index < testRecordings) };
}

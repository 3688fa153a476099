import { statSync } from "node:fs";
import { basename, extname, relative } from "node:path";
import { check, type data } from "kasane";
import { datasets } from "kasane/node";
import { excerpt } from "../light.js";

/** A picture that a user names. */
interface NamedPicture {
  readonly file: string;
  /** Where in its folder the file lies, with `-` for `/` and without what says its form, unless two differ in nothing else. */
  readonly name: string;
  readonly picture: data.augment.Picture;
}

/**
 * The pictures that `text` names, one at a time: a file, or those of a folder at any depth.
 * @param channels 1: grey, 3: colours
 */
export function* picturesIn(text: string, channels: 1 | 3): Generator<NamedPicture> {
  const path = text.trim().replace(/(.)\/+$/, "$1");
  const found = statusOf(path);
  check(path !== "", () => "predict: got no text: expected a picture (.jpg or .png), or a folder of pictures");
  check(
    found !== undefined,
    () => `${excerpt(text, 200)}: no such file or folder: expected a picture (.jpg or .png), or a folder of pictures`,
  );
  const paths = found.isDirectory() ? datasets.filesIn(path).filter((file) => /\.(jpe?g|png)$/i.test(file)) : [path];
  check(paths.length > 0, () => `${text}: no .jpg or .png file is in this folder`);
  const given = new Set<string>();
  for (const file of paths) {
    const whole = found.isDirectory() ? relative(path, file).replaceAll("/", "-") : basename(file);
    const short = whole.slice(0, whole.length - extname(whole).length);
    const name = given.has(short) ? whole : short;
    given.add(name);
    yield { file, name, picture: datasets.readPicture(file, channels) };
  }
}

/** What is at a path, links followed; undefined where nothing is, or nothing could be. */
function statusOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENAMETOOLONG") return undefined;
    throw error;
  }
}

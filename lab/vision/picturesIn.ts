import { statSync } from "node:fs";
import { basename } from "node:path";
import { check, type data } from "kasane";
import { datasets, files } from "kasane/node";

/** The most bytes that a picture's file may have. */
const mostBytes = 2 ** 28;

const isPicture = (file: string): boolean => /\.(jpe?g|png)$/i.test(file);

/** The pictures of a file, or of a folder at any depth, in colours, one at a time; their names say where in the folder they lie, with `-` for `/`. */
export function* picturesIn(path: string): Generator<readonly [name: string, picture: data.augment.Picture]> {
  const isFolder = statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
  const paths = isFolder ? [...datasets.findTextFiles(`${path}/**/*`)].filter(isPicture) : [path];
  check(paths.length > 0, () => `${path}: no .jpg or .png file is in this folder`);
  for (const file of paths) {
    const bytes = files.readIfThere(file, mostBytes);
    check(bytes !== undefined, () => `${file}: no such file: expected a picture (.jpg or .png), or a folder of pictures`);
    const name = isFolder ? file.slice(path.replace(/\/+$/, "").length + 1).replaceAll("/", "-") : basename(file);
    yield [name.replace(/\.\w+$/, ""), files.decodePicture(bytes, file, 3)];
  }
}

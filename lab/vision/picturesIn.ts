import { statSync } from "node:fs";
import { basename } from "node:path";
import { check, type data } from "kasane";
import { datasets } from "kasane/node";

const isPicture = (file: string): boolean => /\.(jpe?g|png)$/i.test(file);

/** The pictures of a file, or of a folder at any depth, in colours, one at a time; their names say where in the folder they lie, with `-` for `/`. */
export function* picturesIn(path: string): Generator<readonly [name: string, picture: data.augment.Picture]> {
  const found = statSync(path, { throwIfNoEntry: false });
  check(found !== undefined, () => `${path}: no such file: expected a picture (.jpg or .png), or a folder of pictures`);
  const isFolder = found.isDirectory();
  const paths = isFolder ? [...datasets.findTextFiles(`${path}/**/*`)].filter(isPicture) : [path];
  check(paths.length > 0, () => `${path}: no .jpg or .png file is in this folder`);
  for (const file of paths) {
    const name = isFolder ? file.slice(path.replace(/\/+$/, "").length + 1).replaceAll("/", "-") : basename(file);
    yield [name.replace(/\.\w+$/, ""), datasets.readPicture(file, 3)];
  }
}

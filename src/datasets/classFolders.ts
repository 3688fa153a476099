import { relative, sep } from "node:path";
import type { Picture } from "../data/augment/sample.js";
import { decodePicture } from "../files/decodePicture.js";
import { readIfThere } from "../files/readFile.js";
import { check, excerpt } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { entriesOf, plainFilesIn } from "./textFiles.js";

/** The most bytes that a picture's file may have. */
const mostBytes = 2 ** 28;

/** A picture's file, and the index of its class. */
export interface LabelledFile {
  readonly file: string;
  readonly label: number;
}

/** A picture and the index of its class, as augmentation takes it. */
export interface LabelledPicture extends LabelledFile {
  readonly picture: Picture;
}

/** Settings of {@link findClassFolders}. */
export interface ClassFolderOptions {
  /** The names of the classes in the order of their indices, such as those of the training part; by default the folders in order. */
  readonly classes?: readonly string[];
}

/**
 * The pictures of a folder that has a folder for each class, with JPEG and PNG files in it at any depth. Other files are left out, and so are links
 * and names that begin with a dot. No picture is read yet: `readPicture` does so, in worker threads where there are many.
 * @returns the names of the classes, and the files in order
 * @throws KasaneError where a class has no pictures, or a picture is of none
 */
export function findClassFolders(
  folder: string,
  options: ClassFolderOptions = {},
): { readonly classes: readonly string[]; readonly files: readonly LabelledFile[] } {
  checkOptions("findClassFolders", options, { classes: "optional" });
  const files = plainFilesIn(folder).filter((file) => /\.(?:jpe?g|png)$/i.test(file));
  const classOf = (file: string) => {
    const [name, ...rest] = relative(folder, file).split(sep);
    check(rest.length > 0, () => `${excerpt(file)}: a picture that is in no folder of a class: expected ${folder}/CLASS/NAME.png`);
    return name as string;
  };
  const found = new Set(files.map(classOf));
  const folders = entriesOf(folder).filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const { classes = folders.map(({ name }) => name).sort() } = options;
  check(files.length > 0, () => `${folder}: no .png, .jpg or .jpeg file is in it: expected ${folder}/CLASS/NAME.png`);
  for (const name of classes) check(found.has(name), () => `${folder}: class ${excerpt(name)} has no pictures in JPEG or PNG files`);
  return {
    classes,
    files: files.map((file) => {
      const name = classOf(file);
      const label = classes.indexOf(name);
      check(label >= 0, () => `${excerpt(file)}: its folder is none of the classes ${excerpt(classes.join(", "), 200)}`);
      return { file, label };
    }),
  };
}

/**
 * A picture of a JPEG or PNG file; see `decodePicture`. Node only.
 * @throws KasaneError where there is none, or it is damaged or too large
 */
export function readPicture(file: string, channels?: 1 | 3): Picture {
  const bytes = readIfThere(file, mostBytes);
  check(bytes !== undefined, () => `${file}: no such file: expected a JPEG or PNG file`);
  return decodePicture(bytes, file, channels);
}

/** {@link findClassFolders} with all pictures read into memory. */
export function readClassFolders(
  folder: string,
  options: ClassFolderOptions & { readonly channels?: 1 | 3 } = {},
): { readonly classes: readonly string[]; readonly samples: readonly LabelledPicture[] } {
  checkOptions("readClassFolders", options, { classes: "optional", channels: "optional" });
  const { channels, ...rest } = options;
  const { classes, files } = findClassFolders(folder, rest);
  return { classes, samples: files.map((each) => ({ ...each, picture: readPicture(each.file, channels) })) };
}

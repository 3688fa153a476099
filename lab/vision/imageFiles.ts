import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { check } from "kasane";

/** The image files that `text` names: one, or those of a folder. */
export function imageFiles(text: string): string[] {
  const path = text.trim();
  const found = statSync(path, { throwIfNoEntry: false });
  check(path !== "" && found !== undefined, () => `predict: ${text}: no such file or folder: expected an image, or a folder of images`);
  if (!found.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /\.(?:jpe?g|png)$/i.test(name) && !name.startsWith("."));
  check(names.length > 0, () => `predict: ${text}: no .jpg or .png file is in this folder`);
  return names.sort().map((name) => join(path, name));
}

import { check, excerpt } from "../graph/error.js";
import { type AnnotatedImage, boxOf, checkSide } from "./annotations.js";

const number = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Reads the objects of one image in YOLO's text format: a line is `class x y width height`, the centre and the sizes as shares of the image's.
 * @param image the image, whose sizes the text lacks; `file` also begins errors
 * @param classes how many there are
 * @throws KasaneError that names the line
 */
export function readYolo(text: string, image: Omit<AnnotatedImage, "objects">, classes: number): AnnotatedImage {
  const { file, width, height } = image;
  checkSide(file, "width", width);
  checkSide(file, "height", height);
  const objects = text.split(/\r?\n/).flatMap((line, i) => {
    const words = line.trim().split(/\s+/);
    if (words[0] === "") return [];
    const where = `${file}, line ${i + 1}`;
    check(
      words.length === 5 && words.every((word) => number.test(word)),
      () => `${where}: ${excerpt(line)}, expected five numbers: class, x, y, width, height`,
    );
    const [index, x, y, w, h] = words.map(Number) as [number, number, number, number, number];
    check(Number.isInteger(index) && index >= 0 && index < classes, () => `${where}: class ${index}, expected 0 to ${classes - 1}`);
    check(
      [x, y, w, h].every((share) => share >= 0 && share <= 1),
      () => `${where}: ${excerpt(line)}, expected the box in shares of the image, 0 to 1`,
    );
    const box = boxOf(where, [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]);
    return [{ class: index, box }];
  });
  return { file, width, height, objects };
}

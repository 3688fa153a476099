import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "jpeg-js";
import { RandomGenerator } from "../../../src/random/generator.js";

/** Names of the classes of what {@link writeCells} draws. */
export const cellClasses = ["disc", "square"] as const;

const size = { width: 64, height: 48 };

/** Writes a dataset in the form of Pascal VOC: on each picture a red disc and a blue square. Annotations are of pictures twice as large. */
export function writeCells(folder: string, counts: Readonly<Record<"train" | "val" | "test", number>>): void {
  const random = new RandomGenerator(undefined, 1);
  for (const name of ["JPEGImages", "Annotations", "ImageSets/Main"]) mkdirSync(join(folder, name), { recursive: true });
  for (const [part, count] of Object.entries(counts)) {
    const names = Array.from({ length: count }, (_, i) => `${part}${i}`);
    writeFileSync(join(folder, "ImageSets/Main", `${part}.txt`), `${names.join("\n")}\n`);
    for (const name of names) writePicture(folder, name, random);
  }
}

function writePicture(folder: string, name: string, random: RandomGenerator): void {
  const { width, height } = size;
  const data = new Uint8Array(4 * width * height).fill(220);
  const objects = cellClasses.map((of, i) => {
    const side = 14 + random.integer(6);
    const [x, y] = [(i * width) / 2 + random.integer(width / 2 - side), random.integer(height - side)];
    for (let row = 0; row < side; row++) {
      for (let column = 0; column < side; column++) {
        const isInside = of === "square" || (row + 0.5 - side / 2) ** 2 + (column + 0.5 - side / 2) ** 2 <= (side / 2) ** 2;
        if (isInside) data.set(of === "square" ? [40, 40, 200] : [200, 60, 60], 4 * ((y + row) * width + x + column));
      }
    }
    return { of, corners: [x, y, x + side, y + side] };
  });
  const boxes = objects.map(({ of, corners: [x1, y1, x2, y2] }) => {
    const [xmin, ymin, xmax, ymax] = [x1, y1, x2, y2].map((value) => 2 * (value as number));
    const bounds = `<xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax>`;
    return `<object><name>${of}</name><bndbox>${bounds}</bndbox></object>`;
  });
  const sizes = `<size><width>${2 * width}</width><height>${2 * height}</height><depth>3</depth></size>`;
  writeFileSync(
    join(folder, "Annotations", `${name}.xml`),
    `<annotation><filename>${name}.jpg</filename>${sizes}${boxes.join("")}</annotation>`,
  );
  writeFileSync(join(folder, "JPEGImages", `${name}.jpg`), encode({ width, height, data }, 95).data);
}

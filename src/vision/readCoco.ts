import { check, excerpt, KasaneError } from "../graph/error.js";
import type { AnnotatedImage } from "./annotations.js";
import { boxOf, checkSide, shown } from "./annotations.js";
import type { Truth } from "./detections.js";

/** The images of a file in COCO's format. */
export interface CocoAnnotations {
  /** Names in the order of their identifiers in the file, which need not be consecutive: the index of a class is its place here. */
  readonly classes: readonly string[];
  readonly images: readonly AnnotatedImage[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON file of COCO's object detection (cocodataset.org/#format-data): boxes, areas and crowds; outlines are not read.
 * @param name the file's, which begins errors
 * @throws KasaneError that names the field
 */
export function readCoco(text: string, name = "COCO JSON"): CocoAnnotations {
  const root = fieldsOf(name, parse(name, text));
  const categories = listOf(name, root, "categories").map(({ where, fields }) => ({
    id: idOf(where, fields, "id"),
    name: textOf(where, fields, "name"),
  }));
  categories.sort((a, b) => a.id - b.id);
  const indices = unique(
    name,
    "categories",
    categories.map(({ id }) => id),
  );
  const images = listOf(name, root, "images").map(({ where, fields }) => {
    const { width, height } = fields;
    checkSide(where, "width", width);
    checkSide(where, "height", height);
    return {
      id: idOf(where, fields, "id"),
      file: textOf(where, fields, "file_name"),
      width,
      height,
      objects: [] as Omit<Truth, "image">[],
    };
  });
  const places = unique(
    name,
    "images",
    images.map(({ id }) => id),
  );
  for (const { where, fields } of listOf(name, root, "annotations")) {
    const image = images[places.get(idOf(where, fields, "image_id")) ?? -1];
    check(image !== undefined, () => `${where}: no image has the id ${shown(fields.image_id)}`);
    const index = indices.get(idOf(where, fields, "category_id"));
    check(index !== undefined, () => `${where}: no category has the id ${shown(fields.category_id)}`);
    image.objects.push({ class: index, ...objectOf(where, fields) });
  }
  return { classes: categories.map((category) => category.name), images: images.map(({ id: _, ...image }) => image) };
}

function parse(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KasaneError(`${name}: no JSON: ${excerpt((error as Error).message, 120)}`, { cause: error });
  }
}

function objectOf(where: string, { bbox, area, iscrowd = 0 }: Fields): Omit<Truth, "image" | "class"> {
  check(
    Array.isArray(bbox) && bbox.length === 4 && bbox.every((value) => typeof value === "number"),
    () => `${where}: bbox ${shown(bbox)}, expected [x, y, width, height]`,
  );
  const [x, y, width, height] = bbox as [number, number, number, number];
  check(
    area === undefined || (typeof area === "number" && Number.isFinite(area) && area >= 0),
    () => `${where}: area ${shown(area)}, expected a number from 0`,
  );
  check(iscrowd === 0 || iscrowd === 1, () => `${where}: iscrowd ${shown(iscrowd)}, expected 0 or 1`);
  return {
    box: boxOf(where, [x, y, x + width, y + height]),
    ...(area === undefined ? {} : { area }),
    ...(iscrowd === 1 ? { crowd: true } : {}),
  };
}

function fieldsOf(where: string, value: unknown): Fields {
  check(typeof value === "object" && value !== null && !Array.isArray(value), () => `${where}: ${shown(value)}, expected an object`);
  return value as Fields;
}

function listOf(name: string, root: Fields, field: string): { readonly where: string; readonly fields: Fields }[] {
  const list = root[field];
  check(Array.isArray(list), () => `${name}: ${field} ${shown(list)}, expected an array`);
  return list.map((value, i) => {
    const where = `${name}, ${field}[${i}]`;
    return { where, fields: fieldsOf(where, value) };
  });
}

function idOf(where: string, fields: Fields, field: string): number {
  const id = fields[field];
  check(typeof id === "number" && Number.isSafeInteger(id), () => `${where}: ${field} ${shown(id)}, expected an integer`);
  return id;
}

function textOf(where: string, fields: Fields, field: string): string {
  const text = fields[field];
  check(typeof text === "string" && text !== "", () => `${where}: ${field} ${shown(text)}, expected a text`);
  return text;
}

/** The place of each identifier. */
function unique(name: string, field: string, ids: readonly number[]): Map<number, number> {
  const places = new Map<number, number>();
  ids.forEach((id, i) => {
    check(!places.has(id), () => `${name}: two of ${field} have the id ${id}`);
    places.set(id, i);
  });
  return places;
}

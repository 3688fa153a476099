import { readIfThere } from "../files/readFile.js";
import { check, excerpt } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { fromData, type Tensor } from "../graph/tensor.js";

/** The most bytes that a table may have. */
const mostBytes = 2 ** 30;

const [comma, newline, carriageReturn, zero] = [44, 10, 13, 48];

/** Settings of {@link readPixelCsv}. */
export interface PixelCsvOptions {
  /** The size of the pictures; by default they are squares. */
  readonly height?: number;
  readonly width?: number;
}

/**
 * Grey pictures of a CSV file with a row for each: a first line of names, then the pixels from 0 to 255 in rows, after a column `label` or without
 * one, as Kaggle has MNIST and Fashion-MNIST. Node only.
 * @returns uint8 `images` `[count, height, width]`, and uint8 `labels` `[count]` where there are any
 * @throws KasaneError where the file has another form; it names row and column
 */
export function readPixelCsv(file: string, options: PixelCsvOptions = {}): { readonly images: Tensor; readonly labels?: Tensor } {
  checkOptions("readPixelCsv", options, { height: "optional", width: "optional" });
  const bytes = readIfThere(file, mostBytes);
  check(bytes !== undefined, () => `${file}: no such file`);
  const firstEnd = bytes.indexOf(newline);
  const names = bytes
    .subarray(0, firstEnd < 0 ? bytes.length : Math.min(firstEnd, 2 ** 20))
    .toString("latin1")
    .trim()
    .split(",");
  const isNamed = !names.every((name) => name.trim() !== "" && Number.isFinite(Number(name)));
  check(isNamed, () => `${file}: its first line holds numbers only, expected the names of the columns: put a line of them before`);
  const labelled = names[0] === "label";
  const pixels = names.length - Number(labelled);
  const [height, width] = sizeOf(file, pixels, options);
  const values = numbersOf(file, bytes.subarray(firstEnd < 0 ? bytes.length : firstEnd + 1), names);
  const count = values.length / names.length;
  check(count > 0, () => `${file}: it has no rows but the names of the columns`);
  if (!labelled) return { images: fromData(values, [count, height, width], "uint8") };
  const images = new Uint8Array(count * pixels);
  const labels = new Uint8Array(count);
  for (let row = 0; row < count; row++) {
    const at = row * names.length;
    labels[row] = values[at] as number;
    images.set(values.subarray(at + 1, at + names.length), row * pixels);
  }
  return { images: fromData(images, [count, height, width], "uint8"), labels: fromData(labels, [count], "uint8") };
}

function sizeOf(file: string, pixels: number, options: PixelCsvOptions): readonly [number, number] {
  const height = options.height ?? (options.width === undefined ? Math.sqrt(pixels) : pixels / options.width);
  const width = options.width ?? pixels / height;
  const fits = pixels > 0 && [height, width].every((side) => Number.isInteger(side) && side > 0) && height * width === pixels;
  check(fits, () => `${file}: ${pixels} columns of pixels, expected as many as a square has, or { height, width } of that product`);
  return [height, width];
}

/** The numbers of all rows, 0 to 255. */
function numbersOf(file: string, bytes: Uint8Array, names: readonly string[]): Uint8Array<ArrayBuffer> {
  // A number and what ends it are at least two bytes.
  const numbers = new Uint8Array(Math.ceil((bytes.length + 1) / 2));
  let [count, value, digits] = [0, 0, 0];
  const placed = () => `row ${Math.floor(count / names.length) + 1}, column ${excerpt(names[count % names.length] ?? "")}`;
  const end = (endsRow: boolean) => {
    const isLast = count % names.length === names.length - 1;
    check(digits > 0 && value <= 255, () => `${file}: ${placed()}: expected an integer from 0 to 255`);
    check(
      isLast === endsRow,
      () => `${file}: ${placed()}: ${endsRow ? "the row ends" : "the row goes on"}, expected ${names.length} columns`,
    );
    numbers[count++] = value;
    [value, digits] = [0, 0];
  };
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte >= zero && byte < zero + 10 && digits < 3) {
      value = 10 * value + byte - zero;
      digits++;
    } else if (byte === comma) end(false);
    else if (byte === newline) end(true);
    else check(byte === carriageReturn && bytes[i + 1] === newline, () => `${file}: ${placed()}: expected an integer from 0 to 255`);
  }
  // The last row may lack the end of its line.
  if (digits > 0) end(true);
  check(count % names.length === 0, () => `${file}: ${placed()}: the file ends, expected ${names.length} columns`);
  return numbers.slice(0, count);
}

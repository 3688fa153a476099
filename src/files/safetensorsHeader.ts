import type { DType } from "../graph/dtype.js";
import { check, excerpt, KasaneError } from "../graph/error.js";
import { type Shape, showShape, sizeOf } from "../graph/shape.js";
import { formats } from "./safetensorsFormats.js";

/** Where a tensor lies in a file, and its type. */
export interface TensorEntry {
  /** Its type as the format names it. */
  readonly format: string;
  /** The type that it is read as; undefined where it cannot be read. */
  readonly dtype: DType | undefined;
  readonly shape: Shape;
  /** The first of its bytes and the first after them, from the start of the file's data. */
  readonly begin: number;
  readonly end: number;
}

/** What the header of a safetensors file says. */
export interface SafetensorsHeader {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** NumPy's and ONNX Runtime's tensors have no more axes. */
const maximumRank = 64;

/**
 * Parses a header that anyone may have written. It is read key by key, and only the form of JSON that the format
 * allows, so an invalid header takes no memory, however long or deep it is.
 * @param dataLength how many bytes of data follow the header: the tensors must fill them without gap or overlap
 * @throws KasaneError naming `file`, what was got and what was expected
 */
export function parseHeader(text: string, dataLength: number, file: string): SafetensorsHeader {
  const reader = new HeaderReader(text, file);
  const tensors = new Map<string, TensorEntry>();
  let metadata = new Map<string, string>();
  reader.object("the header", (name) => {
    if (name === "__metadata__") metadata = readMetadata(reader);
    else tensors.set(name, readEntry(reader, name));
  });
  reader.finish();
  checkLayout(tensors, dataLength, file);
  return { tensors, metadata };
}

function readMetadata(reader: HeaderReader): Map<string, string> {
  const metadata = new Map<string, string>();
  reader.object("__metadata__", (key) => metadata.set(key, reader.string("a string")));
  return metadata;
}

function readEntry(reader: HeaderReader, name: string): TensorEntry {
  let format: string | undefined;
  let shape: number[] | undefined;
  let offsets: number[] | undefined;
  const label = `tensor "${excerpt(name)}"`;
  reader.object(label, (key) => {
    if (key === "dtype") format = reader.string("a dtype");
    else if (key === "shape") shape = reader.integers(maximumRank);
    else if (key === "data_offsets") offsets = reader.integers(2);
    else reader.fail(`${label} has a field "${excerpt(key)}"`, "dtype, shape and data_offsets alone");
  });
  if (format === undefined || !shape || offsets?.length !== 2) {
    return reader.fail(`${label} is incomplete`, "a dtype, a shape and two data_offsets");
  }
  const known = formats.get(format);
  const [begin, end] = offsets as [number, number];
  // A product past 2^53 is rounded, but never to less: it differs from any offset. The size of elements of unknown types is not checked.
  const size = known ? sizeOf(shape) * known.bytes : Math.max(0, end - begin);
  if (end - begin !== size) {
    return reader.fail(
      `${label} lies at bytes ${begin} to ${end}`,
      `${size} bytes, which ${format}${showShape(shape)} takes (data_offsets and shape disagree)`,
    );
  }
  return { format, dtype: known?.dtype, shape, begin, end };
}

/** Throws unless the tensors fill `dataLength` bytes without gap or overlap. */
function checkLayout(tensors: ReadonlyMap<string, TensorEntry>, dataLength: number, file: string): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  for (const [name, { begin, end }] of ordered) {
    check(
      begin === filled,
      () =>
        `${file}: tensor "${excerpt(name)}" begins at byte ${begin} of the data, expected ${filled}: ` +
        `the file is damaged, its tensors ${begin < filled ? "overlap" : "leave a gap"}`,
    );
    check(
      end <= dataLength,
      () => `${file}: tensor "${excerpt(name)}" ends at byte ${end} of the data, expected at most ${dataLength}: the file is truncated`,
    );
    filled = end;
  }
  check(
    filled === dataLength,
    () => `${file}: ${dataLength} bytes of data, expected ${filled} by the header: the file is damaged or something was appended`,
  );
}

/** Reads JSON from left to right. */
class HeaderReader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly file: string,
  ) {}

  /** Reads `{ "key": ..., }`, calling `value` to read what stands behind each key. */
  object(label: string, value: (key: string) => void): void {
    const seen = new Set<string>();
    this.list("{", "}", () => {
      const key = this.string("a key");
      if (seen.has(key)) this.fail(`${label} has the key "${excerpt(key)}" twice`, "it once");
      seen.add(key);
      this.take(":");
      value(key);
    });
  }

  /** Reads `[1, 2]`: at most `most` integers from 0. */
  integers(most: number): number[] {
    const values: number[] = [];
    this.list("[", "]", () => {
      if (values.length === most) this.fail("a longer list", `at most ${most} numbers`);
      values.push(this.integer());
    });
    return values;
  }

  string(expected: string): string {
    this.skipSpace();
    const start = this.at;
    if (this.text[start] !== '"') this.unexpected(expected);
    let end = start + 1;
    while (end < this.text.length && this.text[end] !== '"') end += this.text[end] === "\\" ? 2 : 1;
    this.at = end + 1;
    try {
      return JSON.parse(this.text.slice(start, end + 1)) as string;
    } catch {
      return this.fail(`${excerpt(this.text.slice(start, end + 1))} at character ${start} of the header`, "a string of JSON");
    }
  }

  /** Throws unless nothing but the spaces that align the data follows. */
  finish(): void {
    this.skipSpace();
    if (this.at < this.text.length) this.unexpected("the end of the header");
  }

  fail(got: string, expected: string): never {
    throw new KasaneError(`${this.file}: ${got}, expected ${expected}: not a valid safetensors file`);
  }

  private list(open: string, close: string, item: () => void): void {
    this.take(open);
    this.skipSpace();
    if (this.text[this.at] === close) {
      this.at++;
      return;
    }
    for (;;) {
      item();
      this.skipSpace();
      if (this.text[this.at] === close) break;
      this.take(",");
    }
    this.at++;
  }

  private integer(): number {
    this.skipSpace();
    const start = this.at;
    while (this.at - start <= 16 && isDigit(this.text[this.at])) this.at++;
    const value = Number(this.text.slice(start, this.at));
    if (this.at === start || !Number.isSafeInteger(value))
      this.fail(`"${excerpt(this.text.slice(start, start + 20))}"`, "an integer below 2^53");
    return value;
  }

  private take(character: string): void {
    this.skipSpace();
    if (this.text[this.at] !== character) this.unexpected(`"${character}"`);
    this.at++;
  }

  private skipSpace(): void {
    while (this.at < this.text.length && " \t\n\r".includes(this.text[this.at] as string)) this.at++;
  }

  private unexpected(expected: string): never {
    const got = this.at < this.text.length ? JSON.stringify(this.text[this.at]) : "the end";
    return this.fail(`${got} at character ${this.at} of the header`, expected);
  }
}

const isDigit = (character: string | undefined): boolean => character !== undefined && character >= "0" && character <= "9";

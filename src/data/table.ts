import Papa from "papaparse";
import { check } from "../graph/error.js";
import { checkOptions } from "../graph/options.js";
import { fromData, type Tensor } from "../graph/tensor.js";

/** Rows of named columns of text, as a CSV file has them. */
export class Table {
  /**
   * @param names of the columns, each once
   * @param rows one string a column
   * @throws KasaneError where a name is there twice or a row has more or fewer fields than there are names
   */
  constructor(
    readonly names: readonly string[],
    readonly rows: readonly (readonly string[])[],
  ) {
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    check(twice === undefined, () => `Table: two columns are called ${JSON.stringify(twice)}: give other names`);
    rows.forEach((row, i) => {
      check(row.length === names.length, () => `Table: row ${i + 1} has ${row.length} fields, expected ${names.length}`);
    });
  }

  /** The number of rows. */
  get size(): number {
    return this.rows.length;
  }

  /**
   * The fields of one column.
   * @throws KasaneError where there is no such column
   */
  column(name: string): string[] {
    const place = this.place(name);
    return this.rows.map((row) => row[place] as string);
  }

  /**
   * Columns of numbers as a float32 tensor `[rows, names]`.
   * @param names by default all columns
   * @param options.missing what an empty field becomes; by default it is an error
   * @throws KasaneError naming the row and the column of the first field that is no number
   */
  numbers(names: readonly string[] = this.names, options: { readonly missing?: number } = {}): Tensor {
    checkOptions("numbers", options, { missing: "optional" });
    const { missing } = options;
    const places = names.map((name) => this.place(name));
    const numbers = new Float32Array(this.size * names.length);
    this.rows.forEach((row, i) => {
      places.forEach((place, j) => {
        const field = (row[place] as string).trim();
        const number = field === "" ? missing : /^0[xob]/i.test(field) ? Number.NaN : Number(field);
        check(
          number !== undefined && Number.isFinite(Math.fround(number)),
          () =>
            `Table: ${field === "" ? "an empty field" : JSON.stringify(field.slice(0, 40))} in row ${i + 1} of column ` +
            `${JSON.stringify(names[j])}: expected a number within float32's range${field === "" ? ": say with { missing } what it counts as" : ""}`,
        );
        numbers[i * names.length + j] = number;
      });
    });
    return fromData(numbers, [this.size, names.length], "float32");
  }

  private place(name: string): number {
    const place = this.names.indexOf(name);
    check(place >= 0, () => `Table: there is no column ${JSON.stringify(name)}: the columns are ${this.names.join(", ")}`);
    return place;
  }
}

/** How CSV is read. */
export interface CsvOptions {
  /** The names of the columns; by default the first line has them. */
  readonly names?: readonly string[];
  /** The number of lines before the table, which are skipped. */
  readonly skipLines?: number;
  /** What separates the fields. By default a comma, semicolon, tab or bar, whichever the text uses. */
  readonly delimiter?: string;
}

/**
 * Reads comma-separated values (RFC 4180): fields may be quoted, and quoted fields may hold line breaks. Lines may end in any way, each in its own.
 * Empty lines are skipped, and so is an empty field that is a line by itself.
 * @throws KasaneError where a quote does not end, or a row has more or fewer fields than there are columns
 */
export function parseCsv(text: string, options: CsvOptions = {}): Table {
  checkOptions("parseCsv", options, { names: "optional", skipLines: "optional", delimiter: "optional" });
  const { names, skipLines = 0, delimiter = "" } = options;
  check(Number.isInteger(skipLines) && skipLines >= 0, () => `parseCsv: skipLines ${skipLines}, expected an integer from 0`);
  const lines = withPlainEnds(text, delimiter || ",;\t|");
  const { data, errors } = Papa.parse<string[]>(lines, { delimiter, newline: "\n", skipEmptyLines: true, skipFirstNLines: skipLines });
  // One column alone has no delimiter to be found.
  const fault = errors.find(({ code }) => code !== "UndetectableDelimiter");
  check(fault === undefined, () => `CSV: row ${(fault?.row ?? 0) + 1}: ${fault?.message}`);
  const rows = names ? data : data.slice(1);
  const columns = names ?? data[0];
  check(columns !== undefined, () => "CSV: the text is empty: expected a line of column names");
  return new Table(columns, rows);
}

/** A text whose lines end with a line feed alone; what is quoted stays as it is. A quote begins a field, or belongs to it. */
function withPlainEnds(text: string, delimiters: string): string {
  const before = delimiters.replaceAll(/[\]\\^-]/g, "\\$&");
  const quotedOrEnd = new RegExp(`(?<=^|[\\r\\n\ufeff${before}])(?:"[^"]*")+|\\r\\n?`, "g");
  return text.replaceAll(quotedOrEnd, (found) => (found.startsWith('"') ? found : "\n"));
}

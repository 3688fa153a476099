import { check, type data, type OnnxModule } from "kasane";
import { fixedReading, onlyInput, type Reading } from "./reading.js";

/**
 * Rows of numbers for a model that takes them, `[batch, columns]`.
 * @param given how many columns there are, by default as many as the model says
 */
export function columnReading(model: OnnxModule, given?: number): Reading {
  const input = onlyInput(model, "columns of numbers");
  const { shape = [] } = input;
  const [, width] = shape;
  const count = given ?? Number(width);
  check(shape.length === 2, () => `the model takes [${shape.join(", ")}]: expected rows of numbers, [batch, columns]`);
  check(
    typeof width === "string" || width === count,
    () => `the model takes ${width} columns, the table has ${count} beside the label: name those that are meant with --columns`,
  );
  return fixedReading(input, [count], {
    plural: "rows",
    read: async (text) => {
      const numbers = text.split(",").map((field) => (field.trim() === "" ? Number.NaN : Number(field)));
      const isRow = numbers.length === count && numbers.every((number) => !Number.isNaN(number));
      check(isRow, () => `got "${text}", expected ${count} numbers with commas between them`);
      return Float32Array.from(numbers);
    },
  });
}

/** The columns that are given to the model: those named, or all but the label. */
export function columnsOf(table: data.Table, label: string, named: string | undefined): string[] {
  if (named === undefined) return table.names.filter((name) => name !== label);
  const names = named.split(",").map((name) => name.trim());
  check(!names.includes(label), () => `--columns ${named}: ${label} is the label, which the model is to tell`);
  check(new Set(names).size === names.length, () => `--columns ${named}: expected each column once`);
  return names;
}

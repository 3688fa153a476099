import { resolve } from "node:path";
import { Option } from "commander";
import { closestName, KasaneError } from "kasane";
import { z } from "zod";

/** What JSON Schema says of an option. */
interface Property {
  readonly type?: string;
  readonly description?: string;
  readonly unit?: string;
  /** What a text must be. */
  readonly expected?: string;
  /** Whether a run that is resumed keeps it. */
  readonly fixed?: boolean;
  /** Of a path: the names that stand in place of one. */
  readonly pathUnless?: readonly string[];
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
  readonly multipleOf?: number;
}

/** `hiddenSize` as `hidden-size`. */
export const kebab = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const propertiesOf = (schema: z.ZodObject): [string, Property][] =>
  Object.entries((z.toJSONSchema(schema, { io: "input" }).properties ?? {}) as Record<string, Property>);

/** The names of the options that a resumed run keeps. */
export const fixedOptions = (schema: z.ZodObject): string[] => propertiesOf(schema).flatMap(([name, { fixed }]) => (fixed ? [name] : []));

/** The flags of a schema's options, for commander: `hiddenSize` is `--hidden-size <n>`. */
export function flagsOf(schema: z.ZodObject): Option[] {
  return propertiesOf(schema).map(([name, property]) => {
    const flag = `--${kebab(name)}`;
    if (property.default === true) return new Option(`--no-${kebab(name)}`, `turn off: ${property.description ?? name}`);
    const notes = [rangeOf(property), property.default === undefined ? "" : `default: ${property.default}`].filter((note) => note !== "");
    const unit = property.unit === undefined ? "" : ` [${property.unit}]`;
    const description = `${property.description ?? ""}${unit}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`;
    if (property.type === "boolean") return new Option(flag, description);
    return new Option(`${flag} <${property.enum ? "name" : (valueNames[property.type ?? ""] ?? "text")}>`, description);
  });
}

const valueNames: Readonly<Record<string, string>> = { integer: "n", number: "x" };

/**
 * The options that were given on the command line, in their types, each checked by itself.
 * @param given what commander read: texts, and booleans
 */
export function readFlags(schema: z.ZodObject, given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, property] of propertiesOf(schema)) {
    const text = Object.hasOwn(given, name) ? given[name] : undefined;
    // Of a "--no-" flag that is not given commander says true.
    if (text === undefined || (text === true && property.default === true)) continue;
    const isNumber = property.type === "integer" || property.type === "number";
    const value = isNumber && typeof text === "string" ? (text.trim() === "" ? Number.NaN : Number(text)) : text;
    const { success } = (schema.shape[name] as z.ZodType).safeParse(value);
    if (!success) {
      const near = typeof text === "string" && property.enum ? closestName(text, property.enum) : undefined;
      throw new KasaneError(`--${kebab(name)}: got "${text}", expected ${expectationOf(property)}${near ? `: did you mean ${near}?` : ""}`);
    }
    values[name] = value;
  }
  return withWholePaths(schema, values);
}

/** Options whose paths are absolute: a run is gone on with, and asked, from other working directories too. */
function withWholePaths(schema: z.ZodObject, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const whole = propertiesOf(schema).flatMap(([name, { pathUnless }]) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    return pathUnless && typeof value === "string" && !pathUnless.includes(value) ? [[name, resolve(value)]] : [];
  });
  return { ...values, ...Object.fromEntries(whole) };
}

/**
 * All options: those given, and the defaults of the others.
 * @param origin what they were read from, for the error: the command line, or a file
 */
export function completeOptions(schema: z.ZodObject, given: Readonly<Record<string, unknown>>, origin: string): Record<string, unknown> {
  const { success, data, error } = schema.safeParse(given);
  if (success) return withWholePaths(schema, data);
  const [issue] = error.issues;
  const name = issue?.path.map(String).join(".");
  throw new KasaneError(`${origin}: ${name ? `--${kebab(name)}: ` : ""}${issue?.message ?? "the options do not fit the experiment"}`);
}

function expectationOf(property: Property): string {
  if (property.enum) return `one of ${property.enum.join(", ")}`;
  const range = rangeOf(property);
  const kind =
    property.type === "integer" ? "an integer" : property.type === "number" ? "a number" : (property.expected ?? "a text that fits");
  return range === "" ? kind : `${kind}, ${range}`;
}

function rangeOf(property: Property): string {
  if (property.enum) return property.enum.join(", ");
  const { multipleOf = 1 } = property;
  return [boundsOf(property), ...(multipleOf === 1 ? [] : [`a multiple of ${multipleOf}`])].filter((part) => part !== "").join(", ");
}

function boundsOf({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Property): string {
  const bound = (value: number | undefined) => value !== undefined && Math.abs(value) < Number.MAX_SAFE_INTEGER;
  const parts = [];
  if (bound(minimum) && bound(maximum)) return `${minimum} to ${maximum}`;
  if (bound(minimum)) parts.push(`at least ${minimum}`);
  if (bound(exclusiveMinimum)) parts.push(`above ${exclusiveMinimum}`);
  if (bound(maximum)) parts.push(`at most ${maximum}`);
  if (bound(exclusiveMaximum)) parts.push(`below ${exclusiveMaximum}`);
  return parts.join(" and ");
}

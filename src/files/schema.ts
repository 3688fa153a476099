import { z } from "zod";
import { check, excerpt, KasaneError } from "../graph/error.js";

/**
 * What a file or a user gave, in the type that `schema` describes.
 * @param fault how the error begins
 * @throws KasaneError naming the first field that does not fit, what it holds and what was expected; also where it is nested too deeply
 */
export function parseAs<T>(schema: z.ZodType<T>, value: unknown, fault: string): T {
  try {
    return parsed(schema, value, fault);
  } catch (error) {
    // What goes down a value level by level runs out of stack.
    if (error instanceof RangeError) throw new KasaneError(`${fault}: it is nested too deeply`, { cause: error });
    throw error;
  }
}

function parsed<T>(schema: z.ZodType<T>, value: unknown, fault: string): T {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  const { path, message } = error.issues[0] as z.core.$ZodIssue;
  const field = path.map(String).join(".");
  const got = excerpt(JSON.stringify(path.reduce<unknown>(memberOf, value)) ?? "nothing", 60);
  throw new KasaneError(`${fault}: ${field === "" ? "" : `${excerpt(field)}: `}got ${got}: ${excerpt(message, 150)}`);
}

const memberOf = (holder: unknown, key: PropertyKey): unknown => (holder as Record<PropertyKey, unknown> | null | undefined)?.[key];

/**
 * A list. Only its first wrong entry is reported: a hostile file may hold millions, and zod describes each.
 */
const listOf = <T>(isItem: (item: unknown) => item is T, expected: string) =>
  z.custom<T[]>((value) => Array.isArray(value) && value.every(isItem), { error: `expected a list of ${expected}` });

/** A list of texts, of any length. */
export const texts = listOf((item): item is string => typeof item === "string", "texts");

/** A list of finite numbers, of any length. */
export const numbers = listOf((item): item is number => Number.isFinite(item), "numbers");

/**
 * What a text of JSON says.
 * @param fault what the error says where it is not JSON
 */
export function parseJson(text: string, fault: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new KasaneError(fault, { cause: error });
  }
}

/**
 * A value as JSON that reads back as the same.
 * @param label what it is, for the error
 * @throws KasaneError naming the member that JSON does not hold: a bigint, a function, a number that is not finite, a circle
 */
export function jsonOf(value: unknown, label: string): string {
  checkJson(value, label, new Set());
  return JSON.stringify(value);
}

function checkJson(value: unknown, label: string, within: Set<object>): void {
  const fault = faultOf(value, within);
  check(
    fault === undefined,
    () => `${excerpt(label, 200)} is ${fault}, expected what JSON holds: texts, finite numbers, booleans, null, lists and plain objects`,
  );
  if (typeof value !== "object" || value === null) return;
  within.add(value);
  for (const [key, member] of Object.entries(value)) {
    // A member that is undefined reads back as missing, which is the same; in a list it would read back as null.
    if (member !== undefined || Array.isArray(value)) checkJson(member, `${label}.${key}`, within);
  }
  within.delete(value);
}

/** Why JSON does not hold a value, its members aside; undefined where it does. */
function faultOf(value: unknown, within: ReadonlySet<object>): string | undefined {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : `${value}`;
  if (typeof value !== "object") return value === undefined ? "undefined" : `a ${typeof value}`;
  if (within.has(value)) return "a part of itself";
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value));
  return isPlain && !("toJSON" in value) ? undefined : `a ${value.constructor?.name ?? "object that makes its own JSON"}`;
}

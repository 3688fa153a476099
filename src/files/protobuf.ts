import { unsigned } from "../assembly/leb128.js";

/** A field of a protocol buffer: its number in the message and its encoded value (protobuf.dev/programming-guides/encoding). */
export type Field = Uint8Array;

/** A message of fields. */
export const message = (...fields: readonly Field[]): Uint8Array => Buffer.concat(fields);

/** A field of an integer type or an enum, of a value from 0. */
export const integer = (number: number, value: number): Field => Uint8Array.from([...unsigned(number * 8), ...unsigned(value)]);

/** A field of type double. */
export const double = (number: number, value: number): Field => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return Buffer.concat([Uint8Array.from(unsigned(number * 8 + 1)), bytes]);
};

/** A field of type float. */
export const float = (number: number, value: number): Field => {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(value);
  return Buffer.concat([Uint8Array.from(unsigned(number * 8 + 5)), bytes]);
};

/** A field of a string, of bytes or of a message. */
export const bytes = (number: number, value: string | Uint8Array): Field => {
  const content = typeof value === "string" ? Buffer.from(value) : value;
  return Buffer.concat([Uint8Array.from([...unsigned(number * 8 + 2), ...unsigned(content.length)]), content]);
};

/** A field of repeated doubles. */
export const doubles = (number: number, values: readonly number[]): Field =>
  bytes(number, new Uint8Array(Float64Array.from(values).buffer));

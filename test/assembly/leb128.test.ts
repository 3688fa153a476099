import { expect, test } from "vitest";
import { signed, unsigned } from "../../src/assembly/leb128.js";

// The worked examples of the DWARF standard (version 5, section 7.6) and two greater numbers, encoded by hand.

test("unsigned integers take seven bits a byte, the lowest first", () => {
  expect([2, 127, 128, 12857].map((value) => unsigned(value))).toEqual([[2], [0x7f], [0x80, 1], [0xb9, 0x64]]);
  expect(unsigned(2 ** 35)).toEqual([0x80, 0x80, 0x80, 0x80, 0x80, 1]);
});

test("signed integers end where the sign is that of all higher bits", () => {
  const values = [2, -2, 127, -127, 128, -128, 129, -129];
  const bytes = [[2], [0x7e], [0xff, 0], [0x81, 0x7f], [0x80, 1], [0x80, 0x7f], [0x81, 1], [0xff, 0x7e]];
  expect(values.map((value) => signed(value))).toEqual(bytes);
  expect(signed(-(2 ** 31))).toEqual([0x80, 0x80, 0x80, 0x80, 0x78]);
});

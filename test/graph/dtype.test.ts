import { describe, expect, it } from "vitest";
import { below, convert, dtypeOf, dtypes, elementAt, exactIntegers, fromFloat16, promote, toFloat16 } from "../../src/graph/dtype.js";

describe("float16", () => {
  // Bit patterns of IEEE 754 binary16, worked out by hand from its definition.
  it.each([
    [0, 0x0000],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [2 ** -14, 0x0400],
    [2 ** -24, 0x0001],
    [2 ** -14 - 2 ** -24, 0x03ff],
    [1 / 3, 0x3555],
    [Number.POSITIVE_INFINITY, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
  ])("%d has the bits %i", (value, bits) => {
    expect(toFloat16(value)).toBe(bits);
  });

  it("rounds to the nearest, halves to even", () => {
    const step = 2 ** -10;
    expect(toFloat16(1 + step / 2)).toBe(0x3c00);
    expect(toFloat16(1 + (3 * step) / 2)).toBe(0x3c02);
    expect(toFloat16(1 + step / 2 + 2 ** -30)).toBe(0x3c01);
    expect(toFloat16(2 - step / 2)).toBe(0x4000);
    expect(toFloat16(2 ** -25)).toBe(0x0000);
    expect(toFloat16(3 * 2 ** -25)).toBe(0x0002);
    expect(toFloat16(2 ** -14 - 2 ** -26)).toBe(0x0400);
    expect(toFloat16(65519.999)).toBe(0x7bff);
    expect(toFloat16(65520)).toBe(0x7c00);
  });

  it("gives every one of the 65,536 patterns back", () => {
    for (let bits = 0; bits < 65536; bits++) {
      const value = fromFloat16(bits);
      if (Number.isNaN(value)) expect(toFloat16(value)).toBe(0x7e00);
      else if (toFloat16(value) !== bits) expect.fail(`${bits} came back as ${toFloat16(value)}`);
    }
  });
});

describe("promote", () => {
  it("takes the later of the two in the order of dtypes, whichever comes first", () => {
    expect(promote("int32", "float32")).toBe("float32");
    expect(promote("float32", "int32")).toBe("float32");
    expect(promote("bool", "uint8")).toBe("uint8");
    expect(promote("int64", "float16")).toBe("float16");
    expect(promote("float64", "float32")).toBe("float64");
    for (const dtype of dtypes) expect(promote(dtype, dtype)).toBe(dtype);
  });
});

describe("convert", () => {
  it("converts each element as a cast would", () => {
    expect(convert([1.9, -1.9, 300], "int32")).toEqual(Int32Array.of(1, -1, 300));
    expect(convert([0, 0.5, -3], "bool")).toEqual(Uint8Array.of(0, 1, 1));
    expect(convert([1, 2n, true], "int64")).toEqual(BigInt64Array.of(1n, 2n, 1n));
    expect(convert([1, 0.5], "float16")).toEqual(Uint16Array.of(0x3c00, 0x3800));
  });

  it("refuses fractions for int64", () => {
    expect(() => convert([1.5], "int64")).toThrow("1.5 is not an integer: int64 holds integers");
  });
});

describe("elements", () => {
  it("read as the numbers, bigints and booleans that they stand for", () => {
    expect(elementAt(Uint16Array.of(0xc000), 0, "float16")).toBe(-2);
    expect(elementAt(BigInt64Array.of(2n ** 60n), 0, "int64")).toBe(2n ** 60n);
    expect(elementAt(Uint8Array.of(1), 0, "bool")).toBe(true);
  });

  it("take the dtype of their array, where one has but one", () => {
    expect(dtypeOf(new Float32Array(1))).toBe("float32");
    expect(dtypeOf(new BigInt64Array(1))).toBe("int64");
    expect(() => dtypeOf(new Uint16Array(1))).toThrow('a Uint16Array needs its dtype named, for example { dtype: "float16" }');
  });
});

describe("the numbers of a type", () => {
  // The gaps between numbers follow from the digits of IEEE 754's formats: 11, 24 and 53.
  it.each([
    ["float32", 1, 1 - 2 ** -24],
    ["float32", 101, 101 - 2 ** -17],
    ["float32", -1, -1 - 2 ** -23],
    ["float32", 0, -(2 ** -149)],
    ["float32", 0.1, Math.fround(0.1) - 2 ** -27],
    ["float32", 0.3 - 1e-12, Math.fround(0.3) - 2 ** -25],
    ["float16", 1, 1 - 2 ** -11],
    ["float16", 0, -(2 ** -24)],
    ["float16", 2 ** -24, 0],
    ["float64", 1, 1 - 2 ** -53],
    ["float64", -2, -2 - 2 ** -51],
    ["float64", 0, -(2 ** -1074)],
  ] as const)("the one of %s below %d is %d", (dtype, value, expected) => {
    expect(below(value, dtype)).toBe(expected);
  });

  it("are all integers between bounds", () => {
    expect(exactIntegers("uint8")).toEqual([0, 255]);
    expect(exactIntegers("int8")).toEqual([-128, 127]);
    expect(exactIntegers("int32")).toEqual([-(2 ** 31), 2 ** 31 - 1]);
    expect(exactIntegers("float16")).toEqual([-2048, 2048]);
    expect(exactIntegers("float32")).toEqual([-(2 ** 24), 2 ** 24]);
  });
});

/** Random choices that follow from a seed alone. */
export class Choices {
  constructor(private state: number) {}

  /** An integer from 0 to `below` - 1 (Steele et al. 2014, SplitMix; 32 bits). */
  integer(below: number): number {
    this.state = (this.state + 0x9e3779b9) >>> 0;
    let z = this.state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) % below;
  }

  of<T>(values: readonly T[]): T {
    return values[this.integer(values.length)] as T;
  }

  /** Whether what happens once in `times` happens. */
  once(times: number): boolean {
    return this.integer(times) === 0;
  }
}

/** Values that break what expects others, each in its way. */
const nasty: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1,
  1.5,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  -(2 ** 53),
  "",
  "NaN",
  "\u001b[2J\u0007\n\r\u009b31m",
  "\u202egnp.exe",
  "\ud800",
  "__proto__",
  "toString",
  "../../etc/passwd",
  "x".repeat(5000),
  [],
  {},
  [[[[[[]]]]]],
  Array(300).fill(0),
];

/** A value with one of its members, however deep, changed, removed, doubled or renamed. */
export function mutated(value: unknown, choices: Choices): unknown {
  const isHolder = typeof value === "object" && value !== null;
  const keys = isHolder ? Object.keys(value) : [];
  if (keys.length === 0 || choices.once(8)) return choices.of(nasty);
  const key = choices.of(keys);
  const entries = Object.entries(value as object);
  const changed = entries.flatMap(([name, member]): [string, unknown][] => {
    if (name !== key) return [[name, member]];
    switch (choices.integer(6)) {
      case 0:
        return [];
      case 1:
        return [[String(choices.of(nasty)), member]];
      case 2:
        return [
          [name, member],
          [`${name}2`, member],
        ];
      default:
        return [[name, mutated(member, choices)]];
    }
  });
  return Array.isArray(value) ? changed.map(([, member]) => member) : Object.fromEntries(changed);
}

/** Bytes with a few of them changed, cut, removed, doubled or put in. */
export function damaged(bytes: Uint8Array, choices: Choices): Uint8Array {
  let result = Buffer.from(bytes);
  for (let times = 1 + choices.integer(3); times > 0; times--) {
    const at = choices.integer(result.length + 1);
    const length = choices.integer(choices.of([2, 16, 600]));
    const [before, after] = [result.subarray(0, at), result.subarray(at)];
    const part = result.subarray(at, at + length);
    switch (choices.integer(6)) {
      case 0:
        result = Buffer.from(before);
        break;
      case 1:
        result = Buffer.concat([before, after.subarray(length)]);
        break;
      case 2:
        result = Buffer.concat([before, part, after]);
        break;
      case 3:
        result = Buffer.concat([before, Buffer.alloc(length, choices.integer(256)), after]);
        break;
      default:
        if (at < result.length) result[at] = (result[at] as number) ^ (1 << choices.integer(8));
    }
  }
  return result;
}

import { signed, unsigned } from "./leb128.js";

/** The types of WebAssembly's values that we use (core specification 2.0, section 5.3). */
export const types = { i32: 0x7f, f64: 0x7c, v128: 0x7b } as const;
export type Type = keyof typeof types;

const simd = (code: number): number[] => [0xfd, ...unsigned(code)];

/** The instructions that take operands from the stack and no more (sections 5.4.6, 5.4.7 and 5.4.8). */
export const opcodes = {
  if: [0x04, 0x40],
  end: [0x0b],
  drop: [0x1a],
  select: [0x1b],
  "i32.lt_s": [0x48],
  "i32.ge_u": [0x4f],
  "i32.add": [0x6a],
  "i32.sub": [0x6b],
  "i32.mul": [0x6c],
  "i32.and": [0x71],
  "i32.xor": [0x73],
  "i32.shl": [0x74],
  "f32.demote_f64": [0xb6],
  "f64.convert_i32_s": [0xb7],
  "f64.promote_f32": [0xbb],
  "i8x16.swizzle": simd(14),
  "i32x4.splat": simd(17),
  "f32x4.splat": simd(19),
  "i32x4.eq": simd(55),
  "i32x4.gt_s": simd(59),
  "i32x4.ge_s": simd(63),
  "f32x4.eq": simd(65),
  "f32x4.gt": simd(68),
  "f32x4.ge": simd(70),
  "v128.not": simd(77),
  "v128.and": simd(78),
  "v128.andnot": simd(79),
  "v128.or": simd(80),
  "v128.xor": simd(81),
  "v128.bitselect": simd(82),
  "v128.any_true": simd(83),
  "f32x4.demote_f64x2_zero": simd(94),
  "f64x2.promote_low_f32x4": simd(95),
  "f32x4.ceil": simd(103),
  "f32x4.floor": simd(104),
  "f32x4.nearest": simd(106),
  "f64x2.trunc": simd(122),
  "f64x2.nearest": simd(148),
  "i32x4.abs": simd(160),
  "i32x4.neg": simd(161),
  "i32x4.shl": simd(171),
  "i32x4.shr_s": simd(172),
  "i32x4.shr_u": simd(173),
  "i32x4.add": simd(174),
  "i32x4.sub": simd(177),
  "i32x4.mul": simd(181),
  "i32x4.min_s": simd(182),
  "i32x4.max_s": simd(184),
  "f32x4.abs": simd(224),
  "f32x4.neg": simd(225),
  "f32x4.sqrt": simd(227),
  "f32x4.add": simd(228),
  "f32x4.sub": simd(229),
  "f32x4.mul": simd(230),
  "f32x4.div": simd(231),
  "f32x4.min": simd(232),
  "f32x4.max": simd(233),
  "f32x4.pmin": simd(234),
  "f32x4.pmax": simd(235),
  "f64x2.add": simd(240),
  "f64x2.sub": simd(241),
  "f64x2.mul": simd(242),
  "f64x2.div": simd(243),
  "i32x4.trunc_sat_f32x4_s": simd(248),
  "f32x4.convert_i32x4_s": simd(250),
  "i32x4.trunc_sat_f64x2_s_zero": simd(252),
  "f64x2.convert_low_i32x4_s": simd(254),
} as const satisfies Record<string, number[]>;
export type Opcode = keyof typeof opcodes;

/** Loads and stores: the code, and the logarithm of the bytes that they touch, as the alignment. */
const memory = {
  "i32.load": [[0x28], 2],
  "v128.load": [simd(0), 4],
  "v128.load32_splat": [simd(9), 2],
  "v128.store": [simd(11), 4],
  "v128.load32_lane": [simd(86), 2],
  "v128.store32_lane": [simd(90), 2],
  "v128.store64_lane": [simd(91), 3],
  "v128.load32_zero": [simd(92), 2],
} as const;

/** An access to memory at an address on the stack plus `offset` bytes. No alignment is promised. */
export function access(name: keyof typeof memory, offset: number, lane?: number): number[] {
  const [code, alignment] = memory[name];
  const bytes = unsigned(offset, [...code, Math.min(alignment, 2)]);
  if (lane !== undefined) bytes.push(lane);
  return bytes;
}

/** `i8x16.shuffle` by 32-bit lanes of two vectors: 0 to 3 are those of the first, 4 to 7 those of the second. */
export const shuffle = (lanes: readonly number[]): number[] => [
  ...simd(13),
  ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)),
];

export const extractFloat = (lane: number): number[] => [...simd(31), lane];
export const replaceFloat = (lane: number): number[] => [...simd(32), lane];

/** The code of one function. Its parameters are its first locals, all i32. */
export class Code {
  readonly bytes: number[] = [];
  private readonly locals: Type[] = [];
  /** Locals that can be used again. */
  private readonly free: Record<Type, number[]> = { i32: [], f64: [], v128: [] };
  /** Locals that the current stretch of code uses. */
  private taken: { readonly type: Type; readonly index: number }[] = [];

  constructor(readonly parameters = 0) {}

  write(...parts: readonly (Opcode | readonly number[])[]): this {
    for (const part of parts) {
      const bytes: readonly number[] = typeof part === "string" ? opcodes[part] : part;
      for (let i = 0; i < bytes.length; i++) this.bytes.push(bytes[i] as number);
    }
    return this;
  }

  /** The index of an unused local. It may hold any value. */
  local(type: Type): number {
    const index = this.free[type].pop() ?? this.parameters + this.locals.push(type) - 1;
    this.taken.push({ type, index });
    return index;
  }

  /** Writes a stretch of code. Its locals are free again after it: a function may have at most 50,000. */
  stretch(write: () => void): void {
    const outer = this.taken;
    this.taken = [];
    write();
    for (const { type, index } of this.taken) this.free[type].push(index);
    this.taken = outer;
  }

  constant(value: number): this {
    return this.write([0x41, ...signed(value)]);
  }

  get(local: number): this {
    return this.write(unsigned(local, [0x20]));
  }

  set(local: number): this {
    return this.write(unsigned(local, [0x21]));
  }

  tee(local: number): this {
    return this.write(unsigned(local, [0x22]));
  }

  call(index: number): this {
    return this.write(unsigned(index, [0x10]));
  }

  /** Runs `body` for each value of a new local from `start` up to `end`, which is greater, by `step`. */
  loop(start: number, end: number, step: number, body: (index: number) => void): void {
    const index = this.local("i32");
    this.constant(start).set(index).write([0x03, 0x40]);
    body(index);
    this.get(index).constant(step).write("i32.add").tee(index).constant(end).write("i32.lt_s", [0x0d, 0x00, 0x0b]);
  }

  /** The function as an entry of the code section. */
  encode(): number[] {
    const runs: { type: Type; count: number }[] = [];
    for (const type of this.locals) {
      const last = runs.at(-1);
      if (last?.type === type) last.count++;
      else runs.push({ type, count: 1 });
    }
    const locals = [...unsigned(runs.length), ...runs.flatMap(({ type, count }) => [...unsigned(count), types[type]])];
    const size = locals.length + this.bytes.length + 1;
    return concatenate([unsigned(size), locals, this.bytes, [0x0b]]);
  }
}

/** An imported function of float64 operands and result. */
export interface Import {
  readonly name: string;
  readonly operands: number;
}

/**
 * A module that exports its memory and its last function, `run`, which takes nothing.
 * @param imports of the module "kasane"; the indices of functions count them first
 * @param data the initial contents of the memory, each from its address on
 */
export function encodeModule(
  imports: readonly Import[],
  functions: readonly Code[],
  pages: number,
  data: readonly { readonly address: number; readonly bytes: Uint8Array }[],
): Uint8Array<ArrayBuffer> {
  const signatures = [
    ...imports.map(({ operands }) => [0x60, ...vector(new Array(operands).fill([types.f64])), 1, types.f64]),
    ...functions.map(({ parameters }) => [0x60, ...vector(new Array(parameters).fill([types.i32])), 0]),
  ];
  const sections = [
    section(1, vector(signatures)),
    section(2, vector(imports.map(({ name }, i) => [...text("kasane"), ...text(name), 0x00, ...unsigned(i)]))),
    section(3, vector(functions.map((_, i) => unsigned(imports.length + i)))),
    section(5, vector([[0x01, ...unsigned(pages), ...unsigned(pages)]])),
    section(
      7,
      vector([
        [...text("memory"), 0x02, 0x00],
        [...text("run"), 0x00, ...unsigned(imports.length + functions.length - 1)],
      ]),
    ),
    section(10, vector(functions.map((code) => code.encode()))),
    section(11, vector(data.map(({ address, bytes }) => [0x00, 0x41, ...signed(address), 0x0b, ...unsigned(bytes.length), ...bytes]))),
  ];
  return Uint8Array.from(concatenate([[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], ...sections]));
}

const vector = (items: readonly (readonly number[])[]): number[] => concatenate([unsigned(items.length), ...items]);
const section = (id: number, content: readonly number[]): number[] => concatenate([[id], unsigned(content.length), content]);
const text = (value: string): number[] => vector([...new TextEncoder().encode(value)].map((byte) => [byte]));

/** Spreading many bytes into a call would overflow its stack. */
function concatenate(parts: readonly (readonly number[])[]): number[] {
  const all = new Array<number>(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) for (let i = 0; i < part.length; i++) all[at++] = part[i] as number;
  return all;
}

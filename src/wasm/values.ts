import { access, type Code, type Opcode, opcodes, type Type } from "../assembly/assembler.js";
import { signed, unsigned } from "../assembly/leb128.js";

/** The element types that the module computes with, all of 32 bits; a boolean is all ones or all zeros. */
export type Element = "float32" | "int32" | "bool";

/** A value that straight code computes once, whatever the number of its uses. */
export interface Value {
  readonly id: number;
  readonly type: Type;
  /** The type of a vector's lanes. */
  readonly element: Element;
}

interface Computed extends Value {
  readonly code: readonly number[];
  readonly operands: readonly Computed[];
  uses: number;
  local?: number;
}

/** The addresses of constants in the module's memory, by their bits. */
export interface Constants {
  addressOf(bits: number): number;
}

const floatBits = new Float32Array(1);
const integerBits = new Int32Array(floatBits.buffer);

/** A stretch of straight code. Values are declared first and computed at their first use. Equal values are one. */
export class Values {
  private readonly known = new Map<string, Computed>();
  private next = 0;

  constructor(
    readonly code: Code,
    private readonly constants: Constants,
  ) {}

  /** The result of the instruction `code` of its operands. */
  make(code: Opcode | readonly number[], operands: readonly Value[], element: Element = "float32", type: Type = "v128"): Value {
    const bytes: readonly number[] = typeof code === "string" ? opcodes[code] : code;
    // A large graph makes hundreds of thousands of keys: one character for each byte is the shortest.
    let key = "";
    for (const { id } of operands) key += `${id};`;
    key += `|${String.fromCharCode(...bytes)}`;
    const known = this.known.get(key);
    if (known) return element === known.element ? known : { ...known, element };
    const value: Computed = { id: this.next++, type, element, code: bytes, operands: operands as readonly Computed[], uses: 0 };
    for (const operand of value.operands) this.original(operand).uses++;
    this.known.set(key, value);
    this.originals.push(value);
    return value;
  }

  private readonly originals: Computed[] = [];

  /** The value as it was made first, maybe with another element type. */
  private original(value: Value): Computed {
    return this.originals[value.id] as Computed;
  }

  /** The same bits as lanes of another type. */
  as(value: Value, element: Element): Value {
    return value.element === element ? value : { ...value, element };
  }

  /** The value of a local. The local must not change before all uses are written. */
  local(index: number, type: Type = "v128", element: Element = "float32"): Value {
    return this.make(unsigned(index, [0x20]), [], element, type);
  }

  /** An i32 constant, as an address or a factor of one. */
  integer(value: number): Value {
    return this.make([0x41, ...signed(value)], [], "int32", "i32");
  }

  /** Four equal lanes; of booleans, what is greater than 0 is true. */
  constant(value: number, element: Element = "float32"): Value {
    if (element === "float32") floatBits[0] = value;
    else if (element === "bool") integerBits[0] = -Number(value > 0);
    else integerBits[0] = Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1);
    return this.bits(integerBits[0] as number, element);
  }

  /** Four lanes of the same bits. A load of them is one instruction; an immediate vector would be several. */
  bits(bits: number, element: Element): Value {
    return this.make(access("v128.load32_splat", this.constants.addressOf(bits)), [this.integer(0)], element);
  }

  /** Four lanes of any bits. */
  lanes(bits: readonly number[], element: Element): Value {
    const bytes = new Uint8Array(Int32Array.from(bits).buffer);
    return this.make([0xfd, 0x0c, ...bytes], [], element);
  }

  /** Counts one more use of `value`, beside those by other values. */
  use(value: Value): Value {
    this.original(value).uses++;
    return value;
  }

  /** Computes `value` now: what is used of it later comes from a local, whatever was stored meanwhile. */
  kept(value: Value): Value {
    const computed = this.original(value);
    const local = this.code.local(computed.type);
    this.push(this.use(value)).set(local);
    computed.local ??= local;
    return value;
  }

  /** Pushes `value` on the stack. {@link use} has counted this use. */
  push(value: Value): Code {
    const computed = this.original(value);
    if (computed.local !== undefined) return this.code.get(computed.local);
    for (const operand of computed.operands) this.push(operand);
    this.code.write(computed.code);
    // An instruction without operands costs no more than reading a local.
    const isCheap = computed.operands.length === 0;
    if (computed.uses > 1 && !isCheap) {
      computed.local = this.code.local(computed.type);
      this.code.tee(computed.local);
    }
    return this.code;
  }
}

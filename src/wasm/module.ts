import { Code, encodeModule } from "../assembly/assembler.js";
import { arrayOf, convert, elementAt, type TypedArray } from "../graph/dtype.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import type { Change } from "../passes/cutUpdate.js";
import { Unsupported } from "./algebra.js";
import { type Access, accessTo, Buffer, type Index } from "./buffers.js";
import { imported } from "./imports.js";
import { canReplace } from "./inPlace.js";
import { apply, elementOf, type Lazy } from "./lazy.js";
import { layOut } from "./memory.js";
import { type ConstantData, Scope } from "./scope.js";
import { MapStatement } from "./statements/map.js";
import type { Emission, Statement } from "./statements/statement.js";

/** Where a value is in a module's memory: its address in bytes. Elements have four bytes. */
export interface Place {
  readonly address: number;
  readonly tensor: Tensor;
}

/** A graph as a WebAssembly module. */
export interface GraphModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where each leaf is read from. */
  readonly leaves: readonly Place[];
  /** Where each output is afterwards. */
  readonly outputs: readonly Place[];
  /** The errors of a run by their numbers; each is given an index. */
  readonly failures: readonly ((index: number) => string)[];
  /** The bytes of the memory plan, constants included. */
  readonly memory: number;
}

/** A leaf that is set from outside. With `next`, it has that value of the prepared graph after the run, at the same address. */
export interface Leaf {
  readonly tensor: Tensor;
  /** Whether the value stays from run to run. */
  readonly isState: boolean;
  readonly next?: Tensor;
}

/**
 * Writes one module that computes the `outputs` of a prepared graph from `leaves`. All memory is planned beforehand.
 * @throws Unsupported where the graph holds what the module has no code for
 */
export function graphModule(leaves: readonly Leaf[], outputs: readonly Tensor[]): GraphModule {
  const data = new Data();
  const scope = new Scope(data);
  const buffers: Buffer[] = [];
  const own = leaves.map(({ tensor, isState }) => {
    const buffer = new Buffer(tensor.size, 0).keep({ fromStart: true, toEnd: isState });
    buffers.push(buffer);
    const access = accessTo(buffer, elementOf(tensor.dtype), tensor.shape);
    scope.bind(tensor, { kind: "held", element: access.element, shape: tensor.shape, access });
    return access;
  });
  const results = outputs.map((tensor) => {
    const buffer = new Buffer(tensor.size, 0).keep({ toEnd: true });
    buffers.push(buffer);
    return accessTo(buffer, elementOf(tensor.dtype), tensor.shape);
  });
  const changing = leaves.flatMap(({ next, tensor }, i) => (next ? [{ next, tensor, to: own[i] as Access }] : []));
  // A step reads the old values of variables. A next value has a buffer of its own where an old value may be read after it was computed.
  const waiting = changing.map(({ tensor, to }) => accessTo(new Buffer(tensor.size, 0), to.element, tensor.shape));
  scope.compute([...outputs, ...changing.map(({ next }) => next)], [...results, ...waiting]);
  changing.forEach(({ tensor, to }, i) => {
    const access = waiting[i] as Access;
    if (canReplace(scope.statements, to, access)) return access.buffer.takePlaceOf(to.buffer);
    scope.statements.push(
      new MapStatement(tensor.shape, [{ lazy: { kind: "held", element: to.element, shape: tensor.shape, access }, to }]),
    );
  });

  const placeOf = (access: Access, tensor: Tensor) => () => ({ address: access.buffer.address, tensor });
  return assemble(scope.statements, buffers, data, {
    leaves: leaves.map(({ tensor }, i) => placeOf(own[i] as Access, tensor)),
    outputs: outputs.map((tensor, i) => placeOf(results[i] as Access, tensor)),
  });
}

/**
 * Writes one module that changes leaves in place. A group is one loop, so each element is read and written once.
 * @param leaves the leaves that the values are computed from; constants of size 1 need not be among them
 * @param groups leaves of one shape, with elementwise next values; no group reads what another changes
 * @throws Unsupported where a group holds what the module has no code for
 */
export function changeModule(leaves: readonly Tensor[], groups: readonly (readonly Change[])[]): GraphModule {
  const accesses = new Map<Tensor, Access>();
  for (const tensor of leaves) {
    const buffer = new Buffer(tensor.size, 0).keep({ fromStart: true, toEnd: true });
    accesses.set(tensor, accessTo(buffer, elementOf(tensor.dtype), tensor.shape));
  }
  const lazies = new Map<Tensor, Lazy>();
  const lazyOf = (x: Tensor): Lazy => {
    const known = lazies.get(x) ?? makeLazy(x);
    lazies.set(x, known);
    return known;
  };
  const makeLazy = (x: Tensor): Lazy => {
    const { source, shape, dtype } = x;
    if (source.kind === "node") return apply(source, source.inputs.map(lazyOf));
    const [element, access] = [elementOf(dtype), accesses.get(x)];
    if (access) return { kind: "held", element, shape, access };
    return { kind: "constant", element, shape, value: Number(elementAt(hostData(x) as TypedArray, 0, dtype)) };
  };
  const statements = groups.map((group) => {
    const assignments = group.map(({ tensor, next }) => ({ lazy: lazyOf(next), to: accesses.get(tensor) as Access }));
    return asFunction(new MapStatement((group[0] as Change).tensor.shape, assignments));
  });
  const buffers = [...accesses.values()].map(({ buffer }) => buffer);
  const places = [...accesses].map(([tensor, { buffer }]) => () => ({ address: buffer.address, tensor }));
  return assemble(statements, buffers, new Data(), { leaves: places, outputs: [] });
}

/** A statement as a function of its own: an engine is slow to optimize long functions. */
const asFunction = (statement: Statement): Statement => ({
  reads: statement.reads,
  writes: statement.writes,
  emit(emission) {
    emission.code.call(emission.addFunction(0, (own) => statement.emit(emission.within(own, new Map()))));
  },
});

/** The places of leaves and outputs, after the memory is laid out. */
interface Places {
  readonly leaves: readonly (() => Place)[];
  readonly outputs: readonly (() => Place)[];
}

/** The module that runs statements in their order. */
function assemble(statements: readonly Statement[], buffers: readonly Buffer[], data: Data, { leaves, outputs }: Places): GraphModule {
  const end = layOut(statements, [...buffers, ...data.buffers], 0);
  data.place();
  const functions: Code[] = [];
  const failures: ((index: number) => string)[] = [];
  const code = new Code();
  const constants = new Scalars(end);
  const emission = (within: Code, indices: ReadonlyMap<Index, number>): Emission => ({
    code: within,
    constants,
    localOf: (index) => indices.get(index) as number,
    addFailure: (message) => failures.push(message) - 1,
    within: (other, more) => emission(other, new Map([...indices, ...more])),
    addFunction: (parameters, write) => {
      const own = new Code(parameters);
      write(own);
      return imported.length + functions.push(own) - 1;
    },
  });
  const main = emission(code, new Map());
  for (const statement of statements) code.stretch(() => statement.emit(main));
  functions.push(code);

  // A vector may be loaded from the last element on.
  const memory = constants.end + 16;
  if (memory > mostMemory) throw new Unsupported(`${memory} bytes of memory`);
  const bytes = encodeModule(imported, functions, Math.ceil(memory / pageSize), [...data.segments, ...constants.segments]);
  return { bytes, leaves: leaves.map((place) => place()), outputs: outputs.map((place) => place()), failures, memory };
}

const pageSize = 65_536;
/** A memory ends below this address, since addresses are signed integers. */
const mostMemory = 2 ** 31;

/** The elements as the module holds them: a boolean is all ones or all zeros. */
export const heldElements = (data: TypedArray, dtype: Tensor["dtype"]): Float32Array | Int32Array =>
  dtype === "bool" ? Int32Array.from(data as Uint8Array, (x) => (x === 0 ? 0 : -1)) : (data as Float32Array | Int32Array);

/** The constant tensors of a module. */
class Data implements ConstantData {
  private readonly known = new Map<Tensor, Access>();
  private readonly contents: { readonly buffer: Buffer; readonly bytes: Uint8Array }[] = [];
  segments: { readonly address: number; readonly bytes: Uint8Array }[] = [];

  get buffers(): Buffer[] {
    return this.contents.map(({ buffer }) => buffer);
  }

  held(x: Tensor): Access {
    const known = this.known.get(x) ?? this.add(hostData(x) as TypedArray, x);
    this.known.set(x, known);
    return known;
  }

  made(elements: readonly number[], type: Tensor): Access {
    return this.add(convert(elements, type.dtype), type);
  }

  /** After the memory is laid out. */
  place(): void {
    this.segments = this.contents.map(({ buffer, bytes }) => ({ address: buffer.address, bytes }));
  }

  private add(data: TypedArray, { dtype, shape, size }: Tensor): Access {
    const element = elementOf(dtype);
    const buffer = new Buffer(size, 0).keep({ fromStart: true, toEnd: true });
    const held = heldElements(data instanceof arrayOf(dtype) ? data : convert(data as Float32Array, dtype), dtype);
    this.contents.push({ buffer, bytes: new Uint8Array(held.buffer, held.byteOffset, held.byteLength) });
    return accessTo(buffer, element, shape);
  }
}

/** Constants of four bytes each, behind all else in memory. */
class Scalars {
  private readonly addresses = new Map<number, number>();

  constructor(private readonly start: number) {}

  get end(): number {
    return this.start + 4 * this.addresses.size;
  }

  get segments() {
    return [{ address: this.start, bytes: new Uint8Array(Int32Array.from(this.addresses.keys()).buffer) }];
  }

  addressOf(bits: number): number {
    const known = this.addresses.get(bits) ?? this.end;
    this.addresses.set(bits, known);
    return known;
  }
}

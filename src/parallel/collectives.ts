/// <reference lib="es2024.sharedmemory" />

/** Numbers that can be added up. */
export type Numbers = Float32Array | Float64Array | Int32Array;

/**
 * The exchange of values among the workers of one step. All call the same operations in the same order, with arrays of the same sizes. An operation
 * throws {@link Aborted} where a worker has ended the step. The worker of rank 0 leads.
 */
export interface Collectives {
  readonly rank: number;
  readonly size: number;
  /** Replaces the elements of each array by their sums over the workers: the same on all of them to the bit. */
  allReduce(values: readonly Numbers[]): Promise<void>;
  /** Replaces the elements of each array by the leader's. */
  broadcast(values: readonly ArrayBufferView[]): Promise<void>;
  /** Fills each worker's arrays with the leader's `parts` of that rank. The leader's own are left as they are. */
  scatter(values: readonly ArrayBufferView[], parts?: readonly (readonly ArrayBufferView[])[]): Promise<void>;
  /** Copies each worker's arrays into the leader's `parts` of that rank, except the leader's own. */
  gather(values: readonly ArrayBufferView[], parts?: readonly (readonly ArrayBufferView[])[]): Promise<void>;
  /** Waits until all workers have called it. */
  barrier(): Promise<void>;
  /** Ends the step for all workers. */
  abort(): void;
}

/** Another worker ended the step; its error says why. */
export class Aborted extends Error {
  constructor() {
    super("another worker ended the step");
  }
}

const aborted = -1;
/** Arrays and counters begin at multiples of a cache line, so that no two workers write to one line. */
const line = 64;
const intsPerLine = line / Int32Array.BYTES_PER_ELEMENT;
/** How often a worker reads a counter before it sleeps: that takes about as long as waking up. */
const spins = 5_000;

const aligned = (bytes: number): number => Math.ceil(bytes / line) * line;
const bytesOf = (values: readonly ArrayBufferView[]): number => values.reduce((sum, { byteLength }) => sum + aligned(byteLength), 0);

/** The bytes of shared memory that the operations of one step need, given what each one is called with. */
export function memoryFor(
  size: number,
  step: { readonly [Operation in "allReduce" | "broadcast" | "scatter" | "gather"]: number },
): number {
  return size * line + step.broadcast + size * (step.allReduce + step.scatter + step.gather);
}

/** The bytes of arrays in shared memory. */
export const footprint = (sizes: readonly number[]): number => sizes.reduce((sum, bytes) => sum + aligned(bytes), 0);

/** {@link Collectives} of the threads of one process: each operation of a step has a place of its own in their shared memory. */
export class SharedMemory implements Collectives {
  /** How many operations each worker has reached in this step. */
  private readonly arrived: Int32Array;
  private step = 0;
  private free = 0;

  /** @param blocking whether the thread may sleep in a call. The main thread may not: it would not learn that a worker ended */
  constructor(
    private readonly memory: SharedArrayBuffer,
    readonly rank: number,
    readonly size: number,
    private readonly blocking: boolean,
  ) {
    this.arrived = new Int32Array(memory, 0, size * intsPerLine);
    this.begin();
  }

  /** Begins a step. The leader resets the counters, after all workers have ended the last step and before any begins. */
  begin({ reset = false } = {}): void {
    this.step = 0;
    this.free = this.size * line;
    if (reset) this.arrived.fill(0);
  }

  async broadcast(values: readonly ArrayBufferView[]): Promise<void> {
    const at = this.take(bytesOf(values));
    if (this.rank === 0) this.write(at, values);
    this.arrive();
    if (this.rank === 0) return;
    await this.wait(0);
    this.read(at, values);
  }

  async scatter(values: readonly ArrayBufferView[], parts: readonly (readonly ArrayBufferView[])[] = []): Promise<void> {
    const places = this.takeEach(bytesOf(values));
    if (this.rank === 0) for (let rank = 1; rank < this.size; rank++) this.write(places[rank] as number, parts[rank] ?? []);
    this.arrive();
    if (this.rank === 0) return;
    await this.wait(0);
    this.read(places[this.rank] as number, values);
  }

  async gather(values: readonly ArrayBufferView[], parts: readonly (readonly ArrayBufferView[])[] = []): Promise<void> {
    const places = this.takeEach(bytesOf(values));
    if (this.rank > 0) this.write(places[this.rank] as number, values);
    this.arrive();
    if (this.rank > 0) return;
    await this.waitForAll();
    for (let rank = 1; rank < this.size; rank++) this.read(places[rank] as number, parts[rank] ?? []);
  }

  async allReduce(values: readonly Numbers[]): Promise<void> {
    const places = this.takeEach(bytesOf(values));
    this.write(places[this.rank] as number, values);
    await this.barrier();
    // Each worker adds up its part of the elements, into the leader's array.
    const [sums, ...others] = places.map((at) => this.views(at, values)) as [Numbers[], ...Numbers[][]];
    sums.forEach((sum, i) => {
      const end = Math.floor(((this.rank + 1) * sum.length) / this.size);
      for (const other of others) addTo(sum, other[i] as Numbers, Math.floor((this.rank * sum.length) / this.size), end);
    });
    await this.barrier();
    this.read(places[0] as number, values);
  }

  async barrier(): Promise<void> {
    this.arrive();
    await this.waitForAll();
  }

  abort(): void {
    for (let rank = 0; rank < this.size; rank++) {
      Atomics.store(this.arrived, rank * intsPerLine, aborted);
      Atomics.notify(this.arrived, rank * intsPerLine);
    }
  }

  private take(bytes: number): number {
    this.free += bytes;
    return this.free - bytes;
  }

  private takeEach(bytes: number): number[] {
    return Array.from({ length: this.size }, () => this.take(bytes));
  }

  private write(at: number, values: readonly ArrayBufferView[]): void {
    let place = at;
    for (const { buffer, byteOffset, byteLength } of values) {
      new Uint8Array(this.memory, place, byteLength).set(new Uint8Array(buffer, byteOffset, byteLength));
      place += aligned(byteLength);
    }
  }

  private read(at: number, values: readonly ArrayBufferView[]): void {
    let place = at;
    for (const { buffer, byteOffset, byteLength } of values) {
      new Uint8Array(buffer, byteOffset, byteLength).set(new Uint8Array(this.memory, place, byteLength));
      place += aligned(byteLength);
    }
  }

  private views(at: number, values: readonly Numbers[]): Numbers[] {
    let place = at;
    return values.map((value) => {
      const view = new (value.constructor as Float32ArrayConstructor)(this.memory, place, value.length);
      place += aligned(value.byteLength);
      return view;
    });
  }

  private arrive(): void {
    const own = this.rank * intsPerLine;
    // A counter that was set to `aborted` stays so.
    if (Atomics.compareExchange(this.arrived, own, this.step, this.step + 1) !== this.step) throw new Aborted();
    this.step++;
    Atomics.notify(this.arrived, own);
  }

  private async waitForAll(): Promise<void> {
    for (let rank = 0; rank < this.size; rank++) if (rank !== this.rank) await this.wait(rank);
  }

  private async wait(rank: number): Promise<void> {
    const place = rank * intsPerLine;
    for (let looks = 0; ; looks++) {
      const seen = Atomics.load(this.arrived, place);
      if (seen === aborted) throw new Aborted();
      if (seen >= this.step) return;
      if (looks < spins) continue;
      if (this.blocking) Atomics.wait(this.arrived, place, seen);
      else await Atomics.waitAsync(this.arrived, place, seen).value;
    }
  }
}

function addTo(sum: Numbers, other: Numbers, start: number, end: number): void {
  for (let i = start; i < end; i++) (sum[i] as number) += other[i] as number;
}

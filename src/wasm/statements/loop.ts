import type { Code } from "../../assembly/assembler.js";
import { Index } from "../buffers.js";
import type { Emission, Statement } from "./statement.js";

/** What moves while a loop runs. */
export class LoopIndices {
  /** The place along the sequences. */
  readonly place = new Index();
  /** Which of the two buffers of a carry holds it, 0 or 1, and which takes the next: they change places after every step. */
  readonly current = new Index();
  readonly next = new Index();
}

/** Repeats statements so many times. */
export class LoopStatement implements Statement {
  readonly reads = [];
  readonly writes = [];
  readonly canFail: boolean;

  constructor(
    readonly indices: LoopIndices,
    readonly length: number,
    readonly reverse: boolean,
    readonly body: readonly Statement[],
    /** How many loops are around it. */
    private readonly depth: number,
  ) {
    this.canFail = body.some(({ canFail }) => canFail);
  }

  emit(emission: Emission): void {
    const { code } = emission;
    if (this.length === 0) return;
    if (this.depth > 0) {
      code.loop(0, this.length, 1, (count) => this.iteration(emission, code, count));
      return;
    }
    // An engine optimizes a function between two calls of it. So an iteration of an outermost loop is a call.
    const iteration = emission.addFunction(1, (own) => this.iteration(emission, own, 0));
    code.loop(0, this.length, 1, (count) => code.get(count).call(iteration));
  }

  private iteration(emission: Emission, code: Code, count: number): void {
    const { place, current, next } = this.indices;
    const locals = new Map([place, current, next].map((index) => [index, code.local("i32")]));
    const localOf = (index: Index) => locals.get(index) as number;
    if (this.reverse)
      code
        .constant(this.length - 1)
        .get(count)
        .write("i32.sub");
    else code.get(count);
    code.set(localOf(place));
    code.get(count).constant(1).write("i32.and").tee(localOf(current)).constant(1).write("i32.xor").set(localOf(next));
    const within = emission.within(code, locals);
    for (const statement of this.body) code.stretch(() => statement.emit(within));
  }
}

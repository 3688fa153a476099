import { compileModule } from "../../assembly/webAssembly.js";
import type { Tensor } from "../../graph/tensor.js";
import { Variable } from "../../graph/variable.js";
import { leavesOf } from "../../graph/walk.js";
import type { CutUpdate } from "../../passes/cutUpdate.js";
import { Unsupported } from "../../wasm/algebra.js";
import { changeModule, type GraphModule } from "../../wasm/module.js";
import type { ort } from "../ort/onnxruntime.js";
import { runtime } from "../runtime.js";
import { toOrt } from "../state.js";
import { structureOf } from "../structure.js";
import { instantiateGraph, type Slot, slotAt, VariableSlot } from "./slots.js";

/** A module that changes variables element by element, where they are in its memory: each is read and written once. */
export class Update {
  private compiled: object | undefined;
  private instance: Running | undefined;

  private constructor(
    private readonly variables: readonly Variable[],
    private readonly changed: readonly Variable[],
    readonly given: readonly Tensor[],
    readonly module: GraphModule,
    /** The module path of what it computes. */
    readonly path: string,
  ) {}

  /** The changes as a module; undefined where it has no code for them, or no room. */
  static of({ groups, given }: CutUpdate): Update | undefined {
    const changes = groups.flat();
    const nexts = changes.map(({ next }) => next);
    const changed = changes.map(({ tensor }) => tensor as Variable);
    const leaves = given.map(({ leaf }) => leaf);
    const all = [...new Set<Tensor>([...changed, ...leaves, ...leavesOf(nexts)])];
    const key = structureOf(nexts, all, () => false);
    const same = runtime.updates.get(key)?.deref();
    if (same) return same;
    for (const [other, reference] of runtime.updates) if (!reference.deref()) runtime.updates.delete(other);
    try {
      const variables = all.filter((leaf) => leaf instanceof Variable);
      const module = changeModule([...variables, ...leaves], groups);
      const update = new Update(variables, changed, leaves, module, pathOf(nexts[0] as Tensor));
      runtime.updates.set(key, new WeakRef(update));
      return update;
    } catch (error) {
      if (error instanceof Unsupported) return undefined;
      throw error;
    }
  }

  /** Whether it reads or changes a variable. */
  uses(variable: Variable): boolean {
    return this.variables.includes(variable);
  }

  /** How many variables it changes. */
  get changes(): number {
    return this.changed.length;
  }

  /** Where the variables and what is given are, in the order of the cut. */
  start(): Running {
    this.instance ??= this.instantiate();
    return this.instance;
  }

  /** Makes the changes, given what a graph computed for them. */
  finish(values: readonly ort.Tensor[]): void {
    const { run, given, changed } = this.start();
    given.forEach(({ array, inPlace }, i) => {
      const value = values[i] as ort.Tensor;
      if (value !== inPlace && value.data !== array) array.set(value.data as Float32Array);
    });
    run();
    for (const slot of changed) slot.advance();
  }

  /** The same on memory of its own, for measuring how long it takes. */
  rehearsal(): () => void {
    return this.instantiate().run;
  }

  private instantiate(): Running {
    this.compiled ??= compileModule(this.module.bytes);
    const { memory, run } = instantiateGraph(this.compiled, this.module);
    const { leaves } = this.module;
    const count = this.variables.length;
    const variables = new Map(
      this.variables.map((variable, i) => [variable, new VariableSlot(variable, memory, leaves[i] as (typeof leaves)[number])]),
    );
    return {
      run,
      variables,
      changed: this.changed.map((variable) => variables.get(variable) as VariableSlot),
      given: this.given.map((leaf, i) => {
        const slot = slotAt(memory, leaves[count + i] as (typeof leaves)[number]);
        return { ...slot, inPlace: toOrt(slot.array, leaf.dtype, leaf.shape) };
      }),
    };
  }
}

/** An update's module that runs, and where it reads and writes. */
interface Running {
  run(): void;
  readonly variables: ReadonlyMap<Variable, VariableSlot>;
  readonly changed: readonly VariableSlot[];
  readonly given: readonly (Slot & { readonly inPlace: ort.Tensor })[];
}

const pathOf = ({ source }: Tensor): string => (source.kind === "node" ? source.path : "");

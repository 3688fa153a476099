import type { StoredTensor } from "../graph/tensor.js";
import { inModule, modulePath } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import { readVariables, writeVariables } from "./state.js";

/** What a module is called by the module that holds it, such as `layers.1`; known once the holder has been run. */
const names = new WeakMap<Module, string>();

/**
 * A part of a model: a class whose fields are variables, other modules, and arrays and plain objects of them.
 * The path of fields that leads to a variable is its name; fields that hold anything else are plain settings.
 * Errors, profiles and anomalies in `forward` show the module's path, such as `Mlp.layers.1`.
 */
export abstract class Module {
  constructor() {
    const { forward } = this;
    const run = (inputs: never[]) => {
      if (modulePath() === "") for (const [path, variable] of this.namedVariables()) variable.name = path;
      for (const [path, member] of [...membersOf(this)].reverse()) if (member instanceof Module) names.set(member, path);
      return forward.apply(this, inputs);
    };
    const value = (...inputs: never[]) => inModule(names.get(this) ?? this.constructor.name, () => run(inputs));
    Object.defineProperty(this, "forward", { value });
  }

  /** What the module computes: plain tensor code. */
  abstract forward(...inputs: never[]): unknown;

  /** The variables that optimizers train, each once. */
  parameters(): Variable[] {
    return [...this.namedVariables().values()].filter((variable) => variable.trainable);
  }

  /** All variables, each once, under the first path of fields that leads to it: `layers.0.weight`. */
  namedVariables(): Map<string, Variable> {
    const seen = new Set<Variable>();
    return new Map([...variablesOf(this)].filter(([, variable]) => !seen.has(variable) && seen.add(variable)));
  }

  /** The values of all variables, by name. */
  stateDict(): Promise<Map<string, StoredTensor>> {
    return readVariables(this.namedVariables());
  }

  /**
   * Sets all variables; a shared one may come under any of its paths.
   * @throws KasaneError naming what is missing, unexpected or of another shape or type; then no variable has changed
   */
  loadStateDict(stored: ReadonlyMap<string, StoredTensor>): Promise<void> {
    return writeVariables(new Map(variablesOf(this)), stored);
  }
}

/** The variables and modules that the fields of `holder` hold, also in arrays and plain objects, by their paths. */
export function* membersOf(holder: object, prefix = ""): Generator<[path: string, member: Variable | Module]> {
  for (const [key, value] of Object.entries(holder)) {
    if (value instanceof Variable || value instanceof Module) yield [prefix + key, value];
    else if (isPlain(value)) yield* membersOf(value, `${prefix}${key}.`);
  }
}

/** All variables below `module` by every path that leads to them. */
export function* variablesOf(module: Module, prefix = "", above: readonly Module[] = []): Generator<[path: string, variable: Variable]> {
  for (const [path, member] of membersOf(module)) {
    if (member instanceof Variable) yield [prefix + path, member];
    // A module may know the one that holds it.
    else if (member !== module && !above.includes(member)) yield* variablesOf(member, `${prefix}${path}.`, [...above, module]);
  }
}

function isPlain(value: unknown): value is object {
  if (typeof value !== "object" || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

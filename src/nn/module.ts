import { showShape } from "../graph/shape.js";
import { type StoredTensor, Tensor } from "../graph/tensor.js";
import { table } from "../graph/textTable.js";
import { inModule, modulePath } from "../graph/trace.js";
import { Variable } from "../graph/variable.js";
import { readVariables, writeVariables } from "./state.js";

/** What a module is called by the module that holds it, such as `layers.1`; known once the holder has run. */
const names = new WeakMap<Module, string>();

/** The shapes of what a module gave when it last ran. */
const outputs = new WeakMap<Module, string>();

/**
 * A part of a model: a class whose fields are variables, other modules, and arrays and plain objects of them.
 * The path of fields that leads to a variable is its name. Fields that hold anything else are settings. Private `#fields` are not seen:
 * there a module may keep what is not its own, such as the one that holds it.
 * Errors, profiles and anomalies tell in which module they are: `Mlp.layers.1`.
 */
export abstract class Module {
  constructor() {
    const { forward } = this;
    const value = (...inputs: never[]) => {
      const isOutermost = modulePath() === "";
      const name = (isOutermost ? undefined : names.get(this)) ?? this.constructor.name;
      return inModule(name, () => {
        if (isOutermost) nameVariables(this);
        // In reverse, so that of several paths to a module the first holds.
        for (const [path, member] of [...membersOf(this)].reverse()) if (member instanceof Module) names.set(member, path);
        const result = forward.apply(this, inputs);
        outputs.set(this, showShapes(result));
        return result;
      });
    };
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

  /**
   * A table of the modules: path, class, shape of the output (once {@link forward} ran, on whatever: that computes nothing),
   * variables with shapes, the number of elements (of a shared variable only once), and the totals.
   */
  summary(): string {
    const variables = this.namedVariables();
    const rows = [["path", "module", "output", "variables", "elements"]];
    const visit = (module: Module, prefix: string) => {
      const members = [...membersOf(module)];
      const own = members.flatMap(([path, member]) => (member instanceof Variable ? [{ path, member }] : []));
      const isFirst = ({ path }: { path: string }) => variables.has(prefix + path);
      const shown = own.map((each) => `${each.path} ${showShape(each.member.shape)}${isFirst(each) ? "" : " (shared)"}`);
      const elements = countOf(own.filter(isFirst).map(({ member }) => member));
      rows.push([prefix.slice(0, -1), module.constructor.name, outputs.get(module) ?? "", shown.join(", "), elements]);
      for (const [path, member] of members) if (member instanceof Module) visit(member, `${prefix}${path}.`);
    };
    visit(this, "");
    return `${table(rows, 4)}\n${countOf([...variables.values()])} elements, of which ${countOf(this.parameters())} are trained`;
  }

  /** What PyTorch calls the variable at `path` below this module, of which its members have named their part: by default the same in snake case. */
  torchName(path: string): string {
    return path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}

/** The variables and modules that the fields of `holder` hold, also in arrays and plain objects, by their paths. */
function* membersOf(holder: object, prefix = ""): Generator<[path: string, member: Variable | Module]> {
  for (const [key, value] of Object.entries(holder)) {
    if (value instanceof Variable || value instanceof Module) yield [prefix + key, value];
    else if (isPlain(value)) yield* membersOf(value, `${prefix}${key}.`);
  }
}

/**
 * All variables below `module`, by every path that leads to them.
 * @param nameOf what a module calls the variable at a path below it, whose end its members have named
 */
export function* variablesOf(
  module: Module,
  nameOf = (_: Module, path: string): string => path,
): Generator<[path: string, variable: Variable]> {
  for (const [path, member] of membersOf(module)) {
    if (member instanceof Variable) yield [nameOf(module, path), member];
    else for (const [rest, variable] of variablesOf(member, nameOf)) yield [nameOf(module, `${path}.${rest}`), variable];
  }
}

const isPlain = (value: unknown): value is object =>
  Array.isArray(value) || (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype);

/** Gives variables their paths as names; the path from further out is the longer one, and stays. */
function nameVariables(module: Module): void {
  for (const [path, variable] of module.namedVariables()) if (!variable.name.endsWith(path)) variable.name = path;
}

function showShapes(result: unknown): string {
  if (result instanceof Tensor) return showShape(result.shape);
  return isPlain(result) ? Object.values(result).map(showShapes).filter(Boolean).join(", ") : "";
}

const countOf = (variables: readonly Variable[]): string => variables.reduce((total, { size }) => total + size, 0).toLocaleString("en-US");

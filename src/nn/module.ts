import { showShape } from "../graph/shape.js";
import { type StoredTensor, Tensor, totalSize } from "../graph/tensor.js";
import { textTable } from "../graph/textTable.js";
import { atPath, modulePath } from "../graph/trace.js";
import { isPlainObject } from "../graph/tree.js";
import { Variable } from "../graph/variable.js";
import { readVariables, writeVariables } from "./state.js";

/** The shapes of what a module's `forward` gave when it last ran. */
const outputs = new WeakMap<Module, string>();

/**
 * A part of a model: a class whose fields are variables, other modules, and arrays and plain objects of them.
 * The path of fields that leads to a variable is its name. Fields that hold anything else are settings. Private `#fields` are not seen:
 * there a module may keep what is not its own, such as the one that holds it.
 * Errors, profiles and anomalies tell in which module they are, whichever of its methods runs: `Mlp.layers.1`.
 */
export abstract class Module {
  constructor() {
    recordCalls(Object.getPrototypeOf(this));
  }

  /** What the module computes: plain tensor code. */
  abstract forward(...inputs: never[]): unknown;

  /** What has the fields that are walked: the module, unless it knows its variables by other names than those of fields. */
  memberFields(): object {
    return this;
  }

  /** The variables that optimizers train, each once. */
  parameters(): Variable[] {
    return [...this.namedVariables().values()].filter((variable) => variable.trainable);
  }

  /** How many elements the {@link parameters} have. */
  parameterCount(): number {
    return totalSize(this.parameters());
  }

  /** All variables, each once, under the first path of fields that leads to it: `layers.0.weight`. */
  namedVariables(): Map<string, Variable> {
    const seen = new Set<Variable>();
    const named = new Map([...variablesOf(this)].filter(([, variable]) => !seen.has(variable) && seen.add(variable)));
    for (const [path, variable] of named) nameVariable(variable, path);
    return named;
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
   * Multiply-adds and receptive fields are told by `nn.summarize`.
   */
  summary(): string {
    const variables = this.namedVariables();
    const rows: string[][] = [];
    const visit = (module: Module, prefix: string) => {
      const members = [...membersOf(module)];
      const own = members.flatMap(([path, member]) => (member instanceof Variable ? [{ path, member }] : []));
      const isFirst = ({ path }: { path: string }) => variables.has(prefix + path);
      const shown = own.map((each) => `${each.path} ${showShape(each.member.shape)}${isFirst(each) ? "" : " (shared)"}`);
      const elements = showCount(totalSize(own.filter(isFirst).map(({ member }) => member)));
      rows.push([prefix.slice(0, -1), module.constructor.name, outputs.get(module) ?? "", shown.join(", "), elements]);
      for (const [path, member] of members) if (member instanceof Module) visit(member, `${prefix}${path}.`);
    };
    visit(this, "");
    return `${textTable(["path", "module", "output", "variables", "elements"], rows, 4)}\n${showCount(totalSize(variables.values()))} elements, of which ${showCount(this.parameterCount())} are trained`;
  }

  /** What PyTorch calls the variable at `path` below this module, of which its members have named their part: by default the same in snake case. */
  torchName(path: string): string {
    return path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  }
}

/** The variables and modules that the fields of `holder` hold, also in arrays and plain objects, by their paths. */
export function* membersOf(holder: object, prefix = ""): Generator<[path: string, member: Variable | Module]> {
  for (const [key, value] of Object.entries(holder instanceof Module ? holder.memberFields() : holder)) {
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

const isPlain = (value: unknown): value is object => Array.isArray(value) || isPlainObject(value);

/** How many fields the path has that a variable is named by. */
const depths = new WeakMap<Variable, number>();

/** Names a variable by a path of fields that leads to it, unless a module further out has named it. */
function nameVariable(variable: Variable, path: string): void {
  const depth = path.split(".").length;
  if (depth <= (depths.get(variable) ?? 0)) return;
  variable.name = path;
  depths.set(variable, depth);
}

/** A module that was called from outside any other, or that is no part of the one which calls it. */
interface Root {
  /** Where it is on the module path. */
  readonly path: string;
  /** The paths of the modules below it; of several to one module the first. */
  readonly members: ReadonlyMap<Module, string>;
}

let observed: ((module: Module, result: unknown) => void) | undefined;

/** Runs `body`; `observe` is told what the `forward` of each module gives meanwhile, those of its parts before its own. */
export function observeForward<Result>(observe: (module: Module, result: unknown) => void, body: () => Result): Result {
  const outer = observed;
  observed = observe;
  try {
    return body();
  } finally {
    observed = outer;
  }
}

/** The module whose method runs, and the root that it belongs to. */
let running: { readonly module: Module; readonly root: Root } | undefined;

/** Runs a method of `module` with the module on the module path. */
function runIn<Result>(module: Module, method: () => Result): Result {
  // Its own methods, and those of the class that it extends, are no further module.
  if (running?.module === module) return method();
  const outer = running;
  const member = outer?.root.members.get(module);
  const path =
    outer && member !== undefined ? `${outer.root.path}.${member}` : [modulePath(), module.constructor.name].filter(Boolean).join(".");
  running = { module, root: outer && member !== undefined ? outer.root : rootAt(module, path) };
  try {
    return atPath(path, method);
  } finally {
    running = outer;
  }
}

function rootAt(module: Module, path: string): Root {
  module.namedVariables();
  return { path, members: partsOf(module) };
}

/** The modules below one, each once under the first path of fields that leads to it, in the order of the fields. */
export function partsOf(module: Module): ReadonlyMap<Module, string> {
  const members = new Map<Module, string>();
  const visit = (holder: Module, prefix: string) => {
    for (const [key, member] of membersOf(holder)) {
      if (!(member instanceof Module) || members.has(member)) continue;
      members.set(member, prefix + key);
      visit(member, `${prefix}${key}.`);
    }
  };
  visit(module, "");
  return members;
}

/** The prototypes whose methods know of the module path. */
const recorded = new WeakSet<object>([Module.prototype]);

/**
 * Lets the methods of a class run on the module path, once for each class: those that its body defines, except for what every module has, such as
 * `torchName`. Accessors, static methods, private `#methods` and functions in fields stay as they are.
 */
function recordCalls(prototype: object): void {
  if (recorded.has(prototype)) return;
  recorded.add(prototype);
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    const method: unknown = descriptor.value;
    if (typeof method !== "function" || descriptor.enumerable || name === "constructor" || name in Module.prototype) continue;
    const value = function (this: Module, ...inputs: unknown[]): unknown {
      const result = runIn(this, () => method.apply(this, inputs));
      if (name === "forward") {
        outputs.set(this, showShapes(result));
        observed?.(this, result);
      }
      return result;
    };
    Object.defineProperty(value, "name", { value: name });
    Object.defineProperty(value, "length", { value: method.length });
    Object.defineProperty(prototype, name, { ...descriptor, value });
  }
  recordCalls(Object.getPrototypeOf(prototype));
}

function showShapes(result: unknown): string {
  if (result instanceof Tensor) return showShape(result.shape);
  return isPlain(result) ? Object.values(result).map(showShapes).filter(Boolean).join(", ") : "";
}

const showCount = (count: number): string => count.toLocaleString("en-US");

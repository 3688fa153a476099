import { check } from "../graph/error.js";
import { checkShape, type Shape, showShape } from "../graph/shape.js";
import { type Node, Tensor, type TensorType, totalSize } from "../graph/tensor.js";
import { textTable } from "../graph/textTable.js";
import { trace } from "../graph/trace.js";
import { isPlainObject } from "../graph/tree.js";
import { Variable } from "../graph/variable.js";
import { rewrite, topologicalOrder } from "../graph/walk.js";
import { multiplicationsOf } from "../ops/multiplications.js";
import { asOperands, operatorOf } from "../ops/operator.js";
import { type Field, fieldOfInput, fieldsOfOutputs } from "../ops/receptiveField.js";
import { Module, membersOf, observeForward, partsOf } from "./module.js";

/** What an element of a tensor sees of an input image along one of its axes of places. */
export interface ReceptiveField {
  /**
   * How many places, as if the image went on beyond its borders; Infinity: all, undefined: not known. Behind what makes an image larger again, such
   * as a transposed convolution, neighbours see a few places more or fewer than each other: then the size lies between theirs.
   */
  readonly size: number | undefined;
  /** How far apart neighbours see: a fraction where there are more places than in the image; undefined where the tensor has no such axis. */
  readonly stride: number | undefined;
}

/** What {@link summarize} tells of one module. */
export interface ModuleSummary {
  /** The path of fields that leads to it; that of the whole model is empty. */
  readonly path: string;
  /** Its class. */
  readonly module: string;
  /** The shapes of the tensors that it last gave; none where it did not run. */
  readonly shapes: readonly Shape[];
  /** The elements of its own variables that are trained, without those of its parts; one that several modules share is the first one's. */
  readonly parameters: number;
  /** What its products and convolutions multiply and add, without those of its parts, in all its calls. */
  readonly multiplyAdds: number;
  /** What its first result sees of the first input, `[batch, channels, ...places]`, along each axis of places; empty where it does not depend on it. */
  readonly receptiveField: readonly ReceptiveField[];
}

/** What {@link summarize} tells. */
export interface Summary {
  /** The whole model, then its parts in the order of their fields. */
  readonly modules: readonly ModuleSummary[];
  readonly parameters: number;
  readonly multiplyAdds: number;
  /** A table of the modules with the totals. */
  toString(): string;
}

/**
 * Tells of each part of a model what `forward` gives, computes and sees for inputs of given shapes when it is not training. Nothing is computed: an
 * initial ResNet is summarised in milliseconds. Multiplications with an addition each are counted in matrix products and convolutions alone, as papers
 * and torchvision do; the receptive field is the theoretical one, from a path of any weight (Araujo et al. 2019, Computing receptive fields of
 * convolutional neural networks).
 * @param inputs the shape of each argument of `forward`, `float32` unless a dtype is given with it
 * @throws KasaneError where an input is no shape, or `forward` takes no such inputs
 */
export function summarize<Inputs extends readonly unknown[]>(
  model: Module & { forward(...inputs: Inputs): unknown },
  ...inputs: { readonly [I in keyof Inputs]: Tensor extends Inputs[I] ? Shape | TensorType : never }
): Summary {
  check(model instanceof Module, () => `summarize: got ${typeof model}, expected a module, then the shapes of its inputs`);
  const leaves = (inputs as readonly (Shape | TensorType)[]).map((input, i) => {
    const { dtype, shape } = isPlainObject(input) ? (input as TensorType) : { dtype: "float32" as const, shape: input as Shape };
    checkShape("summarize", shape);
    return new Tensor(dtype, shape, { kind: "input", name: `input${i}` });
  });
  const results = new Map<Module, readonly Tensor[]>();
  const { result } = trace(false, () =>
    observeForward(
      (module, given) => void results.set(module, tensorsIn(given)),
      () => model.forward(...(leaves as readonly unknown[] as Inputs)),
    ),
  );
  const kept = [...new Set([...results.values(), tensorsIn(result)].flat())];
  const made = decomposed(kept);
  const madeOf = new Map(kept.map((tensor, i) => [tensor, made[i] as Tensor]));
  const nodes = topologicalOrder(made);
  const [image] = leaves;
  const fields = image ? [...image.shape.keys()].slice(2).map((axis) => fieldsAlong(axis, image, nodes)) : [];

  const named = model.namedVariables();
  const members = new Map([[model as Module, ""], ...partsOf(model)]);
  const products = productsByModule(nodes, new Set(members.values()), model.constructor.name);
  const modules = [...members].map(([module, path]): ModuleSummary => {
    const isOwn = (name: string) => named.get(path === "" ? name : `${path}.${name}`)?.trainable === true;
    const tensors = results.get(module) ?? [];
    const [first] = tensors;
    return {
      path,
      module: module.constructor.name,
      shapes: tensors.map(({ shape }) => shape),
      parameters: totalSize(
        [...membersOf(module)].flatMap(([name, member]) => (member instanceof Variable && isOwn(name) ? [member] : [])),
      ),
      multiplyAdds: products.get(path) ?? 0,
      receptiveField: first ? fields.flatMap((each, i) => receptiveField(each.get(madeOf.get(first) as Tensor), i + 2)) : [],
    };
  });
  const totals = { parameters: model.parameterCount(), multiplyAdds: modules.reduce((sum, each) => sum + each.multiplyAdds, 0) };
  return { modules, ...totals, toString: () => table(modules, totals) };
}

function tensorsIn(given: unknown): readonly Tensor[] {
  if (given instanceof Tensor) return [given];
  return Array.isArray(given) || isPlainObject(given) ? Object.values(given).flatMap(tensorsIn) : [];
}

/** The graph with operators that declare nothing of themselves made of others. */
function decomposed(outputs: readonly Tensor[]): readonly Tensor[] {
  const made = rewrite(outputs, (node, inputs) => {
    const { kind, multiplications, sees, decompose } = operatorOf(node);
    if (kind.is !== "opaque" || multiplications || sees) return undefined;
    const values = decompose?.(asOperands(inputs), node.attributes);
    return values && ([values].flat() as Tensor[]);
  });
  return made.every((tensor, i) => tensor === outputs[i]) ? made : decomposed(made);
}

/** What each tensor sees along one axis of the image. */
function fieldsAlong(axis: number, image: Tensor, nodes: readonly Node[]): ReadonlyMap<Tensor, Field> {
  const fields = new Map([[image, fieldOfInput(axis)]]);
  for (const node of nodes) {
    const ofOperands = node.inputs.map((input) => fields.get(input));
    fieldsOfOutputs(node, ofOperands).forEach((field, i) => field && fields.set(node.outputs[i] as Tensor, field));
  }
  return fields;
}

function receptiveField(field: Field | undefined, axis: number): readonly ReceptiveField[] {
  if (!field) return [];
  const size = field.high - field.low + 1;
  const step = field.steps.size === 1 ? [...field.steps.values()][0] : field.steps.get(axis);
  return [{ size: Number.isNaN(size) ? undefined : size, stride: step !== undefined && Number.isFinite(step) ? step : undefined }];
}

/** How much is multiplied, by paths below the module `root`; what is made in a module that is none of them counts to the one around it. */
function productsByModule(nodes: readonly Node[], paths: ReadonlySet<string>, root: string): ReadonlyMap<string, number> {
  const products = new Map<string, number>();
  for (const node of nodes) {
    let path = node.path.slice(root.length + 1);
    while (!paths.has(path)) path = path.slice(0, Math.max(0, path.lastIndexOf(".")));
    products.set(path, (products.get(path) ?? 0) + multiplicationsOf(node));
  }
  return products;
}

function table(modules: readonly ModuleSummary[], totals: Pick<Summary, "parameters" | "multiplyAdds">): string {
  const rows = modules.map(({ path, module, shapes, parameters, multiplyAdds, receptiveField }) => [
    path,
    module,
    shapes.map(showShape).join(", "),
    showCount(parameters),
    showCount(multiplyAdds),
    showAxes(receptiveField.map(({ size }) => (size === undefined ? "?" : Number.isFinite(size) ? showCount(size) : "all"))),
    showAxes(receptiveField.map(({ stride }) => (stride === undefined ? "" : showCount(stride)))),
  ]);
  const headings = ["path", "module", "output", "parameters", "multiply-adds", "sees", "stride"];
  return `${textTable(headings, rows, 3)}\n${showCount(totals.parameters)} parameters, ${showCount(totals.multiplyAdds)} multiply-adds`;
}

/** What is said of each axis, or once if it is the same. */
const showAxes = (axes: readonly string[]): string => (new Set(axes).size === 1 ? (axes[0] as string) : axes.join("x"));

const showCount = (count: number): string => count.toLocaleString("en-US");

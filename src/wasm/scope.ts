import { elementAt } from "../graph/dtype.js";
import { type Shape, sameShape, sizeOf } from "../graph/shape.js";
import { hostData, type Node, Tensor } from "../graph/tensor.js";
import { expandView, isRowMajor, reshapeView, rowMajor, sliceView, transposeView, type View } from "../graph/view.js";
import { countUses, topologicalOrder } from "../graph/walk.js";
import { arithmetic } from "../ops/arithmetic.js";
import type { ConvolutionGeometry } from "../ops/convolutionGeometry.js";
import { isNodeOf } from "../ops/match.js";
import { type Loop, operatorOf, type Placement, type Product, type Reduction, type Selection } from "../ops/operator.js";
import { targetOf } from "../targets/targets.js";
import { Unsupported } from "./algebra.js";
import { type Access, accessTo, Buffer, sameElements } from "./buffers.js";
import { apply, elementOf, type Factors, type Held, type Lazy, productIn } from "./lazy.js";
import { mergeMaps } from "./mergeMaps.js";
import { ConvolutionStatement, convolutionOffsets } from "./statements/convolution.js";
import { LoopIndices, LoopStatement } from "./statements/loop.js";
import { MapStatement } from "./statements/map.js";
import { fitsProduct, leastCost, ProductStatement, withProductHeld } from "./statements/product.js";
import { ReduceStatement } from "./statements/reduce.js";
import { SelectStatement } from "./statements/select.js";
import type { Statement } from "./statements/statement.js";
import type { Element } from "./values.js";

/** The target of graphs that run as a module. */
export const target = targetOf("wasm");

/** The greatest number of operators applied to an element in one stretch of code: registers are few, and functions on lazies recurse. */
const mostWeight = 64;

/** The constants of a module. */
export interface ConstantData {
  /** Where the module holds the elements of a data leaf. */
  held(x: Tensor): Access;
  /** Where it holds elements computed beforehand, with the dtype and shape of `type`. */
  made(elements: readonly number[], type: Tensor): Access;
}

/** Makes statements of a graph, or of the body of a loop. */
export class Scope {
  statements: Statement[] = [];
  private readonly lazies = new Map<Tensor, Lazy>();
  private uses: ReadonlyMap<Tensor, number> = new Map();
  /** Where results belong. They are stored there at once. */
  private readonly wanted = new Map<Tensor, Access>();
  private readonly packed = new Map<string, Access>();

  /** @param outer the scope of the graph around a loop */
  constructor(
    private readonly constants: ConstantData,
    private readonly outer?: Scope,
  ) {}

  /** How many loops are around it. */
  private get depth(): number {
    return this.outer ? this.outer.depth + 1 : 0;
  }

  /** Sets the value of a leaf. */
  bind(leaf: Tensor, lazy: Lazy): void {
    this.lazies.set(leaf, lazy);
  }

  /** Computes `outputs` and stores each where it belongs. */
  compute(outputs: readonly Tensor[], to: readonly Access[]): void {
    this.uses = countUses(outputs);
    outputs.forEach((x, i) => {
      if (!this.wanted.has(x)) this.wanted.set(x, to[i] as Access);
    });
    for (const node of topologicalOrder(outputs)) this.add(node);
    outputs.forEach((x, i) => {
      const lazy = this.lazyOf(x);
      const place = to[i] as Access;
      if (lazy.kind !== "held" || !sameElements(lazy.access, place, x.shape)) this.put(lazy, place);
    });
    this.statements = mergeMaps(this.statements);
  }

  private add(node: Node): void {
    const { kind, type } = operatorOf(node);
    const { inputs, attributes } = node;
    const [result] = node.outputs as [Tensor];
    for (const output of node.outputs) elementOf(output.dtype);
    switch (kind.is) {
      case "loop":
        this.repeat(node, kind.loop(attributes));
        break;
      case "source":
        this.bind(result, this.held(this.constants.made(kind.elements(attributes), result), elementOf(result.dtype), result.shape));
        break;
      case "elementwise":
        this.settle(result, this.applied(node));
        break;
      case "product":
        this.settle(result, this.multiplied(node, kind.product(attributes)));
        break;
      case "movement":
        this.move(node, (view, index) => kind.movement(view, attributes, index));
        break;
      case "placement":
        this.join(node, kind.placement(inputs, attributes));
        break;
      case "reduction":
        this.reduce(node, kind.reduction(attributes));
        break;
      case "selection":
        this.select(node, kind.selection(attributes));
        break;
      case "convolution":
        this.convolve(node, kind.convolution(attributes));
        break;
      case "opaque":
        throw new Unsupported(type);
      default:
        kind satisfies never;
    }
  }

  private lazyOf(x: Tensor): Lazy {
    const known = this.lazies.get(x);
    if (known) return known;
    const data = hostData(x);
    if (!data) throw new Unsupported(`a ${x.source.kind} leaf`);
    const element = elementOf(x.dtype);
    const lazy: Lazy =
      x.size === 1
        ? { kind: "constant", element, shape: x.shape, value: Number(elementAt(data, 0, x.dtype)) }
        : { kind: "held", element, shape: x.shape, access: this.constants.held(x) };
    this.lazies.set(x, lazy);
    return lazy;
  }

  /** Makes `lazy` the value of `x`. It is stored at once where it has several uses, or where the code of an element would be long. */
  private settle(x: Tensor, lazy: Lazy): void {
    this.lazies.set(x, lazy);
    if ((this.uses.get(x) ?? 0) > 1 || (lazy.kind === "applied" && lazy.weight >= mostWeight)) this.hold(x);
  }

  /** Where memory holds `x`. A value that is not in memory yet is stored first. */
  private hold(x: Tensor): Held {
    const lazy = this.lazyOf(x);
    if (lazy.kind === "held") return lazy;
    const held = this.held(this.put(lazy, this.wanted.get(x)), lazy.element, x.shape);
    this.lazies.set(x, held);
    return held;
  }

  private held(access: Access, element: Element, shape: Shape): Held {
    return { kind: "held", element, shape, access };
  }

  /** Stores a value in memory, by default in a new buffer. */
  private put(lazy: Lazy, to: Access = this.newAccess(lazy.element, lazy.shape)): Access {
    const product = productIn(lazy);
    if (!product) this.statements.push(new MapStatement(lazy.shape, [{ lazy, to }]));
    else if (fitsProduct(lazy, to)) this.statements.push(new ProductStatement(lazy, to));
    else {
      const alone = this.put({ ...product, shape: product.factors.shape });
      const view = reshapeView(alone.view, product.shape) as View;
      return this.put(withProductHeld(lazy, this.held({ ...alone, view }, product.element, product.shape)), to);
    }
    return to;
  }

  private newAccess(element: Element, shape: Shape): Access {
    return accessTo(new Buffer(sizeOf(shape), this.depth), element, shape);
  }

  private applied(node: Node): Lazy {
    const { inputs, outputs } = node;
    const [{ dtype, shape }] = outputs as [Tensor];
    // A division by 0 is an error, which ONNX Runtime gives.
    if (isNodeOf(node, arithmetic.Div) && dtype !== "float32" && mayBeZero(inputs[1] as Tensor))
      throw new Unsupported("a division by integers that may be 0");
    const found = inputs.map((x) => {
      const lazy = this.lazyOf(x);
      // An operand smaller than the result would be computed several times.
      return lazy.kind !== "constant" && sizeOf(lazy.shape) < sizeOf(shape) ? this.hold(x) : lazy;
    });
    // Registers hold one product at a time.
    const withProducts = inputs.filter((_, i) => productIn(found[i] as Lazy));
    const operands = found.map((lazy, i) => (withProducts.slice(1).includes(inputs[i] as Tensor) ? this.hold(inputs[i] as Tensor) : lazy));
    return apply(node, operands);
  }

  private multiplied({ operator, inputs, outputs: [result] }: Node, { transA, transB, alpha }: Product): Lazy {
    const [a, b, added] = inputs as [Tensor, Tensor, Tensor?];
    const { shape } = result as Tensor;
    if ((result as Tensor).dtype !== "float32") throw new Unsupported(`${operator.type} of ${(result as Tensor).dtype}`);
    const factor = (x: Tensor, isTransposed: boolean): Access => {
      const { access } = this.hold(x);
      const axes = [...x.shape.keys()];
      return isTransposed
        ? { ...access, view: transposeView(access.view, [...axes.slice(0, -2), axes.length - 1, axes.length - 2]) }
        : access;
    };
    const factors = this.factorsOf(factor(a, transA), factor(b, transB), shape);
    const product: Lazy = { kind: "product", element: "float32", shape, factors };
    if (alpha === 1 && !added) return product;
    const sum = added ? [this.hold(added)] : [];
    return {
      kind: "applied",
      element: "float32",
      shape,
      expression: (m, [value, other]) => {
        if (!added) return m.mul(value, m.constant(alpha));
        return alpha === -1 ? m.sub(other, value) : m.add(alpha === 1 ? value : m.mul(value, m.constant(alpha)), other);
      },
      operands: [product, ...sum],
      weight: 1,
      constants: "float32",
    };
  }

  /** The factors of a product. The right one is copied where computing from a copy in row-major order costs less. */
  private factorsOf(left: Access, right: Access, shape: Shape): Factors {
    const [rows, columns] = shape.slice(-2) as [number, number];
    const inner = left.view.shape.at(-1) as number;
    // One matrix for the whole batch: all rows make one product.
    const all = sizeOf(shape.slice(0, -1));
    const folded = right.view.shape.length === 2 && shape.length > 2 ? reshapeView(left.view, [all, inner]) : undefined;
    if (folded) return this.factorsOf({ ...left, view: folded }, right, [all, columns]);
    const cost = leastCost([rows, inner, columns], left.view.strides, right.view.strides);
    const isFixed = right.moving.length === 0 && right.buffer.depth < this.depth;
    const ofPacked = rows * inner * Math.ceil(columns / 4) * 3 + (isFixed ? 0 : 2 * inner * columns);
    return { left, right: ofPacked < cost ? this.scopeOf(right).pack(right) : right, shape };
  }

  /** The scope in which the elements of an access do not change: outside the loops whose indices it does not use. */
  private scopeOf({ moving, buffer }: Access): Scope {
    return moving.length === 0 && this.outer && buffer.depth < this.depth ? this.outer.scopeOf({ moving, buffer } as Access) : this;
  }

  /** A copy in row-major order. */
  private pack(access: Access): Access {
    const { buffer, element, view, moving } = access;
    const key = moving.length === 0 ? `${this.identify(buffer)}:${view.offset}[${view.shape}]${view.strides}` : undefined;
    const known = key === undefined ? undefined : this.packed.get(key);
    if (known) return known;
    const copy = this.put(this.held(access, element, view.shape));
    if (key !== undefined) this.packed.set(key, copy);
    return copy;
  }

  private readonly identities = new Map<Buffer, number>();
  private identify(buffer: Buffer): number {
    const id = this.identities.get(buffer) ?? this.identities.size;
    this.identities.set(buffer, id);
    return id;
  }

  private convolve({ inputs, outputs: [result] }: Node, geometry: ConvolutionGeometry): void {
    const [x, w, bias] = inputs as [Tensor, Tensor, Tensor?];
    const { shape } = result as Tensor;
    const [batch, outputs, ...places] = shape as [number, number, ...number[]];
    const { group } = geometry;
    const image = this.padded(x, geometry.pads);
    const offsets = convolutionOffsets(image.view.shape, w.shape, places, geometry);
    const integers = (elements: readonly number[]) =>
      this.constants.made(elements, new Tensor("int32", [elements.length], { kind: "input", name: "offsets" }));
    const divided = (access: Access, target: Shape): Access => ({ ...access, view: reshapeView(access.view, target) as View });
    const kernel = divided(this.straight(w), [group, outputs / group, sizeOf(w.shape.slice(1))]);
    const turned = { ...kernel, view: transposeView(kernel.view, [0, 2, 1]) };
    const target = [batch, group, outputs / group, sizeOf(places)];
    const wanted = this.wanted.get(result as Tensor);
    const to = wanted && reshapeView(wanted.view, target) ? wanted : this.newAccess("float32", shape);
    this.statements.push(
      new ConvolutionStatement({
        image: divided(image, [batch, group, sizeOf(image.view.shape.slice(1)) / group]),
        places: integers(offsets.places),
        taps: integers(offsets.taps),
        kernel: this.scopeOf(turned).pack(turned),
        bias: bias && divided(this.straight(bias), [group, outputs / group]),
        to: divided(to, target),
      }),
    );
    this.lazies.set(result as Tensor, this.held(to, "float32", shape));
  }

  /** An image with zeros around it, in row-major order. */
  private padded(x: Tensor, pads: readonly number[]): Access {
    if (pads.every((count) => count === 0)) return this.straight(x);
    const [batch, channels, ...sizes] = x.shape as [number, number, ...number[]];
    const shape = [batch, channels, ...sizes.map((size, i) => size + (pads[i] as number) + (pads[i + sizes.length] as number))];
    const to = this.put({ kind: "constant", element: "float32", shape, value: 0 }, this.newAccess("float32", shape));
    this.put(this.lazyOf(x), { ...to, view: sliceView(to.view, [0, 0, ...pads.slice(0, sizes.length)], x.shape) });
    return to;
  }

  /** Where memory holds `x` in row-major order: a copy where it lies otherwise. */
  private straight(x: Tensor): Access {
    const { access } = this.hold(x);
    return isRowMajor(access.view) ? access : this.scopeOf(access).pack(access);
  }

  /** A movement as views of memory. Of a lazy value, the movement is applied to its operands. */
  private move({ inputs, outputs }: Node, movement: (view: View, index: number) => View | undefined): void {
    const [x] = inputs as [Tensor];
    outputs.forEach((output, index) => {
      const moved = (lazy: Lazy): Lazy | undefined => {
        if (lazy.kind === "constant") return { ...lazy, shape: output.shape };
        if (lazy.kind === "held") {
          const view = movement(lazy.access.view, index);
          return view && { ...lazy, shape: output.shape, access: { ...lazy.access, view } };
        }
        // A reshape of a product needs no copy: the product keeps its own shape.
        if (lazy.kind === "product") {
          const isReshape = movement(rowMajor(lazy.shape), index);
          return isReshape && sizeOf(output.shape) === sizeOf(lazy.shape) && isRowMajor(isReshape)
            ? { ...lazy, shape: output.shape }
            : undefined;
        }
        if (sizeOf(output.shape) > sizeOf(lazy.shape)) return undefined;
        const operands = lazy.operands.map((operand) => moved(spread(operand, lazy.shape)));
        return operands.every((operand) => operand !== undefined) ? { ...lazy, shape: output.shape, operands } : undefined;
      };
      const lazy = moved(this.lazyOf(x)) ?? moved(this.hold(x)) ?? moved(this.copied(x));
      this.settle(output, lazy as Lazy);
    });
  }

  /** A copy of `x` in row-major order. */
  private copied(x: Tensor): Held {
    const { access, element, shape } = this.hold(x);
    return this.held(this.pack(access), element, shape);
  }

  private join({ inputs, outputs: [result] }: Node, { starts, around }: Placement): void {
    const { dtype, shape } = result as Tensor;
    const element = elementOf(dtype);
    const to = this.wanted.get(result as Tensor) ?? this.newAccess(element, shape);
    const covered = inputs.reduce((sum, { size }) => sum + size, 0);
    if (covered < sizeOf(shape)) this.put({ kind: "constant", element, shape, value: around }, to);
    inputs.forEach((x, i) => {
      if (x.size > 0) this.put(this.lazyOf(x), { ...to, view: sliceView(to.view, starts[i] as number[], x.shape) });
    });
    this.lazies.set(result as Tensor, this.held(to, element, shape));
  }

  private reduce({ inputs, outputs: [result] }: Node, reduction: Reduction): void {
    const [x] = inputs as [Tensor];
    const { shape, dtype } = result as Tensor;
    const kept = x.shape.filter((_, axis) => !reduction.axes.includes(axis));
    const lazy = productIn(this.lazyOf(x)) ? this.hold(x) : this.lazyOf(x);
    const wanted = this.wanted.get(result as Tensor);
    const fitting = wanted && reshapeView(wanted.view, kept);
    const to = wanted && fitting ? { ...wanted, view: fitting } : this.newAccess(elementOf(dtype), kept);
    this.statements.push(new ReduceStatement(reduction, spread(lazy, x.shape), to));
    this.lazies.set(result as Tensor, this.held({ ...to, view: reshapeView(to.view, shape) as View }, elementOf(dtype), shape));
  }

  private select({ operator, inputs, outputs: [result], path }: Node, selection: Selection): void {
    const { axis, whole, does } = selection;
    if (does === "set") throw new Unsupported(operator.type);
    const adds = does === "add";
    const [x, indices, updates] = inputs as [Tensor, Tensor, Tensor?];
    const { shape, dtype } = result as Tensor;
    if (indices.dtype !== "int32") throw new Unsupported(`${operator.type} by ${indices.dtype}`);
    const to = this.wanted.get(result as Tensor) ?? this.newAccess(elementOf(dtype), shape);
    const table = adds ? this.put(this.lazyOf(x), to) : this.hold(x).access;
    const rows = adds ? this.hold(updates as Tensor).access : to;
    const listed = (access: Access, target: Shape): Access => {
      const view = reshapeView(access.view, target);
      return { ...access, view: view ?? (reshapeView(this.pack(access).view, target) as View) };
    };
    const places = whole ? [indices.size] : indices.shape;
    const index = this.hold(indices).access;
    const straight = reshapeView(index.view, places) ? index : this.pack(index);
    // [...before, indices, ...after]
    const ofRows = whole && !adds ? [...x.shape.slice(0, axis), indices.size, ...x.shape.slice(axis + 1)] : rows.view.shape;
    this.statements.push(
      new SelectStatement({ type: operator.type, path }, selection, table, listed(straight, places), listed(rows, ofRows)),
    );
    this.lazies.set(result as Tensor, this.held(to, elementOf(dtype), shape));
  }

  /** A loop. Its carries are in two buffers that are swapped after every step. */
  private repeat({ inputs, outputs }: Node, { body, carries, sequences, length, reverse }: Loop): void {
    const inner = new Scope(this.constants, this);
    const indices = new LoopIndices();
    const { place, current, next } = indices;
    const to: Access[] = [];
    body.inputs.forEach((leaf, i) => {
      const { dtype, shape } = leaf;
      const element = elementOf(dtype);
      const x = inputs[i] as Tensor;
      if (i < carries) {
        const each = Math.max(4, Math.ceil(leaf.size / 4) * 4);
        const pair = accessTo(new Buffer(2 * each, this.depth), element, shape);
        this.put(this.lazyOf(x), pair);
        inner.bind(leaf, this.held({ ...pair, moving: [{ index: current, stride: each }] }, element, shape));
        to.push({ ...pair, moving: [{ index: next, stride: each }] });
        const last = { ...pair, view: { ...pair.view, offset: (length % 2) * each } };
        this.lazies.set(outputs[i] as Tensor, this.held(last, element, shape));
      } else if (i < carries + sequences) inner.bind(leaf, this.held(turnOf(this.hold(x).access, place), element, shape));
      else {
        const lazy = this.lazyOf(x);
        inner.bind(leaf, lazy.kind === "constant" ? lazy : this.hold(x));
      }
    });
    for (const result of outputs.slice(carries)) {
      const element = elementOf(result.dtype);
      const stack = this.wanted.get(result) ?? this.newAccess(element, result.shape);
      to.push(turnOf(stack, place));
      this.lazies.set(result, this.held(stack, element, result.shape));
    }
    inner.compute(body.outputs, to);
    this.statements.push(new LoopStatement(indices, length, reverse, inner.statements, this.depth));
  }
}

/** The slice of the first axis at the index of a loop. */
const turnOf = (access: Access, place: LoopIndices["place"]): Access => {
  const { shape, strides, offset } = access.view;
  return {
    ...access,
    view: { shape: shape.slice(1), strides: strides.slice(1), offset },
    moving: [...access.moving, { index: place, stride: strides[0] as number }],
  };
};

/** `lazy` broadcast to `shape`. */
function spread(lazy: Lazy, shape: Shape): Lazy {
  if (sameShape(lazy.shape, shape) || lazy.kind !== "held") return { ...lazy, shape };
  return { ...lazy, shape, access: { ...lazy.access, view: expandView(lazy.access.view, shape) } };
}

/** Whether an element may be 0. */
function mayBeZero(x: Tensor): boolean {
  const data = x.size === 1 ? hostData(x) : undefined;
  return data === undefined || Number(elementAt(data, 0, x.dtype)) === 0;
}

import { promote } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { showShape } from "../graph/shape.js";
import type { Tensor } from "../graph/tensor.js";
import { mul } from "./arithmetic.js";
import { cast } from "./cast.js";
import { matmul } from "./matmul.js";
import { sum } from "./reduce.js";
import { reshape, transpose } from "./shapes.js";
import { type Range, slice } from "./slicing.js";

interface Term {
  readonly x: Tensor;
  /** One letter an axis. */
  readonly axes: readonly string[];
}

/**
 * Einstein's summation: `einsum("bij,bjk->bik", a, b)`. Letters that the output lacks are summed over; without `->` the output has
 * those that stand once, in alphabetical order. A letter that stands twice in an operand means its diagonal; there is no ellipsis.
 * Integers are computed modulo 2^bits of their dtype.
 * @throws KasaneError where the equation does not fit the operands, or a letter stands for two sizes
 */
export function einsum(equation: string, ...tensors: Tensor[]): Tensor {
  const match = /^([a-zA-Z, ]*)(?:->([a-zA-Z ]*))?$/.exec(equation);
  check(match !== null, () => `einsum: "${equation}" is not an equation such as "ij,jk->ik"`);
  const inputs = (match[1] as string).replaceAll(" ", "").split(",");
  check(inputs.length === tensors.length, () => `einsum: "${equation}" is for ${inputs.length} operands, got ${tensors.length}`);
  const sizes = new Map<string, number>();
  const terms = tensors.map((x, i): Term => {
    const axes = [...(inputs[i] as string)];
    check(axes.length === x.rank, () => `einsum: "${inputs[i]}" does not name each axis of ${showShape(x.shape)}`);
    axes.forEach((letter, axis) => {
      const size = x.shape[axis] as number;
      check(
        (sizes.get(letter) ?? size) === size,
        () => `einsum: "${letter}" stands for sizes ${sizes.get(letter)} and ${size} in "${equation}"`,
      );
      sizes.set(letter, size);
    });
    return diagonal({ x, axes });
  });
  const letters = inputs.join("");
  const implied = [...sizes.keys()].filter((letter) => letters.indexOf(letter) === letters.lastIndexOf(letter)).sort();
  const output = match[2] === undefined ? implied : [...match[2].replaceAll(" ", "")];
  check(
    output.every((letter) => sizes.has(letter)) && new Set(output).size === output.length,
    () => `einsum: the output of "${equation}" has a letter twice, or one that no operand has`,
  );
  const [first, ...rest] = terms as [Term, ...Term[]];
  const result = rest.reduce((left, right, i) => {
    const later = new Set([...output, ...rest.slice(i + 1).flatMap((term) => term.axes)]);
    return contract(left, right, later, sizes);
  }, first);
  // Sums and products of narrow integers are wider on the way.
  const dtype = tensors.map((x) => x.dtype).reduce(promote);
  return cast(arrange(keep(result, new Set(output)), output), dtype === "bool" ? "int32" : dtype);
}

/** The elements of equal indices along the axes that share a letter: every n + 1st of the two axes joined. */
function diagonal({ x, axes }: Term): Term {
  const second = axes.findIndex((letter, i) => axes.indexOf(letter) < i);
  if (second < 0) return { x, axes };
  const first = axes.indexOf(axes[second] as string);
  const others = [...axes.keys()].filter((axis) => axis !== first && axis !== second);
  const [outer, size] = [others.map((axis) => x.shape[axis] as number), x.shape[first] as number];
  const joined = reshape(transpose(x, [...others, first, second]), [...outer, size * size]);
  const kept = slice(joined, [...outer.map((): Range => []), [null, null, size + 1]]);
  return diagonal({ x: kept, axes: [...others, first].map((axis) => axes[axis] as string) });
}

/** Sums over the letters that nothing after needs. */
function keep({ x, axes }: Term, needed: ReadonlySet<string>): Term {
  const gone = axes.flatMap((letter, axis) => (needed.has(letter) ? [] : [axis]));
  return gone.length === 0 ? { x, axes } : { x: sum(x, { axis: gone }), axes: axes.filter((letter) => needed.has(letter)) };
}

const arrange = ({ x, axes }: Term, order: readonly string[]): Tensor =>
  transpose(
    x,
    order.map((letter) => axes.indexOf(letter)),
  );

/** Joins two terms by one batched matrix product over the letters that both have and nothing after needs. */
function contract(left: Term, right: Term, later: ReadonlySet<string>, sizes: ReadonlyMap<string, number>): Term {
  const a = keep(left, new Set([...later, ...right.axes]));
  const b = keep(right, new Set([...later, ...left.axes]));
  const shared = a.axes.filter((letter) => b.axes.includes(letter));
  const batch = shared.filter((letter) => later.has(letter));
  const inner = shared.filter((letter) => !later.has(letter));
  const outerA = a.axes.filter((letter) => !shared.includes(letter));
  const outerB = b.axes.filter((letter) => !shared.includes(letter));
  const shape = (list: readonly string[]) => list.map((letter) => sizes.get(letter) as number);
  const count = (list: readonly string[]) => shape(list).reduce((product, size) => product * size, 1);
  const axes = [...batch, ...outerA, ...outerB];
  const matrixA = reshape(arrange(a, [...batch, ...outerA, ...inner]), [...shape(batch), count(outerA), count(inner)]);
  const matrixB = reshape(arrange(b, [...batch, ...inner, ...outerB]), [...shape(batch), count(inner), count(outerB)]);
  const product = inner.length === 0 ? mul(matrixA, matrixB) : matmul(matrixA, matrixB);
  return { x: reshape(product, shape(axes)), axes };
}

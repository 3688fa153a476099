import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { sameShape, showShape } from "../graph/shape.js";
import type { Node, Tensor } from "../graph/tensor.js";
import { atPath, currentTrace, rebuild } from "../graph/trace.js";
import { reading, Variable, variableOf } from "../graph/variable.js";
import { topologicalOrder } from "../graph/walk.js";
import { add } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { checkTensors } from "../ops/constants.js";
import { absent, onesLike, zerosLike } from "../ops/create.js";
import { asOperands, operatorOf } from "../ops/operator.js";
import { sumTo } from "../ops/sumTo.js";

/**
 * The gradients of a scalar with respect to tensors that it was computed from; zeros where it does not depend on one.
 * They are tensors like any other: they can be differentiated again.
 * @param loss a scalar of floating-point type
 */
export function grad(loss: Tensor, wrt: Tensor): Tensor;
export function grad(loss: Tensor, wrt: readonly Tensor[]): Tensor[];
export function grad(loss: Tensor, wrt: Tensor | readonly Tensor[]): Tensor | Tensor[] {
  checkTensors("grad", loss, ...[wrt].flat());
  check(
    loss.size === 1 && isFloat(loss.dtype),
    () => `grad: the loss is ${loss.dtype}${showShape(loss.shape)}, expected a floating-point scalar: take its mean or sum`,
  );
  const several = Array.isArray(wrt);
  const of = reading(loss);
  const gradients = pullBack([of], [onesLike(of)], readingsIn(of, several ? wrt : [wrt as Tensor]));
  return several ? gradients : (gradients[0] as Tensor);
}

/** `wrt` with each variable as the value of it that the loss was computed from. */
function readingsIn(loss: Tensor, wrt: readonly Tensor[]): readonly Tensor[] {
  if (!wrt.some((x) => x instanceof Variable)) return wrt;
  const found = new Map<Variable, Set<Tensor>>();
  const seen = new Set<Tensor>();
  const pending = [loss];
  for (let x = pending.pop(); x; x = pending.pop()) {
    if (seen.has(x)) continue;
    seen.add(x);
    const variable = variableOf(x);
    if (variable) found.set(variable, (found.get(variable) ?? new Set()).add(x));
    else if (x.source.kind === "node") pending.push(...x.source.inputs);
  }
  return wrt.map((x) => {
    if (!(x instanceof Variable)) return x;
    const [only = x, another] = found.get(x) ?? [];
    check(
      another === undefined,
      () =>
        `grad: the loss is computed from ${x.name} before and after it was assigned: take the gradient by one of both, such as const before = x.mul(1)`,
    );
    check(
      currentTrace() === undefined || only.source.kind !== "data",
      () => `grad: the loss is computed from a tensor that was made of ${x.name} outside the traced function: make it inside`,
    );
    return only;
  });
}

/** `f` with its gradients: called with the arguments of `f`, gives `f`'s scalar value and the gradient of each argument. */
export function valueAndGrad<Arguments extends readonly Tensor[]>(
  f: (...values: Arguments) => Tensor,
): (...values: Arguments) => { value: Tensor; gradients: Tensor[] } {
  return (...values) => {
    const value = f(...values);
    return { value, gradients: grad(value, values) };
  };
}

/**
 * The product of `seeds`, one a tensor of `outputs`, with the Jacobian of `outputs` by `wrt`: the reverse walk behind {@link grad}.
 * @param seeds the gradients of the outputs, each of its output's shape; undefined counts as zeros
 * @param independent whether the tensors of `wrt` count as leaves even where one was computed from another
 */
export function pullBack(
  outputs: readonly Tensor[],
  seeds: readonly (Tensor | undefined)[],
  wrt: readonly Tensor[],
  independent = false,
): Tensor[] {
  const asked = new Set(wrt);
  const order = topologicalOrder(outputs);
  const leading = new Set<Node>();
  const leads = (x: Tensor) => isFloat(x.dtype) && (asked.has(x) || (x.source.kind === "node" && leading.has(x.source)));
  for (const node of order) {
    const isLeaf = independent && node.outputs.some((output) => asked.has(output));
    if (!isLeaf && node.inputs.some(leads)) leading.add(node);
  }

  const sums = new Map<Tensor, Tensor>();
  const accumulate = (x: Tensor, part: Tensor) => {
    const before = sums.get(x);
    sums.set(x, before ? add(before, part) : part);
  };
  outputs.forEach((output, i) => {
    const start = seeds[i];
    if (start) accumulate(output, start);
  });
  for (const node of order.reverse()) {
    if (!leading.has(node)) continue;
    const gradients = node.outputs.map((output) => sums.get(output));
    if (gradients.every((gradient) => gradient === undefined)) continue;
    const wanted = node.inputs.map(leads);
    // Where no gradient by an operand is asked for, that of the more exact form goes past it: the operand itself may be rounded to 0.
    const refined = node.inputs.some((input) => asked.has(input))
      ? undefined
      : operatorOf(node).refine?.(asOperands(node.inputs), node.attributes);
    const accumulateRefined = (exact: Tensor) => {
      const origins = [...new Set(node.inputs.flatMap(({ source }) => (source.kind === "node" ? source.inputs : [])).filter(leads))];
      pullBack([exact], gradients, origins, true).forEach((part, i) => accumulate(origins[i] as Tensor, part));
    };
    const accumulateParts = () => {
      const parts = gradientsOf(node, gradients, wanted);
      node.inputs.forEach((input, i) => {
        const part = wanted[i] ? parts[i] : undefined;
        if (part) accumulate(input, cast(sumTo(part, input.shape), input.dtype));
      });
    };
    atPath(gradientPath(node.path), () => rebuild(() => (refined ? accumulateRefined(refined) : accumulateParts())));
  }
  return wrt.map((x) => sums.get(x) ?? zerosLike(x));
}

/** Where the gradients of what a module computes are: `Mlp.layers.1.gradient`; those of gradients too. */
const gradientPath = (path: string): string => (/(^|\.)gradient$/.test(path) ? path : [path, "gradient"].filter(Boolean).join("."));

/** The gradients of the wanted inputs of a node, by the rules that its operator states. */
function gradientsOf(node: Node, gradients: readonly (Tensor | undefined)[], wanted: readonly boolean[]): readonly (Tensor | undefined)[] {
  const { gradient, type } = operatorOf(node);
  const { attributes } = node;
  const [inputs, outputs] = [asOperands(node.inputs), asOperands(node.outputs)];
  if (gradient === "nonDifferentiable") return [];
  if ("all" in gradient) return gradient.all({ gradients, inputs, outputs, attributes, wanted });
  const first = gradients[0] ?? absent(outputs[0].shape, outputs[0].dtype);
  return inputs.map((_, index) => {
    if (!wanted[index]) return undefined;
    check(
      typeof gradient === "function" || index < gradient.length,
      () => `grad: ${type} states no gradient for its input ${index}: declare a rule, or nonDifferentiable`,
    );
    const rule = typeof gradient === "function" ? gradient : gradient[index];
    return rule?.(first, inputs, outputs, attributes, { gradients, index });
  });
}

/** Throws unless a gradient has its value's shape: what users' own rules are held to. */
export function checkGradient(operation: string, gradient: Tensor, value: Tensor): Tensor {
  check(
    sameShape(gradient.shape, value.shape),
    () => `${operation}: the gradient has shape ${showShape(gradient.shape)}, its value ${showShape(value.shape)}`,
  );
  return gradient;
}

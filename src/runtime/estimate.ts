import { type Tensor, totalSize } from "../graph/tensor.js";
import { topologicalOrder } from "../graph/walk.js";
import { isNodeOf } from "../ops/match.js";
import { multiplicationsOf } from "../ops/multiplications.js";
import { operatorOf } from "../ops/operator.js";
import { loops } from "../ops/scan.js";

/** The estimated cost of a run of a graph. */
export interface Estimate {
  /** The number of operators that a module runs; those of a loop count once a step. */
  readonly nodes: number;
  /** Multiplications in matrix products and convolutions. */
  readonly multiplications: number;
  /** Elements of the results of other operators. */
  readonly elements: number;
  /** In microseconds. */
  readonly wasm: number;
  readonly onnxruntime: number;
  readonly isWasmFaster: boolean;
}

/** Microseconds, as `npm run bench:executors` fits them to the times of many graphs (docs/performance.md). */
const costs = {
  wasm: { call: 0.63, node: 0.0008, multiplication: 5.7e-5, element: 1.7e-4 },
  onnxruntime: { call: 13, node: 0.59, multiplication: 2.7e-5, element: 2.2e-4 },
} as const;

/**
 * Estimates what a run of a graph, prepared for a module, costs there and in ONNX Runtime.
 * @param spared how many elements ONNX Runtime need not write, since it changes rows of variables in place
 * @param forOnnx the graph as it is prepared for ONNX Runtime, where that differs by much: see {@link hasOtherKernels}
 */
export function estimate(outputs: readonly Tensor[], spared = 0, forOnnx = outputs): Estimate {
  const counts = count(outputs);
  const cost = (each: (typeof costs)[keyof typeof costs], { nodes, multiplications, elements }: Counts) =>
    each.call + nodes * each.node + multiplications * each.multiplication + elements * each.element;
  const others = forOnnx === outputs ? counts : count(forOnnx);
  const wasm = cost(costs.wasm, counts);
  const onnxruntime = cost(costs.onnxruntime, { ...others, elements: others.elements - spared });
  return { ...counts, wasm, onnxruntime, isWasmFaster: wasm < onnxruntime };
}

/** Whether a graph has operators, as convolutions, of which ONNX Runtime has kernels that a module may make of many others. */
export const hasOtherKernels = (outputs: readonly Tensor[]): boolean =>
  topologicalOrder(outputs).some((node) => {
    const { kind, multiplications } = operatorOf(node);
    return kind.is === "convolution" || multiplications !== undefined;
  });

/** The number of operators of a graph; those in a loop count once. */
export function operatorsIn(outputs: readonly Tensor[]): number {
  const nodes = topologicalOrder(outputs);
  return nodes.reduce((sum, node) => sum + (isNodeOf(node, loops.Scan) ? operatorsIn(node.attributes.body.outputs) : 0), nodes.length);
}

type Counts = Pick<Estimate, "nodes" | "multiplications" | "elements">;

function count(outputs: readonly Tensor[]): Counts {
  const sum = { nodes: 0, multiplications: 0, elements: 0 };
  for (const node of topologicalOrder(outputs)) {
    const { kind } = operatorOf(node);
    const size = totalSize(node.outputs);
    sum.nodes++;
    sum.multiplications += multiplicationsOf(node);
    switch (kind.is) {
      case "loop": {
        const { body, length } = kind.loop(node.attributes);
        const step = count(body.outputs);
        sum.nodes += length * step.nodes;
        sum.elements += length * step.elements;
        break;
      }
      case "product":
      case "convolution":
      case "movement":
        break;
      case "reduction":
        sum.elements += size + totalSize(node.inputs);
        break;
      case "elementwise":
      case "source":
      case "placement":
      case "selection":
      case "opaque":
        sum.elements += size;
        break;
      default:
        kind satisfies never;
    }
  }
  return sum;
}

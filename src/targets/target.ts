import { type DType, isFloat } from "../graph/dtype.js";
import type { Attributes, TensorType } from "../graph/tensor.js";

/** An application of an operator, as a target is asked about it. */
export interface Application {
  readonly type: string;
  readonly inputs: readonly TensorType[];
  readonly attributes: Attributes;
}

/** Where a target has no kernel of an operator: everywhere, or for some inputs and attributes; `threads` is how many run a kernel, 0 all cores. */
export type Gap = (application: Application, threads: number) => boolean;

/** The operators that a target lacks kernels of, by their ONNX types. */
export type Gaps = Readonly<Record<string, Gap>>;

/** What a graph is prepared for: a provider of ONNX Runtime, the executor of the room `wasm`, or a file that any runtime reads. */
export interface Target {
  /** How many threads run a kernel; 0: as many as there are cores. */
  readonly threads: number;
  /** Whether a graph serves sizes that it was not traced with: then no pass may decide by a size. */
  readonly freeSizes: boolean;
  /** Whether its matrix product transposes a left factor anew for each block of the right one. */
  readonly transposesByBlocks: boolean;
  /** Whether it chooses between elements by branches of the program, at several times the cost of a product where the conditions are mixed. */
  readonly selectsByBranches: boolean;
  /** Whether its sum over the first axis of a matrix divides each row among threads: that takes several times as long as a product with ones. */
  readonly sumsRowByRow: boolean;
  /** How many channels lie side by side in the images that it has convolutions for; 1 where it has none but for the plain layout. */
  readonly channelBlock: number;
  /** The element types that it has kernels of no operator for, but for casts within one. */
  readonly absentTypes: readonly DType[];
  /** Whether it has a kernel. Where it has none, an operator is replaced by what it is made of; one that is made of no others stays. */
  has(application: Application): boolean;
}

export const always: Gap = () => true;
export const ofDoubles: Gap = ({ inputs: [x] }) => x?.dtype === "float64";
export const ofFloats: Gap = ({ inputs: [x] }) => x !== undefined && isFloat(x.dtype);
export const ofIntegers: Gap = ({ inputs: [x] }) => x !== undefined && !isFloat(x.dtype);
/** Where one of several gaps is. */
export const either =
  (...gaps: readonly Gap[]): Gap =>
  (application, threads) =>
    gaps.some((gap) => gap(application, threads));

import type { Tensor } from "kasane";
import type { ConvolutionGeometry } from "../../../src/ops/convolutionGeometry.js";

/** A convolution of images or lines. */
export interface Case {
  readonly batch: number;
  readonly channels: number;
  readonly outputs: number;
  readonly size: readonly number[];
  readonly kernel: readonly number[];
  readonly geometry: ConvolutionGeometry;
}

/** A case that follows from a number, so that one that fails can be run again. */
export function caseOf(seed: number): Case {
  let state = seed * 2654435761 + 12345;
  const below = (count: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  const pick = <T>(...values: readonly T[]): T => values[below(values.length)] as T;
  const isLine = below(4) === 0;
  const axes = <T>(make: () => T): T[] => Array.from({ length: isLine ? 1 : 2 }, make);
  const kind = pick("dense", "dense", "dense", "depthwise", "groups");
  const group = kind === "dense" ? 1 : kind === "groups" ? pick(2, 3) : 1 + below(70);
  const blocks = () => group * 16 * pick(1, 2);
  const [channels, outputs] =
    kind === "groups" ? [blocks(), blocks()] : kind === "depthwise" ? [group, group] : [1 + below(70), 1 + below(70)];
  const kernel = axes(() => pick(1, 2, 3, 3, 3, 5));
  const dilations = axes(() => pick(1, 1, 1, 2, 3));
  const strides = axes(() => pick(1, 1, 1, 2, 3));
  const pads = [...kernel, ...kernel].map((size) => below(size));
  const size = kernel.map((count, i) => (dilations[i] as number) * (count - 1) + 1 + below(isLine ? 40 : 14));
  return { batch: pick(1 + below(40), 16, 32, 2), channels, outputs, size, kernel, geometry: { strides, dilations, pads, group } };
}

/** The greatest difference of two tensors over the greatest element of the second. */
export async function apart(a: Tensor, b: Tensor): Promise<number> {
  const [x, y] = [await a.data(), await b.data()];
  if (x.length !== y.length) return Number.NaN;
  let [difference, greatest] = [0, 1e-30];
  for (let i = 0; i < x.length; i++) {
    const [p, q] = [Number(x[i]), Number(y[i])];
    if (Object.is(p, q)) continue;
    difference = Number.isNaN(p) || Number.isNaN(q) ? Number.NaN : Math.max(difference, Math.abs(p - q));
    if (Number.isNaN(difference)) return Number.NaN;
    greatest = Math.max(greatest, Math.abs(q));
  }
  return difference / greatest;
}

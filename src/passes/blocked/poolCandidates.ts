import type { Node, Tensor } from "../../graph/tensor.js";
import { mul } from "../../ops/arithmetic.js";
import { whereFinite } from "../../ops/branch.js";
import { isNodeOf } from "../../ops/match.js";
import { maximaBy } from "../../ops/maxima.js";
import { apply } from "../../ops/operator.js";
import { pool } from "../../ops/pool.js";
import type { Windows } from "../../ops/windows.js";
import { hasWidePadding } from "../../targets/gaps.js";
import { interleaved } from "./convolution.js";
import { toFirstMaxima } from "./firstMaxima.js";
import { filled, fromBlocked, sizesOf, toBlocked } from "./images.js";
import type { Candidate } from "./layout.js";
import { type Blocked, type BlockedPoolAttributes, blocked } from "./operators.js";

/** Nanoseconds that an element of an image takes less: of ONNX Runtime's plain kernels that for a maximum is slow. */
const saved = { maximum: 2, gradient: 4, mean: 0.3 };

/** The windows along the height and the width; a line has one row. */
function planar({ kernel, strides, pads, dilations }: Windows): Windows {
  if (kernel.length === 2) return { kernel, strides, pads, dilations };
  const [before, after] = pads as readonly [number, number];
  return {
    kernel: [1, ...kernel],
    strides: [1, ...strides],
    pads: [0, before, 0, after],
    dilations: [1, ...dilations],
  };
}

/** The blocked form of pooling, and of its gradients; undefined where there is none. */
export function poolCandidate(node: Node, block: number): Candidate | undefined {
  const [x] = node.inputs as readonly [Tensor];
  const isPool = isNodeOf(node, pool.MaxPool, pool.MaxPoolGradient, pool.AveragePool, pool.AveragePoolGradient);
  if (!isPool || x.dtype !== "float32" || x.rank > 4 || node.inputs.some(({ size }) => size === 0)) return undefined;
  if (isNodeOf(node, pool.MaxPool, pool.AveragePool) && hasWidePadding(node.attributes)) return undefined;
  const windows = planar(node.attributes);
  const image = isNodeOf(node, pool.AveragePoolGradient) ? (node.outputs[0] as Tensor) : x;
  const [batch, channels, height, width] = sizesOf(image.shape);
  const exact = batch * height * width * channels;
  const filling = 0.3 * batch * height * width * (filled(channels, block) - channels);
  const give = (takes: readonly number[], saving: number, build: (...inputs: Tensor[]) => Tensor): Candidate => ({
    takes,
    gives: true,
    saving: saving * exact - filling,
    build: (inputs) => [build(...inputs)],
  });
  if (isNodeOf(node, pool.MaxPool)) {
    const { ignoresNaN } = node.attributes;
    return give([0], saved.maximum, (x) => (ignoresNaN ? pooled(x, windows, "MaxPool") : maximum(x, windows)));
  }
  if (isNodeOf(node, pool.AveragePool)) {
    const { countPadding } = node.attributes;
    return give([0], saved.mean, (x) => pooled(x, windows, "AveragePool", countPadding));
  }
  if (isNodeOf(node, pool.MaxPoolGradient)) {
    const { attributes } = node;
    return give([0, 1, 2], saved.gradient, (x, y, dy) =>
      whereFinite(
        [dy, y],
        [x, y, dy],
        (x, y, dy) => toFirstMaxima(x, y, dy, windows),
        (x, y, dy) => {
          const [plainY, plainDy] = [y, dy].map((each) => fromBlocked(each, (node.inputs[1] as Tensor).shape)) as [Tensor, Tensor];
          return toBlocked(apply(pool.MaxPoolGradient, [fromBlocked(x, image.shape), plainY, plainDy], attributes), block);
        },
      ),
    );
  }
  if (!areApart(windows, height, width)) return undefined;
  const kernel = windows.kernel as readonly [number, number];
  return give([0], saved.mean, (dy) => {
    const share = mul(dy, 1 / (kernel[0] * kernel[1]));
    return interleaved(new Array<Tensor>(kernel[0]).fill(interleaved(new Array<Tensor>(kernel[1]).fill(share), 3)), 2);
  });
}

/** Whether windows lie side by side and cover an image. */
const areApart = ({ kernel, strides, pads, dilations }: Windows, height: number, width: number): boolean =>
  kernel.every((size, i) => size === strides[i] && dilations[i] === 1 && (i === 0 ? height : width) % size === 0) &&
  pads.every((count) => count === 0);

const pooled = (x: Blocked, windows: Windows, type: BlockedPoolAttributes["type"], countPadding = false): Blocked =>
  apply(blocked.BlockedPool, [x], { ...windows, type, countPadding });

const maximum = (x: Blocked, windows: Windows): Blocked => maximaBy((image) => pooled(image, windows, "MaxPool"), x);

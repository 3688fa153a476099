import { random } from "kasane";
import { describe, expect, it } from "vitest";
import { rebuild } from "../../../src/graph/trace.js";
import { convolutions } from "../../../src/ops/conv.js";
import { apply } from "../../../src/ops/operator.js";
import { reshape } from "../../../src/ops/shapes.js";
import { blockedConv, imageGradient, isDepthwise, planar } from "../../../src/passes/blocked/convolution.js";
import { filledNumbers, fromBlocked, sizesOf, toBlocked } from "../../../src/passes/blocked/images.js";
import { depthwiseWeightGradient, weightGradient } from "../../../src/passes/blocked/weightGradient.js";

import { apart, caseOf } from "./cases.js";

const block = 16;

describe("convolutions of blocked images", () => {
  it.each(Array.from({ length: 40 }, (_, i) => i))("case %i computes what the operators do", async (seed) => {
    const { batch, channels, outputs, size, kernel, geometry } = caseOf(seed);
    const x = random.normal([batch, channels, ...size]);
    const w = random.normal([outputs, channels / geometry.group, ...kernel]);
    const b = random.normal([outputs]);
    const y = apply(convolutions.Conv, [x, w, b], geometry);
    const g = random.normal(y.shape);
    const [height, width] = sizesOf(x.shape).slice(2) as [number, number];
    const settings = planar(geometry);
    const given = channels < block && !isDepthwise(w, geometry.group) ? reshape(x, [batch, channels, height, width]) : toBlocked(x, block);
    const plane = (kernel.length === 1 ? [1, ...kernel] : kernel) as [number, number];
    const back = { x: given, channels, y: toBlocked(g, block), outputs, geometry: settings, kernel: plane, block };
    const results = rebuild(() => ({
      y: fromBlocked(blockedConv(given, w, filledNumbers(b, outputs, block), settings, block), y.shape),
      x: fromBlocked(imageGradient(back.y, w, settings, [height, width], block), x.shape),
      w: isDepthwise(w, geometry.group)
        ? reshape(depthwiseWeightGradient(back), w.shape)
        : geometry.group === 1
          ? reshape(weightGradient(back), w.shape)
          : undefined,
    }));
    expect(await apart(results.y, y)).toBeLessThan(1e-5);
    expect(await apart(results.x, apply(convolutions.ConvTranspose, [g, w], { ...geometry, sizes: size }))).toBeLessThan(1e-5);
    if (results.w)
      expect(await apart(results.w, apply(convolutions.ConvWeightGradient, [x, g], { ...geometry, kernel }))).toBeLessThan(1e-5);
  });
});

import * as k from "kasane";
import { type CaseTable, of, spread } from "./case.js";

const line = spread([2, 3, 7]);
const image = spread([2, 2, 5, 6]);
const volume = spread([1, 2, 3, 4, 3]);

/** Convolutions. */
export const convolutions: CaseTable = {
  conv: [
    of("of lines", [line, spread([4, 3, 3])], (x, w) => k.conv(x, w)),
    of("of images with a bias", [image, spread([3, 2, 3, 2]), spread([3])], (x, w, bias) => k.conv(x, w, { bias })),
    of("of volumes", [volume, spread([2, 2, 2, 3, 2])], (x, w) => k.conv(x, w, { padding: [1, 0, [0, 1]] })),
    of("with a stride", [image, spread([3, 2, 2, 3])], (x, w) => k.conv(x, w, { stride: [2, 3], padding: 1 })),
    of("with a stride that leaves elements out", [image, spread([2, 2, 2, 2])], (x, w) => k.conv(x, w, { stride: 2 })),
    of("with padding before and after", [image, spread([2, 2, 3, 3])], (x, w) =>
      k.conv(x, w, {
        padding: [
          [2, 0],
          [0, 1],
        ],
      }),
    ),
    of("with a dilation", [image, spread([2, 2, 2, 3])], (x, w) => k.conv(x, w, { dilation: [3, 2], padding: [1, 2] })),
    of("in groups", [spread([2, 4, 4, 4]), spread([6, 2, 3, 3]), spread([6])], (x, w, bias) =>
      k.conv(x, w, { bias, groups: 2, stride: 2, padding: 1 }),
    ),
    of("of each channel by itself", [spread([2, 3, 4, 4]), spread([3, 1, 3, 3])], (x, w) => k.conv(x, w, { groups: 3, padding: 1 })),
    of("by a kernel of one element", [image, spread([4, 2, 1, 1])], (x, w) => k.conv(x, w)),
    of("by a kernel of one element with a stride", [image, spread([4, 2, 1, 1])], (x, w) => k.conv(x, w, { stride: 2 })),
    of("padded to the same size", [image, spread([2, 2, 3, 4])], (x, w) => k.conv(x, w, { padding: "same", dilation: [1, 2] })),
    of("without padding", [image, spread([2, 2, 3, 4])], (x, w) => k.conv(x, w, { padding: "valid" })),
    of("of what came before", [line, spread([2, 3, 2])], (x, w) => k.conv(x, w, { padding: "causal", dilation: 2 })),
    of("padded to one place a stride", [image, spread([2, 2, 3, 3])], (x, w) => k.conv(x, w, { padding: "same", stride: [2, 3] })),
    of("around which it is reflected", [image, spread([2, 2, 3, 3])], (x, w) =>
      k.conv(x, w, { padding: [2, [1, 0]], paddingMode: "reflect" }),
    ),
    of("around which its ends are repeated", [line, spread([2, 3, 3])], (x, w) =>
      k.conv(x, w, { padding: "same", paddingMode: "replicate" }),
    ),
    of("that is closed to a ring", [volume, spread([2, 2, 3, 3, 3])], (x, w) => k.conv(x, w, { padding: 1, paddingMode: "circular" })),
  ],
  convTranspose: [
    of("of lines", [spread([2, 3, 4]), spread([3, 4, 3])], (x, w) => k.convTranspose(x, w)),
    of("of images with a bias", [spread([2, 2, 3, 4]), spread([2, 3, 3, 2]), spread([3])], (x, w, bias) =>
      k.convTranspose(x, w, { bias, stride: 2, padding: 1 }),
    ),
    of("of volumes", [spread([1, 2, 2, 3, 2]), spread([2, 2, 2, 3, 2])], (x, w) => k.convTranspose(x, w, { stride: [1, 2, 2] })),
    of("with elements after it", [spread([1, 2, 3, 3]), spread([2, 3, 3, 3])], (x, w) =>
      k.convTranspose(x, w, { stride: 2, padding: 1, outputPadding: [1, 0] }),
    ),
    of("with more elements after it than the stride", [spread([1, 2, 3]), spread([2, 2, 2]), spread([2])], (x, w, bias) =>
      k.convTranspose(x, w, { bias, dilation: 3, outputPadding: 2 }),
    ),
    of("with more elements after it than the stride and than the padding", [spread([1, 2, 4, 4]), spread([2, 2, 2, 2])], (x, w) =>
      k.convTranspose(x, w, { dilation: [4, 3], padding: [1, 3], outputPadding: [3, 2] }),
    ),
    of("with padding beyond the kernel", [spread([1, 2, 6, 5]), spread([2, 3, 2, 1])], (x, w) =>
      k.convTranspose(x, w, { padding: [2, 1] }),
    ),
    of("in groups with a dilation", [spread([1, 4, 3, 3]), spread([4, 2, 2, 2])], (x, w) =>
      k.convTranspose(x, w, { groups: 2, dilation: 2, stride: 2 }),
    ),
    of("of each channel by itself", [spread([2, 3, 3, 3]), spread([3, 1, 2, 2])], (x, w) =>
      k.convTranspose(x, w, { groups: 3, stride: 2 }),
    ),
  ],
};

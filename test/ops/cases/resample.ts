import * as k from "kasane";
import { type CaseTable, of, spread } from "./case.js";

const line = spread([2, 3, 5]);
const image = spread([2, 3, 4, 5]);
const volume = spread([2, 1, 2, 3, 2]);
// No place lies near a bend, as the middle between two others is for the nearest one.
const grid = spread([2, 3, 2, 2], -1.55, 1.6);

/** Resampling of images. */
export const resampling: CaseTable = {
  upsample: [
    of("of lines to the nearest", [line], (x) => k.upsample(x, { scale: 2 })),
    of("of images to the nearest", [image], (x) => k.upsample(x, { scale: [2, 3] })),
    of("of volumes to the nearest", [volume], (x) => k.upsample(x, { scale: 2 })),
    of("to the nearest of uneven sizes", [image], (x) => k.upsample(x, { size: [6, 3] })),
    of("to the nearest by a fraction", [image], (x) => k.upsample(x, { scale: 1.6 })),
    of("of lines along straight lines", [line], (x) => k.upsample(x, { scale: 2, mode: "linear" })),
    of("of images along straight lines", [image], (x) => k.upsample(x, { scale: 2, mode: "linear" })),
    of("of volumes along straight lines", [volume], (x) => k.upsample(x, { size: [3, 5, 4], mode: "linear" })),
    of("to smaller images along straight lines", [image], (x) => k.upsample(x, { size: [2, 3], mode: "linear" })),
    of("along straight lines by a fraction", [image], (x) => k.upsample(x, { scale: [1.3, 0.7], mode: "linear" })),
    of("along straight lines with corners aligned", [image], (x) => k.upsample(x, { size: [7, 3], mode: "linear", alignCorners: true })),
    of("of lines with corners aligned", [line], (x) => k.upsample(x, { scale: 1.5, mode: "linear", alignCorners: true })),
    of("of volumes with corners aligned", [volume], (x) => k.upsample(x, { size: [3, 1, 4], mode: "linear", alignCorners: true })),
    of("along one axis alone", [image], (x) => k.upsample(x, { size: [4, 7], mode: "linear" })),
    of("along cubics", [image], (x) => k.upsample(x, { scale: 2, mode: "cubic" })),
    of("along cubics with corners aligned", [image], (x) => k.upsample(x, { size: [6, 3], mode: "cubic", alignCorners: true })),
    of("along cubics by a fraction", [image], (x) => k.upsample(x, { scale: 1.3, mode: "cubic" })),
    of("of one place", [spread([2, 1, 1, 1])], (x) => k.upsample(x, { size: [3, 2], mode: "linear" })),
  ],
  gridSample: [
    of("along straight lines", [image, grid], (x, at) => k.gridSample(x, at)),
    of("along straight lines from the border", [image, grid], (x, at) => k.gridSample(x, at, { padding: "border" })),
    of("along straight lines of a mirror image", [image, grid], (x, at) => k.gridSample(x, at, { padding: "reflection" })),
    of("along straight lines with corners aligned", [image, grid], (x, at) => k.gridSample(x, at, { alignCorners: true })),
    of("of a mirror image with corners aligned", [image, grid], (x, at) =>
      k.gridSample(x, at, { padding: "reflection", alignCorners: true }),
    ),
    of("to the nearest", [image, grid], (x, at) => k.gridSample(x, at, { mode: "nearest" })),
    of("to the nearest of a mirror image", [image, grid], (x, at) => k.gridSample(x, at, { mode: "nearest", padding: "reflection" })),
    of("along cubics", [image, grid], (x, at) => k.gridSample(x, at, { mode: "cubic" })),
    of("along cubics from the border", [image, grid], (x, at) => k.gridSample(x, at, { mode: "cubic", padding: "border" })),
    of("along cubics of a mirror image", [image, grid], (x, at) => k.gridSample(x, at, { mode: "cubic", padding: "reflection" })),
    of("of volumes", [volume, spread([2, 2, 1, 3, 3], -1.3, 1.3)], (x, at) => k.gridSample(x, at)),
    of("at the places of an image turned", [image, spread([2, 2, 3], -1.1, 0.9)], (x, matrix) =>
      k.gridSample(x, k.affineGrid(matrix, [3, 2])),
    ),
  ],
  affineGrid: [
    of("of images", [spread([2, 2, 3])], (matrix) => k.affineGrid(matrix, [3, 2])),
    of("with corners aligned", [spread([2, 2, 3])], (matrix) => k.affineGrid(matrix, [1, 4], { alignCorners: true })),
    of("of volumes", [spread([1, 3, 4])], (matrix) => k.affineGrid(matrix, [2, 1, 3])),
  ],
  pixelShuffle: [of("of images", [spread([2, 8, 2, 3])], (x) => k.pixelShuffle(x, 2))],
  pixelUnshuffle: [of("of images", [spread([2, 2, 4, 6])], (x) => k.pixelUnshuffle(x, 2))],
};

import * as k from "kasane";
import { type CaseTable, list, of, spread, whole } from "./case.js";

const line = spread([2, 2, 9]);
const image = spread([2, 2, 6, 7]);
const volume = spread([1, 2, 4, 5, 4]);
// Mostly zeros, as the background of a drawing: of equal maxima the first counts.
const drawing = list(
  Array.from({ length: 72 }, (_, i) => (i % 5 === 0 ? (i % 7) / 7 : 0)),
  [2, 1, 6, 6],
);
/** What makes one number of each window of an image. */
export const pool: CaseTable = {
  maxPool: [
    of("of lines", [line], (x) => k.maxPool(x, 2)),
    of("of images", [image], (x) => k.maxPool(x, 2)),
    of("of volumes", [volume], (x) => k.maxPool(x, [2, 3, 2])),
    of("that overlaps", [image], (x) => k.maxPool(x, 3, { stride: 2, padding: 1 })),
    of("at every place", [image], (x) => k.maxPool(x, [3, 2], { stride: 1 })),
    of("with gaps between windows", [image], (x) => k.maxPool(x, 2, { stride: [3, 4] })),
    of("with gaps within windows", [image], (x) => k.maxPool(x, [2, 3], { stride: 1, dilation: [3, 2] })),
    of("with gaps within windows that overlap", [spread([1, 1, 9, 11])], (x) =>
      k.maxPool(x, 3, { stride: 2, padding: 1, dilation: [1, 3] }),
    ),
    of("up to the end", [image], (x) => k.maxPool(x, 3, { stride: 2, padding: 1, ceilMode: true })),
    of("of volumes that overlap", [volume], (x) => k.maxPool(x, 3, { stride: 2, padding: 1 })),
    of("of equal numbers", [drawing], (x) => k.maxPool(x, 2), { bent: true }),
    of("of equal numbers that overlaps", [drawing], (x) => k.maxPool(x, 3, { stride: 2, padding: 1 }), { bent: true }),
    of("of equal numbers at every place", [drawing], (x) => k.maxPool(x, 3, { stride: 1, dilation: 2 }), { bent: true }),
    of("of half the places as padding", [image], (x) => k.maxPool(x, [4, 6], { stride: [3, 2], padding: [2, 3] })),
    of("twice", [image], (x) => k.maxPool(k.maxPool(x, 2, { stride: 1 }).mul(2), 2)),
  ],
  averagePool: [
    of("of lines", [line], (x) => k.averagePool(x, 3)),
    of("of images", [image], (x) => k.averagePool(x, 2)),
    of("of volumes", [volume], (x) => k.averagePool(x, [2, 3, 2])),
    of("that overlaps", [image], (x) => k.averagePool(x, 3, { stride: 2, padding: 1 })),
    of("of the image alone", [image], (x) => k.averagePool(x, 3, { stride: 2, padding: 1, countPadding: false })),
    of("at every place", [image], (x) => k.averagePool(x, [3, 2], { stride: 1 })),
    of("with gaps between windows", [image], (x) => k.averagePool(x, 2, { stride: [3, 4] })),
    of("up to the end", [image], (x) => k.averagePool(x, 3, { stride: 2, padding: 1, ceilMode: true })),
    of("up to the end, of the image alone", [image], (x) =>
      k.averagePool(x, 4, { stride: 3, padding: 2, ceilMode: true, countPadding: false }),
    ),
    of("of volumes that overlap", [volume], (x) => k.averagePool(x, 3, { stride: 2, padding: 1 })),
    of("of squares", [image], (x) => k.square(k.averagePool(k.square(x), 2, { stride: 1 }))),
  ],
  adaptiveAveragePool: [
    of("of equal parts", [image], (x) => k.adaptiveAveragePool(x, [3, 1])),
    of("of parts that overlap evenly", [image], (x) => k.adaptiveAveragePool(x, [2, 3])),
    of("of other parts", [image], (x) => k.adaptiveAveragePool(x, [4, 5])),
    of("of one part", [volume], (x) => k.adaptiveAveragePool(x, 1)),
    of("to more places", [line], (x) => k.adaptiveAveragePool(x, 13)),
    of("of volumes", [volume], (x) => k.adaptiveAveragePool(x, [2, 3, 3])),
  ],
  adaptiveMaxPool: [
    of("of equal parts", [image], (x) => k.adaptiveMaxPool(x, [3, 1])),
    of("of parts that overlap evenly", [image], (x) => k.adaptiveMaxPool(x, [2, 3])),
    of("of other parts", [image], (x) => k.adaptiveMaxPool(x, [4, 5])),
    of("of one part", [volume], (x) => k.adaptiveMaxPool(x, 1)),
    of("to more places", [line], (x) => k.adaptiveMaxPool(x, 13)),
    of("of volumes", [volume], (x) => k.adaptiveMaxPool(x, [2, 3, 3])),
    of("of equal numbers", [drawing], (x) => k.adaptiveMaxPool(x, [4, 5]), { bent: true }),
  ],
  globalAveragePool: [
    of("of images", [image], (x) => k.globalAveragePool(x)),
    of("of lines, squared", [line], (x) => k.square(k.globalAveragePool(k.square(x)))),
  ],
  globalMaxPool: [
    of("of images", [image], (x) => k.globalMaxPool(x)),
    of("of lines, squared", [line], (x) => k.square(k.globalMaxPool(k.square(x)))),
    of("of equal numbers", [drawing], (x) => k.globalMaxPool(x), { bent: true }),
    of("of whole numbers", [whole([3, -7, 9, 9, -2, -8], [1, 2, 3])], (x) => k.globalMaxPool(x)),
  ],
  unfold: [
    of("of images", [image], (x) => k.unfold(x, [3, 2])),
    of("with all settings", [image], (x) => k.unfold(x, [3, 2], { stride: [2, 1], padding: [2, 1], dilation: [1, 3] })),
    of("squared", [image], (x) => k.square(k.unfold(k.square(x), 2, { stride: 2 }))),
    of("of lines", [line], (x) => k.unfold(x, 3, { stride: 2, padding: 4 })),
    of("of volumes", [volume], (x) => k.unfold(x, 2, { stride: [1, 2, 1], padding: [0, 1, 0] })),
    of("of whole numbers", [whole([3, -7, 9, 9, -2, -8], [1, 1, 2, 3])], (x) => k.unfold(x, 2)),
  ],
  fold: [
    of("of images", [spread([2, 12, 24])], (x) => k.fold(x, [6, 7], [3, 2])),
    of("with all settings", [spread([2, 12, 24])], (x) => k.fold(x, [6, 7], [3, 2], { stride: [2, 1], padding: [2, 1], dilation: [1, 3] })),
    of("squared", [spread([1, 4, 9])], (x) => k.square(k.fold(k.square(x), [6, 7], 2, { stride: 2 }))),
    of("of lines", [spread([2, 6, 8])], (x) => k.fold(x, [9], 3, { stride: 2, padding: 4 })),
    of("of whole numbers", [whole([1, 2, 3, 4, 5, 6, 7, 8], [1, 4, 2])], (x) => k.fold(x, [2, 3], 2)),
  ],
};

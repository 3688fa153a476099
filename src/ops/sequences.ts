import type { Tensor } from "../graph/tensor.js";
import { sub, where } from "./arithmetic.js";
import { cast, onnxTypes } from "./cast.js";
import { less } from "./compare.js";
import { arange } from "./create.js";
import { takeAlongAxis } from "./indexing.js";
import { apply, declare, family } from "./operator.js";
import { expand, reshape, transpose } from "./shapes.js";

/** Operators on sequences of different lengths side by side, `[time, batch, ...]`. */
export const sequences = family({
  // Reverses what comes before each length; what comes after stays. Doing it twice does nothing.
  ReverseSequence: declare({
    infer: ([x]) => x,
    kind: { is: "opaque" },
    gradient: [(g, [, lengths]) => reverseSequences(g, lengths), undefined],
    emit: (emitter, [x, lengths]) => {
      const [counts] = emitter.node("Cast", [lengths as string], { to: onnxTypes.int64 });
      return emitter.node("ReverseSequence", [x as string, counts as string], { time_axis: 0, batch_axis: 1 });
    },
    read: (node) => {
      const [x, lengths] = [node.input(0), node.input(1)];
      // Either axis may be the first.
      if (node.integer("batch_axis", 1) === 1 && node.integer("time_axis", 0) === 0) return reverseSequences(x, lengths);
      const swapped = (value: Tensor) => transpose(value, [1, 0, ...value.shape.slice(2).map((_, i) => i + 2)]);
      return swapped(reverseSequences(swapped(x), lengths));
    },
    decompose: ([x, lengths]) => {
      const [time, batch] = x.shape as [number, number];
      const place = reshape(arange(time), [time, 1]);
      const other = where(less(place, lengths), sub(sub(lengths, 1), place), place);
      return takeAlongAxis(x, expand(reshape(other, [time, batch, ...x.shape.slice(2).map(() => 1)]), x.shape), { axis: 0 });
    },
  }),
});

/** Each sequence of `[time, batch, ...]` the other way round up to its length: integers `[batch]`, from 1 to `time`. */
export const reverseSequences = (x: Tensor, lengths: Tensor): Tensor => apply(sequences.ReverseSequence, [x, cast(lengths, "int32")]);

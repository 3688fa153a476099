import { isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { sameShape } from "../graph/shape.js";
import { hostData, type Tensor } from "../graph/tensor.js";
import { inModule } from "../graph/trace.js";
import { showType } from "../graph/tree.js";
import { where } from "../ops/arithmetic.js";
import { cast } from "../ops/cast.js";
import { less } from "../ops/compare.js";
import { arange } from "../ops/create.js";
import { gather } from "../ops/indexing.js";

/**
 * The lengths of sequences as int32, of which a run ends with an error where one lies outside `least` to `most`.
 * @param name what they are called in errors
 * @throws KasaneError where their values are at hand and one does
 */
export function checkLengths(name: string, lengths: Tensor, batch: number, [least, most]: readonly [number, number]): Tensor {
  check(
    sameShape(lengths.shape, [batch]) && !isFloat(lengths.dtype) && lengths.dtype !== "bool",
    () => `got ${name} ${showType(lengths)}, expected int32[${batch}]`,
  );
  hostData(lengths)?.forEach((length, i) => {
    check(length >= least && length <= most, () => `${name}: ${length} of sequence ${i}: expected ${least} to ${most}`);
  });
  const counts = cast(lengths, "int32");
  // An index out of range is an error on every executor: those that are too small are made one, as negative ones count from the end.
  return inModule("lengths", () => gather(arange(most + 1), where(less(counts, least), most + 1, counts)));
}

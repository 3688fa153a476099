import { extractFloat, type Opcode, replaceFloat } from "../assembly/assembler.js";
import { KasaneError } from "../graph/error.js";
import type { Algebra } from "../ops/algebra.js";
import { cosOf, erfOf, expOf, inDoubles, logOf, sinOf, tanhOf } from "./functions.js";
import { imports } from "./imports.js";
import type { Element, Value, Values } from "./values.js";

/** Says that the module cannot compute something: ONNX Runtime then does. */
export class Unsupported extends KasaneError {}

/** Applies an imported function of float64 to each lane. */
function byLanes(values: Values, imported: number, a: Value, b: Value): Value {
  let result: Value = a;
  for (const lane of [0, 1, 2, 3]) {
    const wide = (x: Value) => values.make([...extractFloat(lane), 0xbb], [x], "float32", "f64");
    const one = values.make([0x10, imported, 0xb6], [wide(a), wide(b)], "float32", "f64");
    result = values.make(replaceFloat(lane), [result, one]);
  }
  return result;
}

/**
 * The algebra of vectors of four lanes.
 * @param element what constants are
 */
export function vectors(values: Values, element: Element): Algebra<Value> {
  /** An instruction for floats and one for integers. */
  const either =
    (float: Opcode, integer: Opcode | undefined) =>
    (...operands: Value[]): Value => {
      const isInteger = operands.some((x) => x.element !== "float32");
      if (isInteger && !integer) throw new Unsupported(`${float.slice(6)} of integers`);
      return values.make(isInteger ? (integer as Opcode) : float, operands, operands[0]?.element);
    };
  const compared =
    (float: Opcode, integer: Opcode) =>
    (a: Value, b: Value): Value =>
      values.as(either(float, integer)(a, b), "bool");
  const ofFloats =
    (compute: (values: Values, x: Value) => Value) =>
    (x: Value): Value => {
      if (x.element !== "float32") throw new Unsupported("an elementary function of integers");
      return compute(values, x);
    };
  const not = (x: Value) => values.make("v128.not", [x], "bool");
  const zero = (x: Value) => values.constant(0, x.element);
  const algebra: Algebra<Value> = {
    constant: (value) => values.constant(value, element),
    add: either("f32x4.add", "i32x4.add"),
    sub: either("f32x4.sub", "i32x4.sub"),
    mul: either("f32x4.mul", "i32x4.mul"),
    // A true lane is -1, so the greater of two booleans is the lesser integer.
    min: (a, b) => (a.element === "bool" ? algebra.and(a, b) : either("f32x4.min", "i32x4.min_s")(a, b)),
    max: (a, b) => (a.element === "bool" ? algebra.or(a, b) : either("f32x4.max", "i32x4.max_s")(a, b)),
    neg: either("f32x4.neg", "i32x4.neg"),
    abs: either("f32x4.abs", "i32x4.abs"),
    sqrt: either("f32x4.sqrt", undefined),
    floor: either("f32x4.floor", undefined),
    ceil: either("f32x4.ceil", undefined),
    nearest: either("f32x4.nearest", undefined),
    // float64 holds every 32-bit integer, and truncates their quotients exactly.
    div: (a, b) =>
      a.element === "float32"
        ? values.make("f32x4.div", [a, b])
        : inDoubles(
            values,
            [a, b],
            "f64x2.convert_low_i32x4_s",
            (x, y) => values.make("f64x2.trunc", [values.make("f64x2.div", [x as Value, y as Value])]),
            "i32x4.trunc_sat_f64x2_s_zero",
            "int32",
          ),
    pow: (a, b) => {
      if (a.element !== "float32" || b.element !== "float32") throw new Unsupported("pow of integers");
      const is = (value: number) => b.id === values.constant(value).id;
      if (is(1)) return a;
      if (is(2)) return algebra.mul(a, a);
      if (is(3)) return algebra.mul(a, algebra.mul(a, a));
      if (is(-1)) return algebra.div(values.constant(1), a);
      return byLanes(values, imports.pow, a, b);
    },
    remainder: (a, b) => {
      if (a.element !== "float32" || b.element !== "float32") throw new Unsupported("remainder of integers");
      return byLanes(values, imports.remainder, a, b);
    },
    exp: ofFloats(expOf),
    log: ofFloats(logOf),
    sin: ofFloats(sinOf),
    cos: ofFloats(cosOf),
    tanh: ofFloats(tanhOf),
    erf: ofFloats(erfOf),
    equal: compared("f32x4.eq", "i32x4.eq"),
    greater: compared("f32x4.gt", "i32x4.gt_s"),
    greaterEqual: compared("f32x4.ge", "i32x4.ge_s"),
    and: (a, b) => values.make("v128.and", [a, b], "bool"),
    or: (a, b) => values.make("v128.or", [a, b], "bool"),
    not,
    select: (condition, a, b) => values.make("v128.bitselect", [a, b, condition], a.element),
    cast: (x, dtype) => {
      if (x.element === dtype) return x;
      if (dtype === "bool") return not(algebra.equal(x, zero(x)));
      if (dtype !== "float32" && dtype !== "int32") throw new Unsupported(`a cast to ${dtype}`);
      if (x.element === "bool") return values.make("v128.and", [x, values.constant(1, dtype)], dtype);
      return dtype === "float32"
        ? values.make("f32x4.convert_i32x4_s", [x], "float32")
        : values.make("i32x4.trunc_sat_f32x4_s", [x], "int32");
    },
  };
  return algebra;
}

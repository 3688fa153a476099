import type { Tensor } from "../graph/tensor.js";
import { apply, declare, family } from "./operator.js";

const states = family({
  // A variable's value after an assignment: a tensor of its own, so that gradients with respect to the variable are told from those of the value.
  Assigned: declare({ infer: ([x]) => x, kind: { is: "opaque" }, gradient: [(g) => g], linearity: "together", decompose: ([x]) => x }),
});

/** The value as a variable has it from an assignment on, in a traced function. */
export const assigned = (value: Tensor): Tensor => apply(states.Assigned, [value]);

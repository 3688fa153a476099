import type { Import } from "../assembly/assembler.js";

/** The imported functions, in the order of their indices. */
export const imported: readonly Import[] = [
  // Powers: JavaScript's are exact, and few are needed.
  { name: "pow", operands: 2 },
  // Remainders of floats, for which WebAssembly has no instruction.
  { name: "remainder", operands: 2 },
  // The sine and cosine of large numbers, whose reduction takes more digits than float64 has.
  { name: "sin", operands: 1 },
  { name: "cos", operands: 1 },
  // Throws what was given to `addFailure`: its number, and an index.
  { name: "fail", operands: 2 },
];

/** The indices of the functions imported. */
export const imports = { pow: 0, remainder: 1, sin: 2, cos: 3, fail: 4 } as const;

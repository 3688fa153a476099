import { isFloat } from "../../src/graph/dtype.js";
import { type Case, isDifferentiated, toTensor } from "./cases/case.js";

/** Whether difference quotients tell the gradient of a case: floats in and out, and no bend where it stands. */
export function isSmooth({ inputs, call, bent }: Case): boolean {
  const outputs = [call(...inputs.map((input) => toTensor(input)))].flat();
  return !bent && inputs.some(isDifferentiated) && outputs.some(({ dtype }) => isFloat(dtype));
}

import { type DType, isFloat } from "../graph/dtype.js";
import { check } from "../graph/error.js";
import { sameShape, showShape } from "../graph/shape.js";
import { fromData, type StoredTensor, type TensorType } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { cast } from "../ops/cast.js";
import { holds } from "../ops/constants.js";

/** The values of variables, by the same names; variables that have none yet are initialised. */
export async function readVariables(variables: ReadonlyMap<string, Variable>): Promise<Map<string, StoredTensor>> {
  const stored = [...variables].map(
    async ([name, variable]) => [name, { dtype: variable.dtype, shape: variable.shape, data: await variable.data() }] as const,
  );
  return new Map(await Promise.all(stored));
}

/** A state of another model may differ in every name: an error shows the first. */
const maximumShown = 8;

/**
 * Sets variables to stored values, all of them or, where one does not fit, none. Floating-point types are converted into each other, integers where the other type holds them.
 * @param variables by name; a variable may have several names, of which one is enough
 * @param fault how the error begins
 * @throws KasaneError naming what is missing, unexpected or of another shape or type
 */
export async function writeVariables(
  variables: ReadonlyMap<string, Variable>,
  stored: ReadonlyMap<string, StoredTensor>,
  fault = "loadStateDict: the state does not fit the model",
): Promise<void> {
  const found = new Map<Variable, StoredTensor>();
  const misfits: string[] = [];
  for (const [name, value] of stored) {
    const variable = variables.get(name);
    if (!variable) {
      misfits.push(`unexpected: ${name}`);
      continue;
    }
    if (!sameShape(value.shape, variable.shape) || !isConvertible(value, variable.dtype))
      misfits.push(`${name} is ${showType(value)}, expected ${showType(variable)}`);
    found.set(variable, value);
  }
  for (const [name, variable] of variables) {
    if (found.has(variable)) continue;
    misfits.push(`missing: ${name}`);
    found.set(variable, { dtype: variable.dtype, shape: variable.shape, data: new Uint8Array() });
  }
  const further = misfits.splice(maximumShown).length;
  check(misfits.length === 0, () => `${fault}: ${misfits.join("; ")}${further > 0 ? `; and ${further} more` : ""}`);
  await Promise.all(
    [...found].map(([variable, { data, shape, dtype }]) => variable.assign(cast(fromData(data, shape, dtype), variable.dtype))),
  );
}

/** Whether a stored value is as good in another dtype: floating-point types round, integers must be held. */
function isConvertible({ dtype, data }: StoredTensor, to: DType): boolean {
  if (dtype === to || (isFloat(dtype) && isFloat(to))) return true;
  if ([dtype, to].some((each) => each === "bool" || isFloat(each))) return false;
  return Array.prototype.every.call(data, (value: number | bigint) => holds(to, value));
}

const showType = ({ dtype, shape }: TensorType): string => `${dtype}${showShape(shape)}`;

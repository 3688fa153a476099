import type { StoredTensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { type Module, variablesOf } from "./module.js";
import { readVariables, writeVariables } from "./state.js";

/** All variables below a module by every name that PyTorch would have for them. */
const torchVariables = (module: Module): [name: string, variable: Variable][] => [
  ...variablesOf(module, (holder, path) => holder.torchName(path)),
];

/** What PyTorch calls the variables of a module built alike: the `layers.0.weight` of a Sequential is its `0.weight`. */
export function torchNames(module: Module): Map<string, string> {
  const theirs = torchVariables(module);
  return new Map([...variablesOf(module)].map(([path], i) => [path, (theirs[i] as (typeof theirs)[0])[0]]));
}

/** The values of all variables under PyTorch's names: what its `load_state_dict` takes, shared variables under each of their names. */
export const torchStateDict = (module: Module): Promise<Map<string, StoredTensor>> => readVariables(new Map(torchVariables(module)));

/**
 * Sets all variables from a state dict of PyTorch.
 * @throws KasaneError naming what is missing, unexpected or of another shape or type, as PyTorch calls it; then no variable has changed
 */
export const loadTorchStateDict = (module: Module, stored: ReadonlyMap<string, StoredTensor>): Promise<void> =>
  writeVariables(new Map(torchVariables(module)), stored);

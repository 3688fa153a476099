import type { Tensor } from "../graph/tensor.js";
import type { Variable } from "../graph/variable.js";
import { topologicalOrder, usersOf } from "../graph/walk.js";
import { changesRows, operatorOf } from "../ops/operator.js";
import type { Binding } from "./binding.js";

/**
 * The variables whose next value may be written over the old one: it differs in some rows only, nothing else uses it, and all that reads the old value
 * is computed before, since the rows depend on it.
 */
export function changedInPlace({ updates, results }: Pick<Binding, "updates" | "results">): ReadonlySet<Variable> {
  const users = usersOf(topologicalOrder(results));
  const given = new Set(results);
  const fits = ({ variable, next }: Binding["updates"][number]): boolean => {
    const { source } = next;
    if (source.kind !== "node" || !changesRows(source) || source.inputs.lastIndexOf(variable) !== 0) return false;
    if (users.has(next) || results.indexOf(next) !== results.lastIndexOf(next)) return false;
    const before = new Set(topologicalOrder(source.inputs));
    // A view of the value is read where it is used.
    const isReadBefore = (x: Tensor): boolean =>
      !given.has(x) &&
      (users.get(x) ?? []).every(
        (user) => user === source || (before.has(user) && (operatorOf(user).kind.is !== "movement" || user.outputs.every(isReadBefore))),
      );
    return isReadBefore(variable);
  };
  return new Set(updates.filter(fits).map(({ variable }) => variable));
}

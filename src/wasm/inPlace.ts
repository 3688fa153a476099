import { type Access, sameElements } from "./buffers.js";
import { heldIn } from "./lazy.js";
import { readsOf, type Statement, writesOf } from "./statements/statement.js";

/**
 * Whether `next` can be written over `value`, whose next value it is. One statement must write it, and read no element of the old value after it
 * was overwritten. No later statement may read the old value or end the run with an error.
 */
export function canReplace(statements: readonly Statement[], value: Access, next: Access): boolean {
  const place = statements.findIndex((statement) => writesOf(statement).includes(next.buffer));
  if (place < 0) return true;
  const [writer, ...later] = statements.slice(place) as [Statement, ...Statement[]];
  const isSpoilt = (statement: Statement) =>
    statement.canFail || readsOf(statement).includes(value.buffer) || writesOf(statement).includes(next.buffer);
  return !writer.canFail && readsEachOnce(writer, value, next) && !later.some(isSpoilt);
}

/** Whether a statement reads each element of `value` only where it writes the same element of `next`. */
function readsEachOnce(statement: Statement, value: Access, next: Access): boolean {
  const { assignments = [] } = statement;
  const last = assignments.findIndex(({ to }) => to.buffer === next.buffer);
  const inPlace = assignments.slice(0, last + 1).flatMap(({ lazy }) =>
    heldIn(lazy).filter(({ access }) => {
      const { to } = assignments[last] as { to: Access };
      return sameElements(access, { ...to, buffer: value.buffer }, lazy.shape);
    }),
  );
  return readsOf(statement).filter((buffer) => buffer === value.buffer).length === inPlace.length;
}

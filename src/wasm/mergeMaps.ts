import { MapStatement } from "./statements/map.js";
import { readsOf, type Statement, writesOf } from "./statements/statement.js";

/** Merges elementwise loops where the later uses what the earlier reads or computes, which is then in registers. */
export function mergeMaps(statements: readonly Statement[]): Statement[] {
  const merged: Statement[] = [];
  for (const statement of statements) {
    const place = statement instanceof MapStatement ? partnerOf(statement, merged) : -1;
    if (place < 0) merged.push(statement);
    else merged[place] = (merged[place] as MapStatement).with(statement as MapStatement);
  }
  return merged;
}

/** The index of the statement that `map` can be merged into: no later statement may have to run before `map`. -1 where there is none. */
function partnerOf(map: MapStatement, before: readonly Statement[]): number {
  for (let place = before.length - 1; place >= 0; place--) {
    const other = before[place] as Statement;
    if (other instanceof MapStatement && other.fits(map)) return place;
    const [reads, writes] = [readsOf(other), writesOf(other)];
    const isBound =
      map.reads.some((buffer) => writes.includes(buffer)) || map.writes.some((each) => reads.includes(each) || writes.includes(each));
    if (isBound) break;
  }
  return -1;
}

import { KasaneError } from "../../graph/error.js";
import { outOfRange } from "../../graph/outOfRange.js";

/** The error of a run as the user reads it. An index out of range is reported in the words of the other executor, a division by 0 in plain ones. */
export function failureOf(error: unknown): KasaneError {
  const message = error instanceof Error ? error.message : String(error);
  return new KasaneError(indexFailure(message) ?? divisionFailure(message) ?? `ONNX Runtime: ${message}`, { cause: error });
}

function indexFailure(message: string): string | undefined {
  const node = nodeIn(message);
  if (!node) return undefined;
  const { type, within } = node;
  const bounded = /idx=(-?\d+) must be within the inclusive range \[-?\d+,(-?\d+)\]/.exec(message);
  if (bounded) return outOfRange(type, Number(bounded[1]), Number(bounded[2]) + 1) + within;
  const bare = /invalid indice found, indice = (-?\d+)/.exec(message);
  if (bare) return outOfRange(type, Number(bare[1])) + within;
  return message.includes("Out of range value in index tensor") ? `${type}: an index is out of range${within}` : undefined;
}

/** Of divisors that are known it is said when a session is opened, without a node. */
const divisionFailure = (message: string): string | undefined =>
  /Integer (division|modulo) by zero/.test(message) ? `an integer is divided by 0${nodeIn(message)?.within ?? ""}` : undefined;

/** The type of the node that an error names, and its module path as an error says it. */
function nodeIn(message: string): { type: string; within: string } | undefined {
  const [, type, name = ""] = /running (\w+) node\. Name:'([^']*)'/.exec(message) ?? [];
  const path = name.slice(0, name.lastIndexOf("/"));
  return type === undefined ? undefined : { type, within: path && ` (in ${path})` };
}

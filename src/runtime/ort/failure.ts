import { KasaneError } from "../../graph/error.js";
import { outOfRange } from "../../graph/outOfRange.js";

/** The error of a run as the user reads it. An index out of range is reported in the words of the other executor. */
export function failureOf(error: unknown): KasaneError {
  const message = error instanceof Error ? error.message : String(error);
  return new KasaneError(indexFailure(message) ?? `ONNX Runtime: ${message}`, { cause: error });
}

function indexFailure(message: string): string | undefined {
  const node = /running (\w+) node\. Name:'([^']*)'/.exec(message);
  if (!node) return undefined;
  const [, type = "", name = ""] = node;
  const path = name.slice(0, name.lastIndexOf("/"));
  const within = path && ` (in ${path})`;
  const bounded = /idx=(-?\d+) must be within the inclusive range \[-?\d+,(-?\d+)\]/.exec(message);
  if (bounded) return outOfRange(type, Number(bounded[1]), Number(bounded[2]) + 1) + within;
  const bare = /invalid indice found, indice = (-?\d+)/.exec(message);
  if (bare) return outOfRange(type, Number(bare[1])) + within;
  return message.includes("Out of range value in index tensor") ? `${type}: an index is out of range${within}` : undefined;
}

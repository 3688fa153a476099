import { closestName } from "../graph/closestName.js";
import { check, excerpt } from "../graph/error.js";
import type { Module } from "./module.js";

/** Names of variables, in which `*` stands for any characters, or regular expressions. */
export type NamePatterns = string | RegExp | readonly (string | RegExp)[];

/**
 * Keeps optimizers from changing variables: sets `trainable` of those whose name fits a pattern to false. To be called before their optimizer is
 * made. The running statistics of batch normalisation are no optimizer's: in training they go on following the batches.
 * @returns the names of the variables that are frozen now
 * @throws KasaneError where a pattern fits no variable; then none is frozen
 */
export function freeze(module: Module, patterns: NamePatterns): string[] {
  const variables = module.namedVariables();
  const frozen = namesThatFit("freeze", patterns, [...variables.keys()]);
  for (const [name, variable] of variables) if (frozen.has(name)) variable.trainable = false;
  return [...frozen];
}

/** Those of `names` that fit a pattern; a pattern that fits none is an error of `owner`. */
export function namesThatFit(owner: string, patterns: NamePatterns, names: readonly string[]): Set<string> {
  const found = [patterns].flat().map((pattern: string | RegExp) => {
    const fitting = names.filter((name) => fits(pattern, name));
    check(fitting.length > 0, () => {
      const near = typeof pattern === "string" ? closestName(pattern, names) : undefined;
      return `${owner}: no variable fits ${excerpt(String(pattern), 60)}: ${near ? `did you mean ${near}?` : `expected one of ${excerpt(names.join(", "), 300)}`}`;
    });
    return fitting;
  });
  return new Set(found.flat());
}

/** Whether a whole name fits a pattern. */
function fits(pattern: string | RegExp, name: string): boolean {
  if (typeof pattern !== "string") return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(name);
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(name);
}

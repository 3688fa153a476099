import { closestName } from "../graph/closestName.js";
import { check, excerpt } from "../graph/error.js";
import type { Module } from "./module.js";

/**
 * Keeps variables as they are: sets `trainable` of those whose name fits a pattern to false. To be called before their optimizer is made.
 * @param patterns names, in which `*` stands for any characters, or regular expressions
 * @returns the names of the variables that are frozen now
 * @throws KasaneError where a pattern fits no variable; then none is frozen
 */
export function freeze(module: Module, patterns: string | RegExp | readonly (string | RegExp)[]): string[] {
  const variables = module.namedVariables();
  const names = [...variables.keys()];
  const found = [patterns].flat().map((pattern: string | RegExp) => {
    const fitting = names.filter((name) => fits(pattern, name));
    check(fitting.length > 0, () => {
      const near = typeof pattern === "string" ? closestName(pattern, names) : undefined;
      return `freeze: no variable fits ${excerpt(String(pattern), 60)}: ${near ? `did you mean ${near}?` : `expected one of ${excerpt(names.join(", "), 300)}`}`;
    });
    return fitting;
  });
  const frozen = new Set(found.flat());
  for (const [name, variable] of variables) if (frozen.has(name)) variable.trainable = false;
  return [...frozen];
}

/** Whether a whole name fits a pattern. */
function fits(pattern: string | RegExp, name: string): boolean {
  if (typeof pattern !== "string") return new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, "")).test(name);
  const parts = pattern.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "s").test(name);
}

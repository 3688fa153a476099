import { beforeAll, describe, expect, it } from "vitest";
import { cases } from "../ops/cases.js";
import { evaluate, type Outcome } from "../ops/evaluate.js";
import { disagreement } from "../ops/pytorch.js";

describe("as a module, values and gradients agree with PyTorch", () => {
  let outcomes: Map<string, Outcome>;
  beforeAll(async () => {
    outcomes = new Map();
    for (const each of cases) for (const [name, outcome] of await evaluate([each], { executor: "wasm" })) outcomes.set(name, outcome);
  });

  it.each(cases.map(({ name }) => name))("%s", (name) => {
    expect(disagreement(name, outcomes.get(name))).toBeUndefined();
  });
});

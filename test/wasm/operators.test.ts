import { beforeAll, describe, expect, it } from "vitest";
import { cases } from "../ops/cases.js";
import { evaluate, type Outcome } from "../ops/evaluate.js";
import { disagreement } from "../ops/pytorch.js";

/** What a module has no code for: ONNX Runtime takes graphs with these. */
const missing = /^(cumulativeSum|topK|sort|lovaszSoftmax): |^(mod|floorDiv|matmul): of whole numbers$/;

describe("as a module, values and gradients agree with PyTorch", () => {
  let outcomes: Map<string, Outcome>;
  beforeAll(async () => {
    outcomes = new Map();
    for (const each of cases) for (const [name, outcome] of await evaluate([each], { executor: "wasm" })) outcomes.set(name, outcome);
  }, 60_000);

  it.each(cases.map(({ name }) => name).filter((name) => !missing.test(name)))("%s", (name) => {
    expect(disagreement(name, outcomes.get(name))).toBeUndefined();
  });

  it.each(cases.map(({ name }) => name).filter((name) => missing.test(name)))("%s: is refused by the operator's name", (name) => {
    expect((outcomes.get(name) as { error?: string }).error).toMatch(/^executor "wasm": it has no code for /);
  });
});

import { beforeAll, describe, expect, it } from "vitest";
import { cases } from "./cases.js";
import { evaluate, type Outcome } from "./evaluate.js";
import { disagreement } from "./pytorch.js";

describe("on the CPU, values and gradients agree with PyTorch", () => {
  let outcomes: Map<string, Outcome>;
  beforeAll(async () => {
    outcomes = await evaluate(cases, { device: "cpu" });
  }, 60_000);

  it.each(cases.map(({ name }) => name))("%s", (name) => {
    expect(disagreement(name, outcomes.get(name))).toBeUndefined();
  });
});

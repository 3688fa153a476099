import { beforeAll, describe, expect, it } from "vitest";
import { dtypes, elementAt, isFloat } from "../../src/graph/dtype.js";
import { table } from "./cases.js";
import { difference, disagreement } from "./differential/agreement.js";
import { differences } from "./differential/differences.js";
import { type Computed, evaluate, type Mode, type Outcome } from "./differential/evaluate.js";
import { type Case, readCases } from "./differential/fixture.js";

const cases = readCases();
const operators = [...new Set(cases.map(({ operator }) => operator))];

/** So many cases are one graph. */
const batch = 120;

/** What the wasm executor computes with: a case of other types is tried by itself, as it refuses a graph as a whole. */
const isNarrow = ({ inputs, outputs }: Case) => [...inputs, ...outputs].every(({ dtype }) => ["float32", "int32", "bool"].includes(dtype));

async function outcomesOf(mode: Mode): Promise<Map<string, Outcome>> {
  const isWasm = mode !== "eager" && mode.executor === "wasm";
  // An error ends a whole graph: where one is expected the case is one by itself.
  const isAlone = (each: Case) => each.isError || (isWasm && !isNarrow(each));
  const together = cases.filter((each) => !isAlone(each));
  const outcomes = new Map<string, Outcome>();
  const add = async (some: readonly Case[]) => {
    for (const [name, outcome] of await evaluate(some, mode)) outcomes.set(name, outcome);
  };
  for (let i = 0; i < together.length; i += batch) await add(together.slice(i, i + batch));
  for (const each of cases.filter(isAlone)) await add([each]);
  return outcomes;
}

/** What the wasm executor says it has no code for; undefined where it computes the case. */
const missing = (outcome: Outcome): string | undefined =>
  "error" in outcome ? /^executor "wasm": it has no code for ([^:]*)/.exec(outcome.error.message)?.[1] : undefined;

const outcomes: Record<"eager" | "onnxruntime" | "wasm", Map<string, Outcome>> = {
  eager: new Map(),
  onnxruntime: new Map(),
  wasm: new Map(),
};
const outcomeOf = (executor: keyof typeof outcomes, { name }: Case) => outcomes[executor].get(name) as Outcome;

beforeAll(async () => {
  outcomes.eager = await outcomesOf("eager");
  outcomes.onnxruntime = await outcomesOf({ executor: "onnxruntime" });
  outcomes.wasm = await outcomesOf({ executor: "wasm" });
}, 300_000);

describe.each(["eager", "onnxruntime", "wasm"] as const)("%s: values and gradients are PyTorch's", (executor) => {
  it.each(operators)("%s", (operator) => {
    const wrong = cases.flatMap((each) => {
      if (each.operator !== operator) return [];
      const outcome = outcomeOf(executor, each);
      const what = executor === "wasm" && missing(outcome) ? undefined : disagreement(each, outcome);
      return what ? [`${each.name}: ${what}`] : [];
    });
    expect(wrong).toEqual([]);
  });
});

it.each(operators)("both executors agree: %s", (operator) => {
  const wrong = cases.flatMap((each) => {
    const [mine, others] = [outcomeOf("wasm", each), outcomeOf("onnxruntime", each)];
    if (each.operator !== operator || missing(mine)) return [];
    const isError = "error" in mine;
    if (isError !== "error" in others) return [`${each.name}: one gives an error`];
    const what = isError ? undefined : difference(each, mine, others as Computed);
    return what ? [`${each.name}: ${what}`] : [];
  });
  expect(wrong).toEqual([]);
});

it("what the wasm executor has no code for", () => {
  const counts: Record<string, number> = {};
  for (const each of cases) {
    const what = missing(outcomeOf("wasm", each));
    if (what) counts[what] = (counts[what] ?? 0) + 1;
  }
  // It computes in float32, int32 and booleans; most of what it lacks is other types.
  expect(counts).toEqual({
    CumSum: 37,
    "MatMul of int32": 11,
    TopK: 29,
    "a division by integers that may be 0": 7,
    "float16 values": 1079,
    "float64 values": 1126,
    "int64 values": 465,
    "int8 values": 384,
    "remainder of integers": 7,
    "uint8 values": 408,
  });
});

describe("the cases", () => {
  it("cover every function that PyTorch has too", () => {
    // Constants, and losses that the cases of test/ops/cases hold to PyTorch: made of what is drawn here.
    const elsewhere = [
      ...["tensor", "zeros", "ones", "zerosLike", "onesLike"],
      ...["batchNorm", "instanceNorm", "groupNorm", "localResponseNorm"],
      ...[
        "upsample",
        "gridSample",
        "affineGrid",
        "pixelShuffle",
        "pixelUnshuffle",
        "focalLoss",
        "tripletLoss",
        "diceLoss",
        "lovaszSoftmax",
      ],
    ];
    expect(Object.keys(table).filter((name) => !operators.includes(name))).toEqual(elsewhere);
  });

  it("meet every deliberate difference that is stated, and no other", () => {
    expect([...new Set(cases.flatMap(({ difference }) => difference ?? []))].sort()).toEqual(Object.keys(differences).sort());
  });

  it("have all dtypes, sizes of 0 and 1, and numbers that are not finite", () => {
    expect(cases.length).toBeGreaterThan(6000);
    const count = (has: (each: Case) => boolean) => cases.filter(has).length;
    for (const dtype of dtypes) expect(count(({ inputs }) => inputs.some((x) => x.dtype === dtype))).toBeGreaterThan(200);
    for (const rank of [0, 1, 2, 3, 4, 5])
      expect(count(({ inputs }) => inputs.some(({ shape }) => shape.length === rank))).toBeGreaterThan(200);
    for (const size of [0, 1]) expect(count(({ inputs }) => inputs.some(({ shape }) => shape.includes(size)))).toBeGreaterThan(500);
    const isInfinite = (value: number | bigint | boolean) => typeof value === "number" && !Number.isFinite(value);
    const elements = ({ inputs }: Case) =>
      inputs.flatMap(({ data, dtype }) => (isFloat(dtype) ? Array.from({ length: data.length }, (_, i) => elementAt(data, i, dtype)) : []));
    expect(count((each) => elements(each).some(isInfinite))).toBeGreaterThan(500);
  });
});

import { describe, expect, it } from "vitest";
import { barsOf } from "../../bench/report/bars.js";
import { drawRatios } from "../../bench/report/chart.js";
import { drawPage, insertFigures } from "../../bench/report/page.js";
import { caseTable } from "../../bench/report/terminal.js";
import { showTime } from "../../bench/report/text.js";
import { type CaseResult, median, type Results } from "../../bench/run/results.js";

// Made up, to see what becomes of it.
const mlp: CaseResult = {
  name: "mlp",
  title: "MLP",
  threads: 2,
  limit: 2e6,
  limitedBy: "products",
  reference: "PyTorch",
  difference: { loss: 0, element: 1e-6, change: 1e-5 },
  peers: [
    { peer: "kasane", label: "Kasane", kind: "kasane", rounds: [4e6, 5e6, 3e6] },
    { peer: "torch", label: "PyTorch", kind: "python", rounds: [8e6, 6e6, 7e6] },
    { peer: "tfjs-wasm", label: "TensorFlow.js, wasm", kind: "javascript", rounds: [80e6] },
    { peer: "jax-js", label: "jax-js, wasm", kind: "javascript", atLeast: 20e9 },
    { peer: "loops", label: "loops in TypeScript", kind: "javascript", cannot: "only the smallest" },
  ],
};
const results: Results = {
  date: "2026-01-31T00:00:00.000Z",
  command: "npm run bench",
  machine: { cpu: "a CPU", cores: 2, memory: 8, system: "Linux" },
  versions: { Kasane: "0" },
  missing: { jax: "not installed: no such version" },
  limits: [{ threads: 2, flops: 1e11, by: "PyTorch", bandwidth: 1e10 }],
  cases: [mlp],
  starts: [{ peer: "kasane", label: "Kasane", threads: 2, load: [400], firstStep: [300, 700, 600], memory: [2 ** 28] }],
};

describe("the bench's report", () => {
  it("takes medians", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
  });

  it.each([
    [950, "950 ns"],
    [16_400, "16.4 µs"],
    [4_560_000, "4.56 ms"],
    [48e9, "48 s"],
  ])("shows %d as %s", (nanoseconds, text) => expect(showTime(nanoseconds)).toBe(text));

  it("gives ratios to Kasane in the table of a case", () => {
    const lines = caseTable(mlp).split("\n");
    expect(lines.find((line) => line.startsWith("PyTorch"))).toMatch(/7 ms +6 ms +8 ms +1\.75/);
    expect(lines.find((line) => line.startsWith("jax-js"))).toMatch(/> 20 s +> 5000/);
    expect(lines.find((line) => line.startsWith("limit"))).toMatch(/2 ms +0\.5/);
  });

  it("holds what was measured against the goals", () => {
    const bars = barsOf(results.cases, results.starts);
    const met = bars.map(({ against, measured, met }) => [against, measured, met]);
    expect(met).toEqual([
      ["PyTorch, eager", "1.75x", true],
      ["JAX, jit", "", undefined],
      ["best in JavaScript: TensorFlow.js, wasm", "20x", true],
      ["", "600 ms", false],
    ]);
  });

  it("writes a page between its marks, as often as one likes", () => {
    const page = "before\n<!-- figures of npm run bench -->\nold\n<!-- end of the figures -->\nafter\n";
    const figures = drawPage(results, () => "chart.svg");
    const once = insertFigures(page, figures);
    expect(once).toContain("| mlp | **4 ms** (3 ms to 5 ms) | 2 ms | 7 ms (1.75x) | - | 80 ms (20x) | over 20 s (over 5000x) |");
    expect(once).toContain("- jax: not installed: no such version");
    expect(once).not.toContain("old");
    expect(insertFigures(once, figures)).toBe(once);
    expect(() => insertFigures("no marks", figures)).toThrow("the page has no");
  });

  it("draws every ratio", () => {
    const svg = drawRatios(results.cases, 2);
    expect(svg).toContain("<title>PyTorch</title>");
    expect(svg).toContain("<title>jax-js, wasm, at least</title>");
    expect(svg).not.toContain("NaN");
  });
});

import { describe, expect, it } from "vitest";
import { binaryAddition, sine } from "../../bench/cases/recurrence.js";
import { Bench } from "../../bench/run/measure.js";
import { peers } from "../../bench/run/peers.js";
import { timeOf } from "../../bench/run/results.js";

/** The peers that need nothing installed. */
const own = peers.filter(({ name }) => ["kasane", "kasane-single", "loops"].includes(name));
const limits = { threads: 1, flops: 1e9, by: "none", bandwidth: 1e9 };

describe("the bench", () => {
  it.each([binaryAddition, sine])("finds that Kasane and the loops do the same arithmetic in $name, and times both", async (each) => {
    const versions = {};
    const bench = new Bench(own, 1, { rounds: 2, round: 1, warmUp: 1, budget: 1000 }, versions);
    try {
      const result = await bench.measure(each, limits);
      expect(result.peers.filter(({ cannot }) => cannot)).toEqual([]);
      expect(result.peers.map(({ peer }) => peer).sort()).toEqual(["kasane", "kasane-single", "loops"]);
      for (const peer of result.peers) expect(timeOf(peer)).toBeGreaterThan(0);
      expect(versions).toHaveProperty("Kasane");
    } finally {
      bench.stop();
    }
  });
});

import { describe, expect, it } from "vitest";
import { Network } from "../../../src/passes/blocked/minimumCut.js";

/** Edges between so many vertices, the source and the sink among them, from a number. */
function edgesOf(seed: number, vertices: number): readonly (readonly [number, number, number])[] {
  let state = seed + 1;
  const below = (count: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * count);
  };
  return Array.from({ length: 3 * vertices }, () => [below(vertices), below(vertices), 1 + below(20)] as const).filter(([a, b]) => a !== b);
}

const costOf = (edges: readonly (readonly [number, number, number])[], withSource: (vertex: number) => boolean): number =>
  edges.reduce((sum, [from, to, capacity]) => sum + (withSource(from) && !withSource(to) ? capacity : 0), 0);

describe("Network", () => {
  it("cuts at the least cost of all divisions", () => {
    for (let seed = 0; seed < 50; seed++) {
      const count = 8;
      const edges = edgesOf(seed, count);
      const network = new Network();
      for (let i = 2; i < count; i++) network.vertex();
      for (const [from, to, capacity] of edges) network.edge(from, to, capacity);
      const cut = network.minimumCut();
      expect([cut[Network.source], cut[Network.sink]]).toEqual([true, false]);
      const all = Array.from({ length: 2 ** (count - 2) }, (_, mask) =>
        costOf(edges, (vertex) => vertex === Network.source || (vertex > 1 && ((mask >> (vertex - 2)) & 1) === 1)),
      );
      expect(costOf(edges, (vertex) => cut[vertex] as boolean)).toBe(Math.min(...all));
    }
  });

  it("never cuts an edge of infinite capacity", () => {
    const network = new Network();
    const [a, b] = [network.vertex(), network.vertex()];
    network.edge(Network.source, a, 5);
    network.edge(a, b, Number.POSITIVE_INFINITY);
    network.edge(b, Network.sink, 3);
    expect(network.minimumCut()).toEqual([true, false, true, true]);
  });
});

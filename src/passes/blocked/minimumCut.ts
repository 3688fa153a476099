/** A part of a network that flow goes through: to which vertex, how much more can, and the edge back. */
interface Edge {
  readonly to: number;
  capacity: number;
  readonly back: number;
}

/**
 * A network from a source to a sink. A cut divides its vertices into those with the source and those with the sink, and costs the capacities of the
 * edges from the first to the second.
 */
export class Network {
  static readonly source = 0;
  static readonly sink = 1;
  private readonly edges: Edge[][] = [[], []];

  /** A new vertex. */
  vertex(): number {
    return this.edges.push([]) - 1;
  }

  /** Lets it cost so much to have `from` with the source and `to` with the sink. */
  edge(from: number, to: number, capacity: number): void {
    const [out, back] = [this.edges[from] as Edge[], this.edges[to] as Edge[]];
    out.push({ to, capacity, back: back.length });
    back.push({ to: from, capacity: 0, back: out.length - 1 });
  }

  /** Whether each vertex is with the source in a cut of least cost, which is one that the greatest flow fills (Dinic 1970). */
  minimumCut(): readonly boolean[] {
    for (;;) {
      const levels = this.levels();
      if (levels[Network.sink] === undefined) return this.edges.map((_, vertex) => levels[vertex] !== undefined);
      const next = this.edges.map(() => 0);
      while (this.push(levels, next) > 0);
    }
  }

  /** How many edges with capacity left lead from the source to each vertex; undefined where none do. */
  private levels(): readonly (number | undefined)[] {
    const levels: (number | undefined)[] = this.edges.map(() => undefined);
    levels[Network.source] = 0;
    const reached = [Network.source];
    for (const vertex of reached) {
      for (const { to, capacity } of this.edges[vertex] as Edge[]) {
        if (capacity <= 0 || levels[to] !== undefined) continue;
        levels[to] = (levels[vertex] as number) + 1;
        reached.push(to);
      }
    }
    return levels;
  }

  /** Sends flow along one path that goes up the levels; returns how much. */
  private push(levels: readonly (number | undefined)[], next: number[]): number {
    const path: Edge[] = [];
    for (let vertex = Network.source; vertex !== Network.sink; ) {
      const edges = this.edges[vertex] as Edge[];
      const place = next[vertex] as number;
      const edge = edges[place];
      if (!edge) {
        // A dead end: the edge to here leads nowhere any more.
        const last = path.pop();
        if (!last) return 0;
        vertex = (this.edges[last.to] as Edge[])[last.back]?.to as number;
        next[vertex] = (next[vertex] as number) + 1;
      } else if (edge.capacity > 0 && levels[edge.to] === (levels[vertex] as number) + 1) {
        path.push(edge);
        vertex = edge.to;
      } else next[vertex] = place + 1;
    }
    const amount = Math.min(...path.map(({ capacity }) => capacity));
    for (const edge of path) {
      edge.capacity -= amount;
      const back = (this.edges[edge.to] as Edge[])[edge.back] as Edge;
      back.capacity += amount;
    }
    return amount;
  }
}

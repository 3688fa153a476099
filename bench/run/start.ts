import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Case, writeCase } from "../cases/case.js";
import { type PeerDescription, patience, takesPart } from "./peers.js";
import { PeerProcess } from "./process.js";
import type { StartResult } from "./results.js";

/** The number of steps after the first, enough for memory to reach its peak, and the most milliseconds that they may take. */
const further = 20;
const longest = 2000;

/** Starts every peer anew in each round, and measures the time to the first step of the case and the memory of some steps. */
export async function measureStarts(
  each: Case,
  peers: readonly PeerDescription[],
  threads: number,
  rounds: number,
): Promise<StartResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "kasane-bench-"));
  writeCase(each, folder);
  const results = new Map<PeerDescription, { load: number[]; firstStep: number[]; memory: number[] }>();
  /** Once is enough for them. */
  const slow = new Set<PeerDescription>();
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      if (!takesPart(peer, each) || slow.has(peer)) continue;
      const start = performance.now();
      let process: PeerProcess | undefined;
      try {
        process = await PeerProcess.start(peer, threads);
        const load = performance.now() - start;
        const { milliseconds } = await process.request(
          { do: "prepare", folder, result: join(folder, "result.bin") },
          peer.patience ?? patience,
        );
        if (milliseconds === undefined) continue;
        await process.run(Math.max(1, Math.min(further, Math.floor(longest / milliseconds))));
        const { bytes } = await process.request({ do: "memory" }, 10);
        const result = results.get(peer) ?? { load: [], firstStep: [], memory: [] };
        results.set(peer, result);
        if (load + milliseconds > 3 * longest) slow.add(peer);
        result.load.push(load);
        result.firstStep.push(milliseconds);
        result.memory.push(bytes as number);
      } catch {
        slow.add(peer);
        // The case's own table says what a peer cannot do or is too slow for.
      } finally {
        process?.stop();
      }
    }
  }
  rmSync(folder, { recursive: true });
  return [...results].map(([{ name, label }, figures]) => ({ peer: name, label, threads, ...figures }));
}

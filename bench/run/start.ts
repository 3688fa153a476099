import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Case, writeCase } from "../cases/case.js";
import type { PeerDescription } from "./peers.js";
import { PeerProcess } from "./process.js";
import type { StartResult } from "./results.js";

/** Steps after the first, by which memory has reached what it needs. */
const further = 20;

/** Starts every peer anew in each round: how long it takes to the first step of the case, and how much memory so many steps take. */
export async function measureStarts(
  each: Case,
  peers: readonly PeerDescription[],
  threads: number,
  rounds: number,
): Promise<StartResult[]> {
  const folder = mkdtempSync(join(tmpdir(), "kasane-bench-"));
  writeCase(each, folder);
  const results = new Map<PeerDescription, { load: number[]; firstStep: number[]; memory: number[] }>();
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      if (peer.only && !peer.only(each)) continue;
      const start = performance.now();
      let process: PeerProcess | undefined;
      try {
        process = await PeerProcess.start(peer, threads);
        const load = performance.now() - start;
        const { milliseconds } = await process.request({ do: "prepare", folder, result: join(folder, "result.bin") }, peer.patience);
        if (milliseconds === undefined) continue;
        await process.run(further);
        const { bytes } = await process.request({ do: "memory" }, 10);
        const result = results.get(peer) ?? { load: [], firstStep: [], memory: [] };
        results.set(peer, result);
        result.load.push(load);
        result.firstStep.push(milliseconds);
        result.memory.push(bytes as number);
      } catch {
        // What a peer cannot do, or is too slow for, the case's own table says.
      } finally {
        process?.stop();
      }
    }
  }
  rmSync(folder, { recursive: true });
  return [...results].map(([{ name, label }, figures]) => ({ peer: name, label, threads, ...figures }));
}

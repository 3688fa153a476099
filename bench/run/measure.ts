import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Case, writeCase } from "../cases/case.js";
import { product } from "../cases/product.js";
import { agrees, allowed, type Difference, differenceOf, type Outcome, readOutcome, usual } from "./compare.js";
import { copyBandwidth } from "./limits.js";
import { type PeerDescription, patience, takesPart } from "./peers.js";
import { PeerProcess, TooSlow } from "./process.js";
import { type CaseResult, type Limits, type PeerResult, timeOf } from "./results.js";

/** How long is measured. */
export interface Effort {
  readonly rounds: number;
  /** About how long a round of a peer is, and how long it warms up, in milliseconds. */
  readonly round: number;
  readonly warmUp: number;
  /** Milliseconds of all rounds of a peer. A slow one makes fewer rounds. */
  readonly budget: number;
}

/** Milliseconds before the next peer begins: the threads of the one before spin for a while. */
const settling = 15;

/** Seconds for what is not timed. */
const untimed = 120;

interface Contestant {
  readonly peer: PeerDescription;
  readonly process: PeerProcess;
  readonly outcome: Outcome;
  /** Milliseconds that preparing and the first round of batches took. */
  readonly first: number;
}

/** The peers of one number of threads, each a process that stays from case to case. */
export class Bench {
  private readonly running = new Map<string, PeerProcess>();
  private readonly folder = mkdtempSync(join(tmpdir(), "kasane-bench-"));

  constructor(
    private readonly peers: readonly PeerDescription[],
    private readonly threads: number,
    private readonly effort: Effort,
    private readonly versions: Record<string, string>,
  ) {}

  /** Measures what the machine can do: by the peers that have a product of matrices, the fastest of which counts. */
  async limits(): Promise<Limits> {
    const { rounds } = this.effort;
    const { peers } = await this.time(product, []);
    const best = peers
      .filter((peer) => peer.rounds)
      .map(({ label, rounds = [] }) => ({ by: label, flops: (2 * product.multiplyAdds) / (Math.min(...rounds) / 1e9) }))
      .sort((a, b) => b.flops - a.flops)[0] ?? { by: "none", flops: Number.NaN };
    return { threads: this.threads, ...best, bandwidth: await copyBandwidth(this.threads, rounds) };
  }

  /**
   * Checks that all peers do the same arithmetic, and times those that do, in alternating rounds.
   * @param known results of peers that take no part in this: how they did with another number of threads
   */
  async measure(each: Case, { flops, bandwidth }: Limits, known: readonly PeerResult[] = []): Promise<CaseResult> {
    const timed = await this.time(each, known);
    const [products, memory] = [(2 * each.multiplyAdds) / flops, each.bytes / bandwidth];
    const limit = 1e9 * Math.max(products, memory);
    const impossible = (peer: PeerResult) => products >= memory && (timeOf(peer) ?? limit) < limit / 2;
    return {
      name: each.name,
      title: each.title,
      threads: this.threads,
      limit,
      limitedBy: products >= memory ? "products" : "memory",
      ...timed,
      peers: timed.peers.map((peer) => (impossible(peer) ? { ...peer, remark: "far faster than the limit: not to be believed" } : peer)),
    };
  }

  /** Where Kasane's time in the case that was measured last goes. */
  async profile(): Promise<string> {
    const answer = await this.running.get("kasane")?.request({ do: "profile" }, 60);
    return answer?.text ?? "Kasane took no part";
  }

  stop(): void {
    for (const process of this.running.values()) process.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async time(each: Case, others: readonly PeerResult[]): Promise<Pick<CaseResult, "peers" | "reference" | "difference">> {
    const folder = join(this.folder, each.name);
    writeCase(each, folder);
    const failures: PeerResult[] = [];
    const contestants: Contestant[] = [];
    for (const peer of this.peers) {
      if (!takesPart(peer, each)) continue;
      const contestant = await this.prepare(peer, each, folder);
      if ("process" in contestant) contestants.push(contestant);
      else failures.push(contestant);
    }
    const { reference, difference, agreeing } = await this.check(each, contestants, folder, failures);
    rmSync(folder, { recursive: true });
    const rounds = await this.rounds(agreeing, each);
    const results = agreeing.map(
      ({ peer, first }): PeerResult => ({
        peer: peer.name,
        label: peer.label,
        kind: peer.kind,
        rounds: rounds.get(peer) as number[],
        first,
      }),
    );
    const fastest = (a: PeerResult, b: PeerResult) => (timeOf(a) ?? Number.POSITIVE_INFINITY) - (timeOf(b) ?? Number.POSITIVE_INFINITY);
    return { reference, difference, peers: [...results, ...others, ...failures].sort(fastest) };
  }

  /** Starts the peer where it does not run yet, and lets it make the first round of batches. */
  private async prepare(peer: PeerDescription, each: Case, folder: string): Promise<Contestant | PeerResult> {
    const { name, label, kind } = peer;
    try {
      let process = this.running.get(name);
      if (!process?.running) {
        process = await PeerProcess.start(peer, this.threads);
        this.running.set(name, process);
        Object.assign(this.versions, process.versions);
      }
      const result = join(folder, `${name}.bin`);
      const { cannot, milliseconds = 0, loss = 0 } = await process.request({ do: "prepare", folder, result }, peer.patience ?? patience);
      if (cannot) return { peer: name, label, kind, cannot };
      return { peer, process, first: milliseconds, outcome: readOutcome(result, loss) };
    } catch (error) {
      this.running.get(name)?.stop();
      if (error instanceof TooSlow) return { peer: name, label, kind, atLeast: ((peer.patience ?? patience) * 1e9) / each.together };
      return { peer: name, label, kind, cannot: reasonOf(error) };
    }
  }

  /** Compares all with the first. Peers with other results are not timed. */
  private async check(each: Case, contestants: readonly Contestant[], folder: string, failures: PeerResult[]) {
    const [reference, ...others] = contestants;
    if (!reference) throw new Error("no peer could do the case");
    const most = each.model === "network" && others.length > 0 ? await this.allowed(reference, folder) : usual;
    const difference = { loss: 0, element: 0, change: 0 };
    const agreeing = [reference];
    for (const contestant of others) {
      const { name, label, kind } = contestant.peer;
      const found = differenceOf(folder, contestant.outcome, reference.outcome);
      if (agrees(found, most)) {
        agreeing.push(contestant);
        for (const key of Object.keys(found) as (keyof Difference)[]) difference[key] = Math.max(difference[key], found[key]);
      } else
        failures.push({ peer: name, label, kind, cannot: `not the arithmetic of ${reference.peer.label}: ${showDifference(found, most)}` });
    }
    return { reference: reference.peer.label, difference, agreeing };
  }

  /** How far others may be from the reference: in a deep network rounding switches units. */
  private async allowed({ peer, process, outcome }: Contestant, folder: string): Promise<Difference> {
    if (!peer.exact) return usual;
    const result = join(folder, "exact.bin");
    const { loss = 0 } = await process.request({ do: "exact", result }, untimed);
    return allowed(differenceOf(folder, outcome, readOutcome(result, loss)));
  }

  /** Warms all up, then runs them in rounds, of which each begins with the next peer. Nanoseconds a step. */
  private async rounds(contestants: readonly Contestant[], { together }: Case): Promise<Map<PeerDescription, number[]>> {
    const { rounds, round, warmUp, budget } = this.effort;
    const stepsFor = (milliseconds: number, step: number) => Math.max(1, Math.round(milliseconds / step / together)) * together;
    const plans = new Map<PeerDescription, { steps: number; rounds: number }>();
    const times = new Map(contestants.map(({ peer }) => [peer, [] as number[]]));
    // Without rounds only the arithmetic is checked.
    for (const { peer, process, first } of rounds === 0 ? [] : contestants) {
      let step = first / together;
      for (let spent = 0, steps = together; spent < warmUp && (spent === 0 || step * together < warmUp); ) {
        const milliseconds = await process.run(steps);
        step = milliseconds / steps;
        spent += milliseconds;
        steps = Math.min(stepsFor(warmUp / 3, step), 10 * steps);
      }
      const steps = stepsFor(round, step);
      const affordable = Math.min(rounds, Math.floor(budget / (step * steps)));
      plans.set(peer, { steps, rounds: affordable });
      // Of a very slow peer the warm-up, after its first step, is the measurement.
      if (affordable === 0) times.get(peer)?.push(1e6 * step);
    }
    for (let i = 0; i < rounds; i++) {
      const first = i % contestants.length;
      for (const { peer, process } of [...contestants.slice(first), ...contestants.slice(0, first)]) {
        const plan = plans.get(peer) as { steps: number; rounds: number };
        if (i >= plan.rounds) continue;
        await new Promise((resolve) => setTimeout(resolve, settling));
        times.get(peer)?.push((1e6 * (await process.run(plan.steps))) / plan.steps);
      }
    }
    return times;
  }
}

function showDifference(found: Difference, most: Difference): string {
  const show = ({ loss, element, change }: Difference) => [loss, element, change].map((value) => value.toExponential(1)).join(", ");
  return `loss, an element and a change off by ${show(found)}, allowed ${show(most)}`;
}

/** The last line of an error, which in Python is the one that says what it is. */
export const reasonOf = (error: unknown): string => {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text
    .trim()
    .split("\n")
    .filter((line) => line.trim() !== "");
  const telling =
    lines.find((line) => /^\w*Error\b/.test(line.trim())) ?? lines.findLast((line) => /Error|error/.test(line)) ?? lines.at(-1) ?? "";
  return telling.trim().slice(0, 200);
};

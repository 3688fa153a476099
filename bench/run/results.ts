/** The times of one peer in one case. */
export interface PeerResult {
  readonly peer: string;
  readonly label: string;
  readonly kind: "kasane" | "javascript" | "python";
  /** Nanoseconds a step: of each round. */
  readonly rounds?: readonly number[];
  /** Milliseconds that making it ready and the first round of its batches took. */
  readonly first?: number;
  /** A lower bound in nanoseconds a step, where it was not waited for. */
  readonly atLeast?: number;
  /** Why there is no time. */
  readonly cannot?: string;
  readonly remark?: string;
}

/** One case with one number of threads. */
export interface CaseResult {
  readonly name: string;
  readonly title: string;
  readonly threads: number;
  /** Nanoseconds that the machine needs at least. */
  readonly limit: number;
  readonly limitedBy: "products" | "memory";
  /** The peer that the others were compared with, and the furthest that one was off, of those that agree. */
  readonly reference: string;
  readonly difference: { readonly loss: number; readonly element: number; readonly change: number };
  readonly peers: readonly PeerResult[];
}

/** Starting anew: a process that begins, makes its first step of the case, then 20 more. */
export interface StartResult {
  readonly peer: string;
  readonly label: string;
  readonly threads: number;
  /** Milliseconds from starting the process until its library is loaded. */
  readonly load: readonly number[];
  /** Milliseconds from the weights and a batch in memory to the first step's loss. */
  readonly firstStep: readonly number[];
  /** The greatest resident set, in bytes. */
  readonly memory: readonly number[];
}

/** What the machine can do with one number of threads. */
export interface Limits {
  readonly threads: number;
  /** Floating-point operations a second in a product of large matrices, and whose product that was. */
  readonly flops: number;
  readonly by: string;
  /** Bytes read and written a second in copying large arrays. */
  readonly bandwidth: number;
}

/** A whole run. */
export interface Results {
  readonly date: string;
  readonly command: string;
  readonly machine: { readonly cpu: string; readonly cores: number; readonly memory: number; readonly system: string };
  versions: Record<string, string>;
  /** Peers that were left out, and why. */
  readonly missing: Record<string, string>;
  readonly limits: Limits[];
  readonly cases: CaseResult[];
  readonly starts: StartResult[];
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** Nanoseconds a step: the median of the rounds, or the time that was waited. */
export const timeOf = ({ rounds, atLeast }: PeerResult): number | undefined => (rounds ? median(rounds) : atLeast);

/** The time of a peer divided by Kasane's. */
export function ratioOf(result: CaseResult, peer: PeerResult): number | undefined {
  const [own, other] = [result.peers.find(({ peer }) => peer === "kasane"), peer].map((each) => each && timeOf(each));
  return own === undefined || other === undefined ? undefined : other / own;
}

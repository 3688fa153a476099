import { type CaseResult, median, type PeerResult, ratioOf, type StartResult, timeOf } from "../run/results.js";
import { showNumber, showTime } from "./text.js";

/** A goal, and where a run stands. */
export interface Bar {
  readonly name: string;
  readonly threads: number;
  readonly against: string;
  readonly goal: string;
  readonly measured: string;
  /** Undefined where there is nothing to compare with. */
  readonly met: boolean | undefined;
}

/** The least ratio of a peer's time to Kasane's that is the goal. */
interface Goals {
  /** Of images PyTorch's better memory format. */
  readonly torch: number;
  readonly jax?: number;
  readonly javascript?: number;
  readonly loops?: number;
}

const tiny: Goals = { torch: 30, jax: 3, javascript: 50, loops: 2 };
const recurrent: Goals = { torch: 2, jax: 1, javascript: 20 };
const goals: Readonly<Record<string, Goals>> = {
  "binary-addition": tiny,
  sine: tiny,
  mlp: { torch: 1.2, jax: 1, javascript: 4 },
  lstm: recurrent,
  "penn-treebank": recurrent,
  gru: recurrent,
  bidirectional: recurrent,
  ragged: recurrent,
  transformer: { torch: 1.5, jax: 1, javascript: 10 },
  embedding: { torch: 1, jax: 1, javascript: 20 },
  cnn: { torch: 1.15, jax: 1.2, javascript: 15 },
  "residual-stack": { torch: 1, jax: 1.2, javascript: 10 },
  resnet18: { torch: 1, jax: 1 },
  mobilenet: { torch: 1, jax: 1.5 },
  densenet: { torch: 1, jax: 1 },
  unet: { torch: 1, jax: 1 },
  wavenet: { torch: 1, jax: 1 },
  "resnet18-inference-1": { torch: 1 },
  "resnet18-inference-16": { torch: 1 },
};
/** Milliseconds to the first step of the LSTM. */
const firstStepGoal = 500;

/** The libraries in JavaScript; loops written by hand are none. */
const isLibrary = ({ kind, peer }: PeerResult): boolean => kind === "javascript" && peer !== "loops";

/** Every goal with what was measured. */
export function barsOf(cases: readonly CaseResult[], starts: readonly StartResult[]): Bar[] {
  const bars: Bar[] = [];
  for (const result of cases) {
    const goal = goals[result.name];
    if (!goal) continue;
    const named = (name: string) => result.peers.find(({ peer }) => peer === name);
    const fastest = (isMeant: (peer: PeerResult) => boolean) =>
      result.peers
        .filter((peer) => isMeant(peer) && timeOf(peer) !== undefined)
        .sort((a, b) => (timeOf(a) as number) - (timeOf(b) as number))[0];
    const best = fastest(isLibrary);
    const add = (least: number | undefined, peer: PeerResult | undefined, against: string) => {
      if (least === undefined) return;
      const ratio = peer && ratioOf(result, peer);
      bars.push({
        name: result.name,
        threads: result.threads,
        against,
        goal: `at least ${least}x`,
        measured: ratio === undefined ? "" : `${peer?.atLeast ? "more than " : ""}${showNumber(ratio)}x`,
        met: ratio === undefined ? undefined : ratio >= least,
      });
    };
    add(goal.torch, fastest(({ peer }) => peer === "torch" || peer === "torch-channels-last") ?? named("torch"), "PyTorch, eager");
    add(goal.jax, named("jax"), "JAX, jit");
    add(goal.javascript, best, best ? `best in JavaScript: ${best.label}` : "best in JavaScript");
    add(goal.loops, named("loops"), "loops in TypeScript");
  }
  for (const { threads, firstStep } of starts.filter(({ peer }) => peer === "kasane")) {
    const time = median(firstStep);
    const [goal, measured] = [showTime(1e6 * firstStepGoal), showTime(1e6 * time)];
    bars.push({ name: "first step, LSTM", threads, against: "", goal: `at most ${goal}`, measured, met: time <= firstStepGoal });
  }
  return bars;
}

/** The goals as rows of a table: case, threads, against, goal, measured, and whether it is met, in the words given. */
export const barRows = (
  cases: readonly CaseResult[],
  starts: readonly StartResult[],
  words: { readonly met: string; readonly missed: string },
): string[][] =>
  barsOf(cases, starts).map(({ name, threads, against, goal, measured, met }) => [
    name,
    `${threads}`,
    against,
    goal,
    measured,
    met === undefined ? "not measured" : met ? words.met : words.missed,
  ]);

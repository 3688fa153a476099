import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check } from "../graph/error.js";
import { textTable } from "../graph/textTable.js";
import { type Call, preparations } from "./compile.js";
import { runtime } from "./runtime.js";

/** A part of a run's time, on average over the runs. */
export interface TimeShare {
  readonly name: string;
  /** Kernels run, those in loops once a step. */
  readonly calls: number;
  readonly microseconds: number;
}

/** One node of the model that ONNX Runtime ran, which may stand for several of the traced graph. */
export interface ProfiledKernel extends TimeShare {
  readonly operator: string;
  /** The modules it was traced in; undefined where ONNX Runtime's name for it does not tell. */
  readonly module: string | undefined;
  /** What it was given the first time: `float[400,200] float[200,800]`. */
  readonly inputs: string;
}

/** Where the time of a compiled function goes. As text, a table. */
export class Profile {
  constructor(
    readonly runs: number,
    /** A run as it is without the profiler: the median. */
    readonly microseconds: number,
    /** A run while it is profiled, on average. */
    readonly profiledMicroseconds: number,
    /** The slowest first. The time of a loop is what is left after its inner nodes' times. */
    readonly kernels: readonly ProfiledKernel[],
  ) {}

  /** The time by ONNX operator, the slowest first. */
  get operators(): readonly TimeShare[] {
    return sumBy(this.kernels, ({ operator }) => operator);
  }

  /** The time by module path, the slowest first; that of its gradient is the module `gradient` within it. */
  get modules(): readonly TimeShare[] {
    return sumBy(this.kernels, ({ module }) => (module === undefined ? "(not attributed)" : module || "(in no module)"));
  }

  /** The part of a profiled run that no kernel takes: the executor's, the call's, and the profiler's own. */
  get outsideKernels(): number {
    return this.profiledMicroseconds - this.kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);
  }

  /** A table by operator, by module, and of the slowest kernels. */
  toString(): string {
    const share = ({ calls, microseconds }: Omit<TimeShare, "name">) => {
      const percent = `${((100 * microseconds) / this.profiledMicroseconds).toFixed(1)} %`;
      return [calls === 0 ? "" : number(calls), percent, number(microseconds)];
    };
    const part = (labels: readonly string[], rows: readonly (readonly string[])[]) =>
      textTable([...labels, "calls", "share", "µs"], rows, labels.length);
    const rowsOf = (shares: readonly TimeShare[]) => shares.map((each) => [each.name, ...share(each)]);
    const outside = { name: "(outside the kernels)", calls: 0, microseconds: this.outsideKernels };
    const slowest = this.kernels.slice(0, 10).map((each) => [each.operator, each.inputs, each.module ?? "", ...share(each)]);
    return [
      `${number(this.microseconds)} µs a run (the median of ${this.runs}), ${number(this.profiledMicroseconds)} µs with the profiler on (their mean)`,
      part(["operator"], rowsOf([...this.operators, outside])),
      part(["module"], rowsOf(this.modules)),
      part(["slowest kernels", "inputs", "module"], slowest),
    ].join("\n\n");
  }
}

const number = (value: number): string => value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 });

function sumBy(kernels: readonly ProfiledKernel[], nameOf: (kernel: ProfiledKernel) => string): TimeShare[] {
  const sums = new Map<string, { calls: number; microseconds: number }>();
  for (const kernel of kernels) {
    const sum = sums.get(nameOf(kernel)) ?? { calls: 0, microseconds: 0 };
    sums.set(nameOf(kernel), { calls: sum.calls + kernel.calls, microseconds: sum.microseconds + kernel.microseconds });
  }
  return [...sums].map(([name, sum]) => ({ name, ...sum })).sort((a, b) => b.microseconds - a.microseconds);
}

/**
 * Where the time of `step(...values)` goes. The step runs several times, alternately with and without ONNX Runtime's profiler. The variables keep their
 * values, and the state of random numbers stays as it is. Node only, on the CPU.
 * A step that runs as a module is profiled as ONNX Runtime would run it. `step.many` is profiled as such: `profile(step.many, ...)`.
 * @throws KasaneError where `step` was not made by `compile`, or runs on another device
 */
export async function profile<Values extends readonly unknown[]>(
  step: (...values: Values) => Promise<unknown>,
  ...values: Values
): Promise<Profile> {
  const prepare = preparations.get(step);
  check(prepare !== undefined, () => "profile: got a function that compile did not make");
  const ready = prepare(values);
  return runtime.enqueue(async () => measure(await ready()));
}

async function measure({ traced: { plan }, feeds }: Call): Promise<Profile> {
  check(plan.profile !== undefined, () => "profile: workers have no profile yet: compile the function without them to profile it");
  const folder = await mkdtemp(join(tmpdir(), "kasane-profile-"));
  try {
    const { plain, profiled, update } = await plan.profile(feeds, join(folder, "run"));
    const [file] = await readdir(folder);
    const events = JSON.parse(await readFile(join(folder, file as string), "utf8")) as readonly ProfilerEvent[];
    const median = [...plain].sort((a, b) => a - b)[plain.length >> 1] as number;
    const kernels = kernelsOf(events, profiled.length);
    if (update)
      kernels.push({ name: "update", operator: "(module)", module: update.path, inputs: "", calls: 1, microseconds: meanOf(update.times) });
    return new Profile(profiled.length, median, meanOf(profiled), bySlowness(kernels));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const meanOf = (times: readonly number[]): number => times.reduce((sum, time) => sum + time, 0) / times.length;

/** What ONNX Runtime's profiler writes; times in microseconds. */
export interface ProfilerEvent {
  readonly cat: string;
  readonly name: string;
  readonly tid: number;
  readonly ts: number;
  readonly dur: number;
  readonly args: { readonly op_name?: string; readonly input_type_shape?: readonly Readonly<Record<string, readonly number[]>>[] };
}

/** The kernels of the last `runs` runs, their own times without those of the kernels within them. */
export function kernelsOf(events: readonly ProfilerEvent[], runs: number): ProfiledKernel[] {
  const start = events.filter(({ name }) => name === "model_run").at(-runs)?.ts ?? 0;
  const own = events.filter(({ cat, ts, args }) => cat === "Node" && args.op_name !== undefined && ts >= start);
  const kernels = new Map<string, { first: ProfilerEvent; calls: number; microseconds: number }>();
  const within: ProfilerEvent[] = [];
  const keyOf = ({ name, args }: ProfilerEvent) => `${name} ${args.op_name}`;
  // A loop begins before what it runs and ends after it, by whole microseconds cut off.
  for (const event of own.sort((a, b) => a.ts - b.ts || b.dur - a.dur)) {
    while (within.length > 0 && endOf(within.at(-1) as ProfilerEvent) <= event.ts) within.pop();
    const kernel = kernels.get(keyOf(event)) ?? { first: event, calls: 0, microseconds: 0 };
    kernels.set(keyOf(event), kernel);
    kernel.calls++;
    kernel.microseconds += event.dur;
    const outer = within.at(-1);
    if (outer) (kernels.get(keyOf(outer)) as typeof kernel).microseconds -= event.dur;
    within.push(event);
  }
  const all = [...kernels.values()].map(({ first, calls, microseconds }) => {
    const name = first.name.replace(/_kernel_time$/, "");
    const inputs = (first.args.input_type_shape ?? []).flatMap((each) => Object.entries(each).map(([type, shape]) => `${type}[${shape}]`));
    const operator = first.args.op_name as string;
    return { name, operator, module: moduleOf(name), inputs: inputs.join(" "), calls: calls / runs, microseconds: microseconds / runs };
  });
  return bySlowness(all);
}

const bySlowness = (kernels: readonly ProfiledKernel[]) => [...kernels].sort((a, b) => b.microseconds - a.microseconds);

const endOf = ({ ts, dur }: ProfilerEvent): number => ts + dur;

/** The path in a node's name `path/Type_12`, which ONNX Runtime keeps within the names of what it fuses. */
const moduleOf = (name: string): string | undefined => /([^/\s]*)\/\w+?_\d/.exec(name)?.[1];

import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Case } from "../cases/case.js";

export const benchFolder = fileURLToPath(new URL("..", import.meta.url));
export const python = join(benchFolder, ".venv", "bin", "python");

/** A program that does the cases, as a process of its own. */
export interface PeerDescription {
  readonly name: string;
  readonly label: string;
  readonly kind: "kasane" | "javascript" | "python";
  /** A file in `peers`, and what it is called with. */
  readonly program: readonly [file: string, ...args: string[]];
  /** The packages it needs, in `node_modules` or the virtual environment. */
  readonly needs: readonly string[];
  /** The cases that it takes part in; by default all but the bare product. */
  readonly only?: (each: Case) => boolean;
  /** Whether more threads than one make a difference to it; by default they do. */
  readonly threaded?: boolean;
  /** Whether it can do the cases in double precision too. */
  readonly exact?: boolean;
  /** How long its first step may take, in seconds; by default {@link patience}. */
  readonly patience?: number;
}

/** Seconds that a first step may take, compiling included. */
export const patience = 20;

const isTiny = ({ together }: Case) => together > 1;
const isTimed = ({ name }: Case) => name !== "product";
const always = () => true;

/** All peers; a case's reference is the first of them here that does it. */
export const peers: readonly PeerDescription[] = [
  { name: "numpy", label: "NumPy, the report's loops", kind: "python", program: ["numpy_peer.py"], needs: ["numpy"], only: always },
  { name: "torch", label: "PyTorch", kind: "python", program: ["torch_peer.py"], needs: ["torch"], only: always, exact: true },
  {
    name: "torch-channels-last",
    label: "PyTorch, channels last",
    kind: "python",
    program: ["torch_peer.py", "--channels-last"],
    needs: ["torch"],
    only: ({ model }) => model === "network",
    exact: true,
  },
  {
    name: "torch-compile",
    label: "PyTorch, torch.compile",
    kind: "python",
    program: ["torch_peer.py", "--compile"],
    needs: ["torch"],
    patience: 120,
  },
  { name: "jax", label: "JAX, jit", kind: "python", program: ["jax_peer.py"], needs: ["jax"] },
  {
    name: "jax-scan",
    label: "JAX, jit, 100 steps a call",
    kind: "python",
    program: ["jax_peer.py", "--scan"],
    needs: ["jax"],
    only: isTiny,
  },
  {
    name: "tensorflow",
    label: "TensorFlow",
    kind: "python",
    program: ["tensorflow_peer.py"],
    needs: ["tensorflow-cpu"],
  },
  { name: "kasane", label: "Kasane", kind: "kasane", program: ["kasane.ts"], needs: [], only: always },
  {
    name: "kasane-single",
    label: "Kasane, a call for each step",
    kind: "kasane",
    program: ["kasane.ts", "--single"],
    needs: [],
    only: isTiny,
  },
  { name: "loops", label: "loops in TypeScript", kind: "javascript", program: ["loopsPeer.ts"], needs: [], threaded: false },
  {
    name: "tfjs-wasm",
    label: "TensorFlow.js, wasm",
    kind: "javascript",
    program: ["tfjs.ts", "wasm"],
    needs: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm"],
    threaded: false,
  },
  {
    name: "tfjs-cpu",
    label: "TensorFlow.js, cpu",
    kind: "javascript",
    program: ["tfjs.ts", "cpu"],
    needs: ["@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-cpu"],
    threaded: false,
  },
  {
    name: "jax-js",
    label: "jax-js, wasm",
    kind: "javascript",
    program: ["jaxjs.ts"],
    needs: ["@jax-js/jax"],
    threaded: false,
  },
];

/** Whether a peer takes part in a case. */
export const takesPart = ({ only = isTimed }: PeerDescription, each: Case): boolean => only(each);

/** The CPUs that this process may run on. */
const allowedCpus = (): number[] => {
  if (!existsSync("/proc/self/status")) return cpus().map((_, i) => i);
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "0";
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
};

/**
 * One rule for threads: the process is bound to this number of CPUs, the last ones, and the library's own setting, if it has one, is set to the
 * same number.
 */
export function commandOf({ program: [file, ...args], kind }: PeerDescription, threads: number): string[] {
  const path = join(benchFolder, "peers", file);
  const command = kind === "python" ? [python, path, ...args] : [process.execPath, "--import", "tsx", path, ...args];
  return existsSync("/usr/bin/taskset") ? ["taskset", "-c", allowedCpus().slice(-threads).join(","), ...command] : command;
}

export const environmentOf = (threads: number): NodeJS.ProcessEnv => ({
  ...process.env,
  BENCH_THREADS: String(threads),
  BENCH_ALL_CORES: threads === cpus().length ? "1" : "0",
  OMP_NUM_THREADS: String(threads),
  MKL_NUM_THREADS: String(threads),
  OPENBLAS_NUM_THREADS: String(threads),
  NPROC: String(threads),
  XLA_FLAGS: threads === 1 ? "--xla_cpu_multi_thread_eigen=false" : "",
  TORCHINDUCTOR_CACHE_DIR: join(benchFolder, ".venv", "inductor"),
});

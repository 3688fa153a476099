/// <reference lib="es2024.sharedmemory" />

import { getEnvironmentData, isMainThread, setEnvironmentData, threadId, Worker } from "node:worker_threads";

// onnxruntime-node 1.30 aborts the process where a thread is ended during one of its calls. So each worker thread says in shared memory when it is in
// such a call, and whatever ends threads waits until it is not. Threads get that memory from the one that starts them: where that has not loaded
// this file, it does not know of their calls.

const key = "kasane: calls of ONNX Runtime";
/** Threads are told apart by their numbers modulo this. */
const capacity = 4096;
/** What is known of a thread: the calls that it is in, the steps that it leads, and whether it is to end. */
const [calls, steps, ending] = [0, 1, 2] as const;
type Entry = typeof calls | typeof steps | typeof ending;
/** Values of `ending`: once the thread leads no step, or at its next call. */
const [afterStep, atNextCall] = [1, 2] as const;

const inherited = getEnvironmentData(key) as SharedArrayBuffer | undefined;
const memory = inherited ?? new SharedArrayBuffer(capacity * 3 * Int32Array.BYTES_PER_ELEMENT);
const state = new Int32Array(memory);
const place = (thread: number, entry: Entry): number => (thread % capacity) * 3 + entry;
const own = (entry: Entry): number => place(threadId, entry);

async function counted<T>(entry: typeof calls | typeof steps, body: () => Promise<T>): Promise<T> {
  const leads = Atomics.load(state, own(steps)) > 0;
  Atomics.add(state, own(entry), 1);
  const told = Atomics.load(state, own(ending));
  if (told === atNextCall || (told === afterStep && !leads)) {
    leave(entry);
    // Nothing follows but the end.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
  try {
    return await body();
  } finally {
    leave(entry);
  }
}

function leave(entry: Entry): void {
  Atomics.sub(state, own(entry), 1);
  Atomics.notify(state, own(entry));
}

type Around = <T>(body: () => Promise<T>) => Promise<T>;

/** Goes around calls of ONNX Runtime. Undefined in the main thread, which nothing else ends. */
export const nativeCall: Around | undefined = isMainThread ? undefined : (body) => counted(calls, body);

/** Goes around a step that other threads make with this one: it takes part until the step is made. Undefined in the main thread. */
export const ledStep: Around | undefined = isMainThread ? undefined : (body) => counted(steps, body);

/** Lets threads make no more calls, and waits, blocking, until those that they are in have ended. */
export function stopThreads(threads: Iterable<number>): void {
  const all = [...threads];
  for (const thread of all) Atomics.store(state, place(thread, ending), atNextCall);
  for (const thread of all) {
    const at = place(thread, calls);
    for (let count = Atomics.load(state, at); count > 0; count = Atomics.load(state, at)) Atomics.wait(state, at, count);
  }
}

/** Waits until a thread leads no step and is in no call. */
async function isIdle(thread: number): Promise<void> {
  for (const entry of [steps, calls] as const) {
    const at = place(thread, entry);
    for (let count = Atomics.load(state, at); count > 0; count = Atomics.load(state, at)) await Atomics.waitAsync(state, at, count).value;
  }
}

if (!inherited) setEnvironmentData(key, memory);
if (isMainThread) process.on("exit", () => stopThreads(Array.from({ length: capacity }, (_, i) => i)));
else for (const entry of [calls, steps, ending] as const) Atomics.store(state, own(entry), 0);

const { terminate } = Worker.prototype;
Worker.prototype.terminate = async function (this: Worker): Promise<number> {
  const { threadId: thread } = this;
  if (thread > 0) {
    Atomics.store(state, place(thread, ending), afterStep);
    const isBusy = Atomics.load(state, place(thread, steps)) > 0 || Atomics.load(state, place(thread, calls)) > 0;
    if (isBusy) await Promise.race([isIdle(thread), new Promise((resolve) => this.once("exit", resolve))]);
  }
  return terminate.call(this);
};

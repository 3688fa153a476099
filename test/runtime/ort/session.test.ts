import { abs, compile, tensor } from "kasane";
import { afterEach, expect, it, vi } from "vitest";
import { Tensor } from "../../../src/graph/tensor.js";
import { encodeModel } from "../../../src/onnx/emit.js";
import { ort } from "../../../src/runtime/ort/onnxruntime.js";
import { Session } from "../../../src/runtime/ort/session.js";
import { Runtime } from "../../../src/runtime/runtime.js";

afterEach(() => vi.restoreAllMocks());

it("a session that is left alone for long is closed, and opens again when it is needed", async () => {
  const create = vi.spyOn(ort.InferenceSession, "create");
  const [rare, frequent] = [1, 2].map((factor) => compile((x: Tensor) => x.mul(factor).sum(), { executor: "onnxruntime" }));
  const run = async (step: typeof rare) => (await step?.(tensor([1, 2, 3])))?.item();
  expect(await run(rare)).toBe(6);
  expect(await run(frequent)).toBe(12);
  const [session] = await Promise.all(create.mock.results.map(({ value }) => value as Promise<ort.InferenceSession>));
  const release = vi.spyOn(session as ort.InferenceSession, "release");
  expect(await run(frequent)).toBe(12);
  expect(release).not.toHaveBeenCalled();

  const now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => now + 3_600_000);
  expect(await run(frequent)).toBe(12);
  await vi.waitFor(() => expect(release).toHaveBeenCalledOnce());
  expect(create).toHaveBeenCalledTimes(2);
  expect(await run(rare)).toBe(6);
  expect(create).toHaveBeenCalledTimes(3);
  await Promise.all([rare, frequent].map((step) => step?.dispose()));
});

it("a session that runs is not closed, however long its run takes", async () => {
  const own = new Runtime();
  const x = new Tensor("float32", [1], { kind: "input", name: "x" });
  const model = () => encodeModel([{ name: "x", tensor: x }], [{ name: "y", tensor: abs(x) }]);
  const [slow, other] = [0, 1].map(() => new Session(model, { device: "cpu", threads: 1, resident: [] }, own)) as [Session, Session];
  const run = (session: Session) => session.run({ x: new ort.Tensor("float32", [-3], [1]) }, { y: null });
  await run(slow);
  await run(other);
  const pending = run(slow);
  const now = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => now + 3_600_000);
  const after = run(other);
  expect((await pending).y?.data[0]).toBe(3);
  await after;
  await Promise.all([slow, other].map((session) => session.release()));
});

it("sessions of one owner count as one of the 64 that may be open", async () => {
  const x = new Tensor("float32", [1], { kind: "input", name: "x" });
  const model = () => encodeModel([{ name: "x", tensor: x }], [{ name: "y", tensor: abs(x) }]);
  vi.spyOn(performance, "now").mockReturnValue(0);
  const openOf = async (owner?: object) => {
    const own = new Runtime();
    const sessions = Array.from({ length: 66 }, () => new Session(model, { device: "cpu", threads: 1, resident: [], owner }, own));
    for (const session of sessions) await session.start();
    const open = own.sessions.size;
    for (const session of sessions) await session.release();
    return open;
  };
  expect(await openOf()).toBe(64);
  expect(await openOf({})).toBe(66);
});

it("graphs without arenas compute the same, in memory that they share", async () => {
  const [kept, shared] = [true, false].map((arena) => compile((x: Tensor) => x.exp().matmul(x).sum(), { arena, executor: "onnxruntime" }));
  const create = vi.spyOn(ort.InferenceSession, "create");
  for (const size of [3, 40, 3]) {
    const x = tensor(new Float32Array(size * size).fill(1), { shape: [size, size] });
    expect(await (await shared?.(x))?.item()).toBe(await (await kept?.(x))?.item());
  }
  const settings = create.mock.calls.map(([, options]) => [options?.enableCpuMemArena, options?.enableMemPattern]);
  expect(settings).toEqual([false, true, false, true].map((arena) => [arena, arena]));
  await Promise.all([kept, shared].map((step) => step?.dispose()));
});

import { abs, compile, devices, seed, tensor } from "kasane";
import { expect, test } from "vitest";
import { Tensor } from "../../src/graph/tensor.js";
import { encodeModel } from "../../src/onnx/emit.js";
import { ort } from "../../src/runtime/ort/onnxruntime.js";
import { Session } from "../../src/runtime/ort/session.js";
import { Runtime, runtime } from "../../src/runtime/runtime.js";

test("what is enqueued runs in order, also after an error; runtimes do not wait for each other", async () => {
  const [one, other] = [new Runtime(), new Runtime()];
  const order: string[] = [];
  let release = () => {};
  const first = one.enqueue(async () => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    order.push("first");
    throw new Error("first");
  });
  const second = one.enqueue(() => order.push("second"));
  await other.enqueue(() => order.push("other"));
  release();
  await expect(first).rejects.toThrow("first");
  await second;
  await one.enqueue(() => order.push("third"));
  expect(order).toEqual(["other", "first", "second", "third"]);
});

test("a runtime of one's own has its own sessions", async () => {
  const own = new Runtime();
  const x = new Tensor("float32", [1], { kind: "input", name: "x" });
  const model = () => encodeModel([{ name: "x", tensor: x }], [{ name: "y", tensor: abs(x) }]);
  const session = new Session(model, { device: "cpu", threads: 1, resident: [] }, own);
  const { y } = await session.run({ x: new ort.Tensor("float32", [-3], [1]) }, { y: null });
  expect(y?.data[0]).toBe(3);
  expect([own.sessions.has(session), runtime.sessions.has(session)]).toEqual([true, false]);
  await session.release();
  expect(own.sessions.size).toBe(0);
});

test("the runtime of the process has the state of its random numbers", () => {
  seed(17);
  expect(runtime.random).toEqual({ seed: 17, counter: 0 });
});

test("the runtime of the process has the modules, the devices that were tried and the worker threads", async () => {
  const step = compile((x: Tensor) => x.sum(), { executor: "wasm" });
  const before = runtime.modules.size;
  expect(await (await step(tensor([1, 2]))).item()).toBe(3);
  expect(runtime.modules.size).toBe(before + 1);
  await step.dispose();
  expect(runtime.modules.size).toBe(before);

  await devices();
  expect(await runtime.devices.get("cpu")).toBeInstanceOf(ort.InferenceSession);

  const shared = compile((x: Tensor) => x.sum(), { workers: 2 });
  await shared(tensor([1, 2, 3, 4]));
  expect([...runtime.workers.keys()]).toEqual([1]);
  await shared.dispose();
  expect(runtime.workers.size).toBe(0);
});

import { compile, conv, explain, random, type Tensor } from "kasane";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ort } from "../../../src/runtime/ort/onnxruntime.js";
import { runtime } from "../../../src/runtime/runtime.js";

const layouts = async () => {
  const step = compile((x: Tensor, w: Tensor) => conv(x, w), { executor: "onnxruntime" });
  await step(random.normal([16, 64, 20, 20]), random.normal([64, 64, 3, 3]));
  const [explanation] = explain(step);
  await step.dispose();
  return explanation?.convolutions?.map(({ layout }) => layout);
};

afterEach(() => {
  vi.restoreAllMocks();
  runtime.channelBlock = undefined;
});

describe("the block of channels", () => {
  it("is asked of ONNX Runtime once, before the first graph with a convolution", async () => {
    const create = vi.spyOn(ort.InferenceSession, "create");
    const double = compile((x: Tensor) => x.mul(2), { executor: "onnxruntime" });
    await double(random.normal([3]));
    expect(runtime.channelBlock).toBeUndefined();
    const expected = process.arch === "x64" ? "blocked" : "plain";
    const before = create.mock.calls.length;
    expect(await layouts()).toEqual([expected]);
    const first = create.mock.calls.length - before;
    expect([1, 8, 16]).toContain(runtime.channelBlock);
    expect(await layouts()).toEqual([expected]);
    // The second function opens its own session, and those of random numbers, which were open before.
    expect(create.mock.calls.length - before - first).toBeLessThan(first);
  });

  it("is 1 where this ONNX Runtime lacks the domain: the plain layout, with one warning", async () => {
    const { create } = ort.InferenceSession;
    vi.spyOn(ort.InferenceSession, "create").mockImplementation(((model: Uint8Array, ...options: unknown[]) => {
      if (Buffer.from(model).includes("com.microsoft.nchwc"))
        return Promise.reject(new Error("Fatal error: com.microsoft.nchwc is not a registered function/op"));
      return (create as (...values: unknown[]) => unknown)(model, ...options);
    }) as unknown as typeof create);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    expect(await layouts()).toEqual(["plain"]);
    expect(await layouts()).toEqual(["plain"]);
    expect(runtime.channelBlock).toBe(1);
    expect(warn.mock.calls).toEqual([[expect.stringMatching(/lacks the convolutions of blocked channels/)]]);
  });

  it("is 1 where the elements do not come out as expected", async () => {
    const { create } = ort.InferenceSession;
    vi.spyOn(ort.InferenceSession, "create").mockImplementation((async (model: Uint8Array, ...options: unknown[]) => {
      const session = await (create as (...values: unknown[]) => Promise<unknown>)(model, ...options);
      if (!Buffer.from(model).includes("probe")) return session;
      return { run: async () => ({ y: new ort.Tensor("float32", new Float32Array(64), [1, 32, 1, 2]) }), release: async () => undefined };
    }) as unknown as typeof create);
    const warn = vi.spyOn(console, "warn").mockImplementation(() => undefined);
    await layouts();
    expect([runtime.channelBlock, warn.mock.calls.length]).toEqual([1, 1]);
  });
});

import { fromBinary } from "@bufbuild/protobuf";
import { compile, conv, convTranspose, explain, grad, nn, onnxModel, pad, sum, type Tensor, tensor, zeros } from "kasane";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { estimate } from "../../src/runtime/estimate.js";

const waves = (shape: readonly number[], phase: number): Tensor =>
  tensor(
    Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => Math.sin(1.3 * i + phase)),
    { shape },
  );

describe("convolutions of other dtypes", () => {
  const operands = [waves([2, 4, 5, 5], 0), waves([6, 2, 3, 3], 1), waves([6], 2)] as const;
  const all = (x: Tensor, w: Tensor, bias: Tensor) => {
    const y = conv(x, w, { bias, groups: 2, stride: 2, padding: 1 });
    const back = convTranspose(y, w, { groups: 2, stride: 2, padding: 1, outputPadding: 1 });
    return [y, back, ...grad(sum(back.mul(back)), [x, w, bias])];
  };

  it.each([
    ["float64", 1e-5],
    ["float16", 2e-2],
  ] as const)("are those of float32 in %s", async (dtype, tolerance) => {
    const run = compile((...each: Tensor[]) => all(...(each as [Tensor, Tensor, Tensor])));
    const right = await run(...operands);
    const got = await run(...operands.map((x) => x.cast(dtype)));
    for (const [i, value] of got.entries()) {
      expect(value.dtype).toBe(dtype);
      const numbers = (await (right[i] as Tensor).data()) as Float32Array;
      const largest = Math.max(...numbers.map(Math.abs));
      (await value.cast("float32").data()).forEach((x, k) =>
        expect(Math.abs(Number(x) - (numbers[k] as number))).toBeLessThan(tolerance * largest),
      );
    }
    await run.dispose();
  });

  it("take the wider one, and refuse integers", () => {
    expect(conv(zeros([1, 1, 3]), zeros([1, 1, 2], "float64")).dtype).toBe("float64");
    expect(() => conv(zeros([1, 1, 3], "int32"), zeros([1, 1, 2], "int32"))).toThrow(
      "conv: got int32[1, 1, 3]: expected floating-point numbers: cast it to float32",
    );
    expect(() => convTranspose(zeros([1, 1, 3]), zeros([1, 1, 2], "bool"))).toThrow("convTranspose: got bool[1, 1, 2]");
  });
});

describe.each(["onnxruntime", "wasm"] as const)("%s: convolutions at the edges", (executor) => {
  const gradients = async (f: (x: Tensor, w: Tensor) => Tensor, x: Tensor, w: Tensor) => {
    const run = compile((x: Tensor, w: Tensor) => ({ y: f(x, w), gradients: grad(sum(f(x, w)), [x, w]) }), { executor });
    const { y, gradients } = await run(x, w);
    const found = { y, x: gradients[0] as Tensor, w: gradients[1] as Tensor };
    const entries = Object.entries(found).map(async ([key, value]) => [
      key,
      { shape: value.shape, values: Array.from(await value.data(), Number) },
    ]);
    const result = Object.fromEntries(await Promise.all(entries)) as Record<
      "y" | "x" | "w",
      { shape: readonly number[]; values: number[] }
    >;
    await run.dispose();
    return result;
  };

  it("take batches of none", async () => {
    const { y, x, w } = await gradients((x, w) => conv(x, w, { padding: 1 }), zeros([0, 2, 4, 4]), waves([3, 2, 3, 3], 0));
    expect([y, x]).toEqual([
      { shape: [0, 3, 4, 4], values: [] },
      { shape: [0, 2, 4, 4], values: [] },
    ]);
    expect(w.values).toEqual(new Array(54).fill(0));
    // In float64 all of it is made of products.
    const doubles = (x: Tensor, w: Tensor) => conv(x.cast("float64"), w.cast("float64"), { padding: 1, groups: 2 }).cast("float32");
    const wide = executor === "wasm" ? y : (await gradients(doubles, zeros([0, 2, 4, 4]), waves([2, 1, 3, 3], 0))).y;
    expect(wide.values).toEqual([]);
    const backwards = (x: Tensor, w: Tensor) => convTranspose(x.cast("float64"), w.cast("float64"), { stride: 2 }).cast("float32");
    const wideBack = executor === "wasm" ? undefined : await gradients(backwards, zeros([0, 2, 4, 4]), waves([2, 3, 3, 3], 0));
    expect(wideBack?.w.values ?? new Array(54).fill(0)).toEqual(new Array(54).fill(0));
    const none = await gradients((x, w) => conv(x, w, { padding: 1 }), zeros([1, 1, 0]), waves([1, 1, 2], 0));
    expect([none.y.values, none.x.shape, none.w.values]).toEqual([[0], [1, 1, 0], [0, 0]]);
    const back = await gradients((x, w) => convTranspose(x, w), zeros([0, 2, 4, 4]), waves([2, 3, 3, 3], 0));
    expect(back.y).toEqual({ shape: [0, 3, 6, 6], values: [] });
    expect(back.w.values).toEqual(new Array(54).fill(0));
    const ofNone = compile((x: Tensor, w: Tensor) => convTranspose(x, w), { executor: "onnxruntime" });
    expect(await (await ofNone(zeros([1, 2, 0]), waves([2, 2, 3], 0))).array()).toEqual([[[0, 0], [0, 0]]]); // biome-ignore format: short
  });

  it("take images of one element, and kernels as large as the image", async () => {
    const one = await gradients((x, w) => conv(x, w, { padding: 1 }), tensor([[[[2]]]]), waves([1, 1, 3, 3], 0));
    expect(one.y.values).toEqual([Math.fround(2 * Math.fround(Math.sin(1.3 * 4)))]);
    expect(one.w.values).toEqual([0, 0, 0, 0, 2, 0, 0, 0, 0]);
    const whole = await gradients((x, w) => conv(x, w), tensor([[[1, 2, 3]]]), tensor([[[4, 5, 6]]]));
    expect([whole.y.values, whole.x.values, whole.w.values]).toEqual([[32], [4, 5, 6], [1, 2, 3]]);
  });

  it("leave what no window meets without gradient", async () => {
    const { y, x, w } = await gradients((x, w) => conv(x, w, { stride: 3 }), tensor([[[1, 2, 3, 4, 5, 6]]]), tensor([[[1, 1]]]));
    expect([y.values, x.values, w.values]).toEqual([
      [3, 9],
      [1, 1, 0, 1, 1, 0],
      [5, 7],
    ]);
  });

  it("hand NaN and infinities to the places that meet them, and to no others", async () => {
    const x = tensor([[[1, Number.NaN, 1, 1, Number.POSITIVE_INFINITY, 1]]]);
    const { y } = await gradients((x, w) => conv(x, w), x, tensor([[[1, -2]]]));
    expect(y.values).toEqual([Number.NaN, Number.NaN, -1, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  });
});

describe("convolutions say what they need", () => {
  const [x, w] = [zeros([2, 4, 5, 5]), zeros([6, 4, 3, 3])];
  it.each<[string, () => unknown, string]>([
    [
      "a rank",
      () => conv(zeros([2, 4]), zeros([6, 4])),
      "conv: got [2, 4]: expected [batch, channels, ...places] with 1 to 3 axes of places",
    ],
    [
      "a kernel of the rank",
      () => conv(x, zeros([6, 4, 3])),
      "conv: [2, 4, 5, 5] and a kernel [6, 4, 3]: expected a kernel of the same rank",
    ],
    ["an element of the kernel", () => conv(x, zeros([6, 4, 0, 3])), "conv: a kernel [6, 4, 0, 3]: expected at least one element"],
    ["channels", () => conv(x, zeros([6, 3, 3, 3])), "conv: 4 channels of [2, 4, 5, 5] in 1 groups beside a kernel [6, 3, 3, 3]"],
    [
      "channels of groups",
      () => conv(x, w, { groups: 2 }),
      "in 2 groups beside a kernel [6, 4, 3, 3]: expected [outputs, channels / groups",
    ],
    [
      "groups that divide",
      () => conv(x, w, { groups: 4 }),
      "conv: 4 groups of a kernel [6, 4, 3, 3]: expected an integer from 1 that divides",
    ],
    ["a bias", () => conv(x, w, { bias: zeros([4]) }), "conv: a bias [4]: expected [6]"],
    ["a stride", () => conv(x, w, { stride: 0 }), "conv: stride 0: expected an integer from 1"],
    [
      "a dilation for each axis",
      () => conv(x, w, { dilation: [1, 2, 3] }),
      "conv: dilation [1,2,3]: expected an integer from 1, or a list",
    ],
    ["padding from 0", () => conv(x, w, { padding: -1 }), "conv: padding -1: expected an integer from 0"],
    ["padding by a name", () => conv(x, w, { padding: "full" as never }), 'conv: padding "full": expected an integer from 0'],
    [
      "padding by a mode",
      () => conv(x, w, { padding: 1, paddingMode: "mirror" as never }),
      'conv: paddingMode "mirror": expected "zeros", "reflect", "replicate" or "circular"',
    ],
    ["room for the kernel", () => conv(x, w, { dilation: 3 }), "conv: a window of 7 places on axis 2 of [2, 4, 5, 5] with 0 added"],
    ["options", () => conv(x, w, { strides: 2 } as never), "conv: unknown option strides: did you mean stride?"],
    [
      "places with the channels of the kernel",
      () => convTranspose(x, w),
      "convTranspose: 4 channels of [2, 4, 5, 5] beside a kernel [6, 4, 3, 3]",
    ],
    [
      "less elements after the result",
      () => convTranspose(x, zeros([4, 6, 3, 3]), { stride: 2, outputPadding: 2 }),
      "convTranspose: outputPadding 2 with stride 2 and dilation 1: expected less than one of both",
    ],
    [
      "a result",
      () => convTranspose(x, zeros([4, 6, 1, 1]), { padding: 3 }),
      "convTranspose: padding [3,3] leaves nothing of [2, 4, 5, 5] by a kernel [4, 6, 1, 1]: expected less",
    ],
    [
      "elements to reflect",
      () => pad(zeros([3]), [[3, 0]], "reflect"),
      "pad: [3,0] elements around axis 0 of [3] by reflect: expected at most 2",
    ],
    [
      "elements to repeat",
      () => pad(zeros([0]), [[1, 0]], "replicate"),
      "pad: [1,0] elements around axis 0 of [0] by replicate: expected at most 0",
    ],
    ["elements of the other end", () => pad(zeros([3]), [[0, 4]], "circular"), "by circular: expected at most 3 at each end"],
  ])("%s", (_, call, message) => {
    expect(call).toThrow(message);
  });
});

it("the estimate counts the products of a convolution and of both its gradients", () => {
  // 2 images, 16 places by a stride of 2, 6 outputs, 4 channels in 2 groups, 9 elements
  const [x, w] = [zeros([2, 4, 8, 8]), zeros([6, 2, 3, 3])];
  const y = conv(x, w, { groups: 2, stride: 2, padding: 1 });
  const products = 2 * 16 * 6 * 2 * 9;
  expect(estimate([y]).multiplications).toBe(products);
  // The sum is no product, and the convolution itself is not needed for its gradients.
  expect(estimate(grad(sum(y), [x, w])).multiplications).toBe(2 * products);
});

it("few channels on a board are a module's, many are ONNX Runtime's, which has a kernel where a module has many operators", async () => {
  const executorOf = async (channels: number) => {
    const layer = new nn.Conv2d(channels, channels, 3, { padding: 1 });
    const run = compile((x: Tensor) => layer.forward(x));
    await run(zeros([1, channels, 9, 9]));
    const [explanation] = explain(run);
    await run.dispose();
    return explanation?.executor;
  };
  expect(await executorOf(8)).toBe("wasm");
  expect(await executorOf(32)).toBe("onnxruntime");
});

describe("exported convolutions", () => {
  it("are the standard's, with the bias inside", async () => {
    const net = new nn.Sequential(
      new nn.Conv2d(3, 8, 3, { stride: 2, padding: [1, [0, 1]] }),
      (x) => x.relu(),
      new nn.ConvTranspose2d(8, 4, 3, { stride: 2, padding: 1, outputPadding: 1, bias: false }),
    );
    const file = await onnxModel((x: Tensor) => net.forward(x), { x: { shape: ["batch", 3, 8, 8] } });
    const { graph, opsetImport } = fromBinary(ModelProtoSchema, file);
    expect(opsetImport.map(({ domain }) => domain)).toEqual([""]);
    const nodes = (graph?.node ?? []).map(({ opType, input, attribute }) => {
      const integers = attribute.map(({ name, i, ints }) => [name, ints.length > 0 ? ints.map(Number) : Number(i)]);
      return { opType, inputs: input.length, ...Object.fromEntries(integers) };
    });
    expect(nodes).toEqual([
      { opType: "Conv", inputs: 3, kernel_shape: [3, 3], strides: [2, 2], pads: [1, 0, 1, 1], dilations: [1, 1], group: 1 },
      { opType: "Relu", inputs: 1 },
      {
        opType: "ConvTranspose",
        inputs: 2,
        kernel_shape: [3, 3],
        strides: [2, 2],
        pads: [1, 1, 1, 1],
        dilations: [1, 1],
        group: 1,
        output_padding: [1, 1],
      },
    ]);
  });
});

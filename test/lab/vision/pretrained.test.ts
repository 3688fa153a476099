import { join } from "node:path";
import { compile, models, nn, optim, type Tensor, zeros } from "kasane";
import { files } from "kasane/node";
import { expect, it } from "vitest";
import type { Context } from "../../../lab/context.js";
import { startFrom } from "../../../lab/vision/pretrained.js";
import { temporaryFolder } from "../helpers.js";

const parent = temporaryFolder();
const records: unknown[] = [];
const context = { print: (_: string, record: unknown) => records.push(record) } as unknown as Context;

it("goes on from torchvision's names, of other classes and of colours", async () => {
  const theirs = new models.MobileNetV2({ width: 0.25, classes: 6 });
  const state = await nn.torchStateDict(theirs);
  expect(state.has("features.1.conv.0.0.weight")).toBe(true);
  const weights = join(parent, "mobilenet.safetensors");
  await files.writeSafetensors(weights, state);
  const model = new models.MobileNetV2({ width: 0.25, classes: 10, imageChannels: 1, firstStride: 1 });
  await startFrom(context, model, { weights, model: "mobilenet-v2" });
  expect(records.pop()).toEqual({ event: "weights", file: weights, renewed: ["classifier.1.weight", "classifier.1.bias"] });
  const own = await nn.torchStateDict(model);
  for (const [name, { data }] of state) {
    if (!/^classifier|^features\.0\.0/.test(name)) expect(own.get(name)?.data).toEqual(data);
  }
});

it("names the file and the network of weights that are another's", async () => {
  const weights = join(parent, "resnet.safetensors");
  await files.writeSafetensors(weights, await nn.torchStateDict(new models.SmallResNet({ depth: 8, classes: 3, imageChannels: 1 })));
  const model = new models.MobileNetV2({ width: 0.25, classes: 10, imageChannels: 1, firstStride: 1 });
  await expect(startFrom(context, model, { weights, model: "mobilenet-v2" })).rejects.toThrow(
    `--weights ${weights}: expected those of --model mobilenet-v2: `,
  );
});

it("trains all but what is frozen", async () => {
  const model = new models.SmallResNet({ depth: 8, classes: 3, imageChannels: 1 });
  await startFrom(context, model, { freeze: "conv1.*, layer1.*", model: "resnet" });
  expect(records.pop()).toMatchObject({ event: "frozen", names: expect.arrayContaining(["conv1.weight"]) });
  const before = await nn.torchStateDict(model);
  const optimizer = new optim.Sgd(model, { learningRate: 0.5 });
  const step = compile(
    (images: Tensor, labels: Tensor) => {
      const loss = model.forward(images).crossEntropy(labels);
      optimizer.minimize(loss);
      return loss;
    },
    { training: true },
  );
  await step(zeros([2, 1, 8, 8]).add(1), zeros([2], "int32"));
  const after = await nn.torchStateDict(model);
  const changed = [...after].filter(([name, { data }]) => `${data}` !== `${before.get(name)?.data}`).map(([name]) => name);
  expect(changed).toContain("fc.weight");
  // Running statistics are no parameters: they go on.
  expect(changed.filter((name) => /^(conv1|layer1)/.test(name) && !/running|batches/.test(name))).toEqual([]);
});

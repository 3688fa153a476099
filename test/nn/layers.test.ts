import { fileURLToPath } from "node:url";
import { compile, grad, nn, relu, type StoredTensor, square, sum, type Tensor, tensor } from "kasane";
import { files } from "kasane/node";
import { expect, it } from "vitest";
import { relativeError } from "../ops/evaluate.js";

/** Results and gradients of PyTorch's layers (test/fixtures/nn.py). */
const { tensors } = await files.readSafetensors(fileURLToPath(new URL("../fixtures/nn.safetensors", import.meta.url)));

type LayerModule = nn.Module & { forward(x: Tensor): Tensor };

const cases: Record<string, () => LayerModule> = {
  linear: () => new nn.Linear(3, 4),
  linearOverTime: () => new nn.Linear(3, 4, { bias: false }),
  embedding: () => new nn.Embedding(7, 3),
  layerNorm: () => new nn.LayerNorm(6),
  layerNormOverTwoAxes: () => new nn.LayerNorm([3, 6], 1e-3),
  sequential: () => new nn.Sequential(new nn.Linear(3, 8), relu, new nn.Linear(8, 2)),
};

it.each(Object.keys(cases))("%s gives PyTorch's output and gradients", async (name) => {
  const kept = new Map([...tensors].flatMap(([key, value]) => (key.startsWith(`${name}/`) ? [[key.slice(name.length + 1), value]] : [])));
  const module = (cases[name] as (typeof cases)[string])();
  const state = new Map([...kept].flatMap(([key, value]) => (key.startsWith("state/") ? [[key.slice(6), value]] : [])));
  await nn.loadTorchStateDict(module, state);
  const theirs = nn.torchNames(module);
  const run = compile((x: Tensor) => {
    const output = module.forward(x);
    const wrt: Record<string, Tensor> = x.dtype === "float32" ? { x } : {};
    for (const [path, variable] of module.namedVariables()) wrt[`state/${theirs.get(path)}`] = variable;
    const gradients = grad(sum(square(output)), Object.values(wrt));
    return { output, ...Object.fromEntries(Object.keys(wrt).map((key, i) => [`gradient/${key}`, gradients[i] as Tensor])) };
  });
  const { data, shape, dtype } = kept.get("x") as StoredTensor;
  const results = await run(tensor(data, { shape, dtype }));
  const expected = [...kept.keys()].filter((key) => key === "output" || key.startsWith("gradient/"));
  expect(Object.keys(results).sort()).toEqual(expected.sort());
  for (const [key, value] of Object.entries<Tensor>(results)) {
    const right = kept.get(key) as StoredTensor;
    expect(value.shape, key).toEqual(right.shape);
    expect(relativeError(Array.from(await value.data(), Number), Array.from(right.data, Number), 1e-3), key).toBeLessThan(1e-5);
  }
  await run.dispose();
});

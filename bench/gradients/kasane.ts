import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { compile, grad, setThreads, sum, type Tensor, tensor } from "kasane";
import { loadOnnx } from "kasane/node";
import { isFloat } from "../../src/graph/dtype.js";
import { drawInputs, realModels, uniform } from "../../test/onnx/realModels.js";

// The gradients of models of other people by all their weights, for bench/gradients/pytorch.py to compare with:
//   npx tsx bench/gradients/kasane.ts MODELS OUT [NAME...]
//   python bench/gradients/pytorch.py MODELS OUT     # pip install torch onnx onnx2torch torchvision

const [models = "", out = "", ...chosen] = process.argv.slice(2);
setThreads(1);

const bytesOf = async (x: Tensor) => {
  const data = await x.data();
  return { dtype: x.dtype, shape: x.shape, base64: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64") };
};

for (const name of chosen.length > 0 ? chosen : Object.keys(realModels)) {
  const model = realModels[name];
  if (!model) throw new Error(`${name} is none of ${Object.keys(realModels).join(", ")}`);
  const module = await loadOnnx(join(models, `${name}.onnx`), model.options);
  const inputs = drawInputs(model);
  const factors: Tensor[] = [];
  const step = compile((x: Readonly<Record<string, Tensor>>) => {
    const outputs = Object.values(module.forward(x)).filter((value) => isFloat(value.dtype));
    const parts = outputs.map((value, i) => {
      const factor = tensor(uniform(value.size, i + 99), { dtype: value.dtype, shape: value.shape });
      factors.push(factor);
      return sum(value.mul(factor));
    });
    const scalar = parts.reduce((total, part) => total.add(part));
    return { scalar, gradients: grad(scalar, module.parameters()) };
  });
  const { scalar, gradients } = await step(inputs);
  const weights = await Promise.all(
    module.parameters().map(async (parameter, i) => ({
      name: parameter.name,
      value: await bytesOf(parameter),
      gradient: await bytesOf(gradients[i] as Tensor),
    })),
  );
  const drawn = await Promise.all(Object.entries(inputs).map(async ([key, x]) => [key, await bytesOf(x)] as const));
  const result = {
    scalar: await scalar.item(),
    inputs: Object.fromEntries(drawn),
    factors: await Promise.all(factors.map(bytesOf)),
    weights,
  };
  writeFileSync(join(out, `${name}.json`), JSON.stringify(result));
  console.log(`${name}: ${weights.length} weights`);
  await step.dispose();
}

import { writeFileSync } from "node:fs";
import { compile, nn, optim, setThreads, type Tensor, tensor } from "kasane";
import { loadOnnx } from "kasane/node";

// Twenty steps of fine-tuning an encoder of sentences whole, as bench/finetuning/pytorch.py makes them on the same file, batches and head:
//   npx tsx bench/finetuning/kasane.ts model.onnx kasane.json
//   python bench/finetuning/pytorch.py model.onnx pytorch.json     # pip install torch onnx onnx2torch torchvision
//   python bench/finetuning/pytorch.py --compare kasane.json pytorch.json

const [batch, length, width, classes, steps] = [32, 16, 384, 77, 20];
const learningRate = 5e-5;

const [file = "", out = ""] = process.argv.slice(2);
setThreads(1);
const model = await loadOnnx(file);
const head = new nn.Linear(width, classes);
await head.weight.assign(
  tensor(
    Float32Array.from({ length: classes * width }, (_, i) => 0.05 * Math.sin(i)),
    { shape: [classes, width] },
  ),
);
await head.bias?.assign(tensor(new Float32Array(classes)));

/** Everything that is trained, under one name. */
class Network extends nn.Module {
  readonly model = model;
  readonly head = head;

  forward(ids: Tensor, mask: Tensor): Tensor {
    const inputs = { input_ids: ids, attention_mask: mask, token_type_ids: ids.mul(0) };
    const hidden = model.forward(inputs).last_hidden_state as Tensor;
    const within = mask.cast("float32").unsqueeze({ axis: 2 });
    return head.forward(
      hidden
        .mul(within)
        .sum({ axis: 1 })
        .div(within.sum({ axis: 1 })),
    );
  }
}
const network = new Network();
const optimizer = new optim.Adam(network, { learningRate });
const step = compile(
  (ids: Tensor, mask: Tensor, labels: Tensor) => {
    const loss = network.forward(ids, mask).crossEntropy(labels);
    optimizer.minimize(loss);
    return loss;
  },
  { training: true },
);

const integers = (count: number, of: (i: number) => number, shape: readonly number[]) =>
  tensor(
    Int32Array.from({ length: count }, (_, i) => of(i)),
    { shape },
  );
const losses: number[] = [];
const seconds: number[] = [];
for (let t = 0; t < steps; t++) {
  const ids = integers(batch * length, (i) => 1000 + (((i + 1) * (t + 1) * 7919) % 20_000), [batch, length]);
  // The last quarter of every third text is padding.
  const mask = integers(batch * length, (i) => (Math.floor(i / length) % 3 === 0 && i % length >= (3 * length) / 4 ? 0 : 1), [
    batch,
    length,
  ]);
  const labels = integers(batch, (i) => (i * 5 + t) % classes, [batch]);
  const before = process.cpuUsage();
  losses.push(Number((await (await step(ids, mask, labels)).data())[0]));
  const { user, system } = process.cpuUsage(before);
  seconds.push((user + system) / 1e6);
}
// The first steps compile.
writeFileSync(out, JSON.stringify({ losses, seconds: Math.min(...seconds.slice(2)) }));

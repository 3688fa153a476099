import { type Case, type Draw, sizeOf, updateBytes } from "./case.js";
import { NetworkWriter, type Value } from "./network.js";

const update = { type: "sgd", learningRate: 0.01 } as const;

/** A step of gradient descent of a network, on one batch. */
function caseOf(
  name: string,
  title: string,
  [batch, channels, ...places]: readonly [number, number, ...number[]],
  write: (net: NetworkWriter) => Value,
  regression = false,
): Case {
  const net = new NetworkWriter(batch, channels, places);
  const { channels: outputs, places: left } = write(net);
  const targets = (draw: Draw) => (regression ? draw.uniform([1, batch, outputs, ...left], -1, 1) : draw.whole([1, batch], 0, outputs));
  return {
    name,
    title,
    model: "network",
    settings: { operations: JSON.stringify(net.operations), regression },
    update,
    together: 1,
    weights: net.weights,
    batch: (draw) => ({ images: draw.uniform([1, batch, channels, ...places], -1, 1), targets: targets(draw) }),
    multiplyAdds: net.multiplyAdds,
    bytes: updateBytes(net.weights, update),
  };
}

export const cnn = caseOf("cnn", "CNN 1-32-64-64 with pooling, 28x28, batch 64, SGD", [64, 1, 28, 28], (net) => {
  const layer = (x: Value, outputs: number) => net.relu(net.conv(x, outputs, 3, { bias: true }));
  const first = net.pool("maxPool", layer(net.images, 32), 2);
  const second = net.pool("maxPool", layer(first, 64), 2);
  return net.linear(net.flatten(layer(second, 64)), 10);
});

/** Two convolutions with batch normalisation, around which what comes in is added (He et al. 2016, figure 2). */
function residual(net: NetworkWriter, x: Value, outputs: number, stride = 1): Value {
  const inner = net.relu(net.norm(net.conv(x, outputs, 3, { stride })));
  const y = net.norm(net.conv(inner, outputs, 3));
  const around = stride > 1 || outputs !== x.channels ? net.norm(net.conv(x, outputs, 1, { stride, padding: [0, 0] })) : x;
  return net.relu(net.both("add", y, around));
}

export const residualStack = caseOf("residual-stack", "4 residual blocks, 64 channels, 14x14, batch 64, SGD", [64, 64, 14, 14], (net) => {
  let x = net.images;
  for (let i = 0; i < 4; i++) x = residual(net, x, 64);
  return net.linear(net.mean(x), 10);
});

function writeResnet18(net: NetworkWriter): Value {
  let x = net.relu(net.norm(net.conv(net.images, 64, 7, { stride: 2 })));
  x = net.pool("maxPool", x, 3, { stride: 2, padding: 1 });
  for (const outputs of [64, 128, 256, 512]) {
    x = residual(net, x, outputs, outputs > 64 ? 2 : 1);
    x = residual(net, x, outputs);
  }
  return net.linear(net.mean(x), 10);
}

export const resnet18 = caseOf("resnet18", "ResNet-18, 3x64x64, batch 32, SGD", [32, 3, 64, 64], writeResnet18);

/** The logits of `batch` images. */
export function resnet18Inference(batch: number): Case {
  const net = new NetworkWriter(batch, 3, [64, 64], true);
  writeResnet18(net);
  return {
    name: `resnet18-inference-${batch}`,
    title: `ResNet-18, 3x64x64, inference, batch ${batch}`,
    model: "network",
    settings: { operations: JSON.stringify(net.operations), regression: false },
    together: 1,
    weights: net.weights,
    batch: (draw) => ({ images: draw.uniform([1, batch, 3, 64, 64], -1, 1) }),
    multiplyAdds: net.forward,
    bytes: 4 * net.weights.reduce((size, { shape }) => size + sizeOf(shape), 0),
  };
}

export const mobilenet = caseOf("mobilenet", "MobileNet v1 0.5, 3x64x64, batch 32, SGD", [32, 3, 64, 64], (net) => {
  const layer = (x: Value, ...settings: [number, number, { stride?: number; groups?: number }?]) =>
    net.relu(net.norm(net.conv(x, ...settings)));
  let x = layer(net.images, 16, 3, { stride: 2 });
  const blocks = [[32, 1], [64, 2], [64, 1], [128, 2], [128, 1], [256, 2], ...new Array(5).fill([256, 1]), [512, 2], [512, 1]];
  for (const [outputs, stride] of blocks as [number, number][])
    x = layer(layer(x, x.channels, 3, { stride, groups: x.channels }), outputs, 1);
  return net.linear(net.mean(x), 10);
});

export const densenet = caseOf("densenet", "DenseNet-BC, 40 layers, growth 12, 28x28, batch 64, SGD", [64, 1, 28, 28], (net) => {
  const growth = 12;
  const before = (x: Value) => net.relu(net.norm(x));
  let x = net.conv(net.images, 2 * growth, 3);
  for (let block = 0; block < 3; block++) {
    for (let i = 0; i < 6; i++) x = net.concat(x, net.conv(before(net.conv(before(x), 4 * growth, 1)), growth, 3));
    if (block < 2) x = net.pool("averagePool", net.conv(before(x), x.channels / 2, 1), 2);
  }
  return net.linear(net.mean(before(x)), 10);
});

export const unet = caseOf(
  "unet",
  "U-Net 24-48-96, 3x96x128, batch 8, SGD",
  [8, 3, 96, 128],
  (net) => {
    const layer = (x: Value, outputs: number) => net.relu(net.norm(net.conv(x, outputs, 3)));
    const two = (x: Value, outputs: number) => layer(layer(x, outputs), outputs);
    const top = two(net.images, 24);
    const middle = two(net.pool("maxPool", top, 2), 48);
    const low = two(net.pool("maxPool", middle, 2), 96);
    const up = two(net.concat(middle, net.convTranspose(low, 48, 2)), 48);
    return net.conv(two(net.concat(top, net.convTranspose(up, 24, 2)), 24), 1, 1);
  },
  true,
);

export const wavenet = caseOf(
  "wavenet",
  "WaveNet stack, 10 layers of 32 channels, 4 x 8,000 samples, SGD",
  [4, 1, 8000],
  (net) => {
    let x = net.conv(net.images, 32, 2, { padding: [1, 0] });
    let skipped: Value | undefined;
    for (let i = 0; i < 10; i++) {
      const causal = { dilation: 2 ** i, padding: [2 ** i, 0] } as const;
      const gated = net.both(
        "multiply",
        net.elementwise("tanh", net.conv(x, 32, 2, causal)),
        net.elementwise("sigmoid", net.conv(x, 32, 2, causal)),
      );
      const skip = net.conv(gated, 32, 1);
      // The last layer's sum would go nowhere.
      if (i < 9) x = net.both("add", net.conv(gated, 32, 1), x);
      skipped = skipped ? net.both("add", skipped, skip) : skip;
    }
    return net.conv(net.relu(net.conv(net.relu(skipped as Value), 32, 1)), 1, 1);
  },
  true,
);

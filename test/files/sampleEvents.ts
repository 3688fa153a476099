import { matmul, nn, relu, type Tensor, Variable, zeros } from "kasane";
import { files } from "kasane/node";

class Layer extends nn.Module {
  weight = new Variable(zeros([4, 2]));
  forward(x: Tensor): Tensor {
    return relu(matmul(x, this.weight));
  }
}

class Model extends nn.Module {
  layers = [new Layer()];
  forward(x: Tensor): Tensor {
    return this.layers.reduce((y, layer) => layer.forward(y), x);
  }
}

/** Writes one event of each kind, always the same; test/fixtures/train.py says what TensorBoard reads in it. Gives the file's name. */
export function writeSampleEvents(folder: string): string {
  const writer = new files.EventWriter(folder, () => 1_700_000_000.5);
  writer.graph([new Model().forward(zeros([3, 4]))]);
  writer.scalar("loss/training", 1, 0.5);
  writer.scalar("loss/training", 2 ** 33, 0.25);
  writer.scalar("loss/training", 2 ** 33 + 1, 0.75);
  writer.restart(2 ** 33 + 1);
  writer.histogram("weights", 3, [0, 1, 2, 3, Number.NaN, 30]);
  writer.histogram("same", 3, [2, 2]);
  writer.histogram("none", 3, []);
  writer.text("notes", 0, "# Größe\n\n|a|b|\n|-|-|\n|1|2|");
  // Last: what deflate makes of it may differ from one version of zlib to the next.
  writer.image("picture", 5, { height: 2, width: 3, channels: 3, data: Uint8Array.from({ length: 18 }, (_, i) => 14 * i) });
  writer.close();
  return writer.file;
}

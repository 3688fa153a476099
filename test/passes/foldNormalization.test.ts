import { fromBinary } from "@bufbuild/protobuf";
import { compile, grad, nn, onnxModel, relu, seed, sum, Tensor, tensor } from "kasane";
import { ModelProtoSchema } from "onnx-buf";
import { describe, expect, it } from "vitest";
import { topologicalOrder } from "../../src/graph/walk.js";
import { prepare } from "../../src/passes/index.js";
import { targetOf } from "../../src/targets/targets.js";
import { relativeError } from "../ops/evaluate.js";

/** A convolution and a normalisation by statistics other than those of the start. */
class Block extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly norm = new nn.BatchNorm2d(4);

  constructor(bias: boolean) {
    super();
    this.conv = new nn.Conv2d(3, 4, 3, { bias, padding: 1 });
  }

  async train(): Promise<void> {
    await this.norm.weight?.assign(tensor([1, -2, 0.5, 3]));
    await this.norm.bias?.assign(tensor([0, 1, 2, 3]));
    await this.norm.runningMean?.assign(tensor([0.5, -1, 2, 0]));
    await this.norm.runningVar?.assign(tensor([0.01, 4, 1, 2]));
  }

  forward(x: Tensor): Tensor {
    return relu(this.norm.forward(this.conv.forward(x)));
  }
}

const image = tensor(
  Float32Array.from({ length: 2 * 3 * 5 * 6 }, (_, i) => Math.sin(7 * i)),
  { shape: [2, 3, 5, 6] },
);
const typesOf = (outputs: readonly Tensor[]) =>
  topologicalOrder(prepare(outputs, targetOf("portable"))).map(({ operator }) => operator.type);

describe("foldNormalization", () => {
  it.each([true, false])("leaves a convolution alone that gives the same, with a bias before (%s)", async (bias) => {
    seed(1);
    const block = new Block(bias);
    await block.train();
    const run = compile(
      (x: Tensor) => {
        const before = block.conv.forward(x);
        // What else uses the result keeps both operators apart.
        return { apart: relu(block.norm.forward(before)), before, folded: block.forward(x.mul(1)) };
      },
      { executor: "onnxruntime" },
    );
    const { apart, folded } = await run(image);
    expect(relativeError(Array.from(await folded.data(), Number), Array.from(await apart.data(), Number), 1e-3)).toBeLessThan(1e-5);
    await run.dispose();
  });

  it("takes the normalisation out of an exported model", async () => {
    const block = new Block(true);
    await block.train();
    const { graph } = fromBinary(ModelProtoSchema, await onnxModel(block, { x: { shape: ["batch", 3, 5, 6] } }));
    expect(graph?.node.map(({ opType }) => opType)).toEqual(["Conv", "Relu"]);
  });

  it("leaves a result that something else uses, as a gradient by the scale does", () => {
    const block = new Block(true);
    const x = new Tensor("float32", [2, 3, 5, 6], { kind: "input", name: "x" });
    expect(typesOf([block.forward(x)])).not.toContain("BatchNormalization");
    const y = block.forward(x);
    expect(typesOf([y, ...grad(sum(y), [block.norm.weight as Tensor])])).toContain("BatchNormalization");
  });
});

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { nn, seed, type Tensor } from "kasane";
import { exportOnnx, files } from "kasane/node";
import { beforeAll, expect, it } from "vitest";
import { writePictures } from "../generative/pictureFiles.js";
import { kasane, temporaryFolder } from "../helpers.js";
import { eventsOf, folderOf } from "../recurrent/interruption.js";

const folder = temporaryFolder();
const at = (...names: string[]) => join(folder, ...names);

/** A network of digits that looks from outside as mnist-8.onnx does, and pictures that a bar's place tells apart. */
beforeAll(async () => {
  seed(7);
  const convolution = new nn.Conv2d(1, 4, 5, { stride: 2, padding: 2 });
  const last = new nn.Linear(4 * 14 * 14, 10);
  const logits = (x: Tensor) =>
    last.forward(
      convolution
        .forward(x.div(255))
        .relu()
        .reshape([1, 4 * 14 * 14]),
    );
  await exportOnnx((picture: Tensor) => ({ digits: logits(picture) }), { picture: { shape: [1, 1, 28, 28] } }, at("digits.onnx"));
  writePictures(folder, { train: 80, t10k: 20 });
});

it("learns pictures by a file that fixes a batch of 1, and names the class of another", async () => {
  const words = ["--model", at("digits.onnx"), "--images", folder, "--runs", at("runs"), "--batch-size", "8", "--epochs", "15", "--test"];
  const { code, stdout, stderr } = await kasane(["run", "digits-to-fashion", ...words, "--learning-rate", "0.003", "--json"]);
  expect(stderr).not.toContain("kasane:");
  expect(code).toBe(0);
  // The test pictures are like those to learn from.
  expect(eventsOf(stdout, "test")[0]).toMatchObject({ examples: 20, accuracy: 1 });
  // The bar of class 9 is in rows 22 and 23.
  const pixels = new Uint8Array(28 * 28).fill(240, 22 * 28, 24 * 28);
  writeFileSync(at("boot.png"), files.encodePng({ width: 28, height: 28, channels: 1, data: pixels }));
  const answer = await kasane(["predict", folderOf(stdout), at("boot.png"), "--json"]);
  expect(JSON.parse(answer.stdout).class).toBe("9");
});

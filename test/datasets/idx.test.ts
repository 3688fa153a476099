import { gzipSync } from "node:zlib";
import { datasets } from "kasane/node";
import { expect, it } from "vitest";

const images = Uint8Array.from([0, 0, 8, 3, ...[2, 1, 3].flatMap((size) => [0, 0, 0, size]), 1, 2, 3, 4, 5, 255]);

it("reads images and labels, packed or not", async () => {
  for (const bytes of [images, gzipSync(images)]) {
    const tensor = datasets.readIdx(bytes);
    expect(tensor.dtype).toBe("uint8");
    expect(await tensor.array()).toEqual([[[1, 2, 3]], [[4, 5, 255]]]);
  }
  expect(await datasets.readIdx(Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 7, 9])).array()).toEqual([7, 9]);
});

it.each([
  ["nothing", new Uint8Array()],
  ["another kind of element", Uint8Array.from([0, 0, 13, 1, 0, 0, 0, 0])],
  ["no axes", Uint8Array.from([0, 0, 8, 0])],
  ["sizes cut off", images.subarray(0, 10)],
  ["too few bytes", images.subarray(0, -1)],
  ["too many bytes", Uint8Array.from([...images, 0])],
  ["sizes beyond all bounds", Uint8Array.from([0, 0, 8, 2, 255, 255, 255, 255, 255, 255, 255, 255, 1])],
  ["a broken gzip file", gzipSync(images).subarray(0, 20)],
])("refuses %s", (_, bytes) => {
  expect(() => datasets.readIdx(bytes)).toThrow(/^IDX: /);
});

const idx = (shape: readonly number[], bytes: readonly number[]) =>
  Uint8Array.from([0, 0, 8, shape.length, ...shape.flatMap((size) => [0, 0, 0, size]), ...bytes]);

it("reads the files of MNIST, and refuses parts that do not belong together", async () => {
  const files = new Map(
    ["train", "t10k"].flatMap((part) => [
      [`${part}-images-idx3-ubyte`, idx([2, 1, 2], [0, 255, 7, 8])] as const,
      [`${part}-labels-idx1-ubyte`, idx([2], [3, 9])] as const,
    ]),
  );
  const { train, test } = datasets.readMnist(files);
  expect(await train.images.array()).toEqual([[[0, 255]], [[7, 8]]]);
  expect(await test.labels.array()).toEqual([3, 9]);
  files.set("t10k-labels-idx1-ubyte", idx([3], [3, 9, 1]));
  expect(() => datasets.readMnist(files)).toThrow("readMnist: t10k has images [2, 1, 2] and labels [3], expected as many of both");
  files.delete("train-labels-idx1-ubyte");
  expect(() => datasets.readMnist(files)).toThrow("readMnist: there is no file train-labels-idx1-ubyte");
});

import { models, nn, type StoredTensor, tensor } from "kasane";
import { expect, it } from "vitest";

const torchvisions = () => new models.SmallResNet({ depth: 8, classes: 7, imageChannels: 3 });
const ours = () => new models.SmallResNet({ depth: 8, classes: 4, imageChannels: 1 });

it("keeps the layer of other classes, and sums colours for grey images", async () => {
  const [theirs, mine] = [torchvisions(), ours()];
  const before = await nn.torchStateDict(mine);
  const stored = await nn.torchStateDict(theirs);
  expect(await models.loadPretrained(mine, stored)).toEqual(["fc.weight", "fc.bias"]);
  const after = await nn.torchStateDict(mine);
  expect(after.get("fc.weight")).toEqual(before.get("fc.weight"));
  // The maps of a grey image are those of the same image in three equal colours.
  const grey = tensor(
    Float32Array.from({ length: 256 }, (_, i) => Math.sin(i * i)),
    { shape: [1, 1, 16, 16] },
  );
  const expected = await theirs.features(grey.tile([1, 3, 1, 1])).data();
  const found = await mine.features(grey).data();
  expected.forEach((value, i) => expect(Number(found[i])).toBeCloseTo(Number(value), 5));
});

it("takes the layer of as many classes, and dicts without counts of batches", async () => {
  const [theirs, mine] = [torchvisions(), torchvisions()];
  const stored = new Map([...(await nn.torchStateDict(theirs))].filter(([name]) => !name.endsWith("num_batches_tracked")));
  expect(await models.loadPretrained(mine, stored)).toEqual([]);
  expect((await nn.torchStateDict(mine)).get("fc.weight")).toEqual(stored.get("fc.weight"));
});

it("keeps no layer but the last, be it as wide as there are classes", async () => {
  const stored = new Map(await nn.torchStateDict(torchvisions()));
  const { data } = stored.get("conv1.weight") as StoredTensor;
  stored.set("conv1.weight", { dtype: "float32", shape: [8, 3, 3, 3], data: (data as Float32Array).slice(0, 8 * 27) });
  const mine = new models.SmallResNet({ depth: 8, classes: 16 });
  await expect(models.loadPretrained(mine, stored)).rejects.toThrow("conv1.weight");
});

it("names what does not fit, and changes nothing", async () => {
  const mine = ours();
  const before = await nn.torchStateDict(mine);
  const stored = new Map<string, StoredTensor>(await nn.torchStateDict(torchvisions()));
  stored.delete("fc.bias");
  stored.set("head.weight", { dtype: "float32", shape: [1], data: new Float32Array(1) });
  await expect(models.loadPretrained(mine, stored)).rejects.toThrow(/unexpected: head\.weight; missing: fc\.bias$/);
  expect(await nn.torchStateDict(mine)).toEqual(before);
});

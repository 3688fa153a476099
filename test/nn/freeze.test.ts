import { nn } from "kasane";
import { expect, test } from "vitest";

const model = () => new nn.Sequential(new nn.Linear(2, 3), new nn.Linear(3, 1));
const trained = (module: nn.Module) => [...module.namedVariables()].flatMap(([name, { trainable }]) => (trainable ? [name] : []));

test("freezes the variables whose whole names fit", () => {
  const first = model();
  expect(nn.freeze(first, "layers.0.*")).toEqual(["layers.0.weight", "layers.0.bias"]);
  expect(trained(first)).toEqual(["layers.1.weight", "layers.1.bias"]);
  const second = model();
  expect(nn.freeze(second, ["layers.1.bias", /^layers\.\d\.weight$/g])).toEqual(["layers.1.bias", "layers.0.weight", "layers.1.weight"]);
  expect(trained(second)).toEqual(["layers.0.bias"]);
});

test("a pattern that fits nothing is an error, and freezes nothing", () => {
  const module = model();
  expect(() => nn.freeze(module, ["layers.0.*", "layers.0.weigth"])).toThrow(
    "no variable fits layers.0.weigth: did you mean layers.0.weight?",
  );
  expect(() => nn.freeze(module, "layers")).toThrow("freeze: no variable fits layers");
  expect(trained(module)).toHaveLength(4);
});

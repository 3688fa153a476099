import { type Tensor, tensor, zeros } from "kasane";
import { describe, expect, it } from "vitest";
import { flatten, flattenLike, mapTree, pathsOf, showTree, unflatten } from "../../src/graph/tree.js";

const [a, b, c] = [tensor(1), tensor([2, 3]), zeros([2, 2], "int32")];
const tree = { layers: [{ keys: a, values: b }], position: c, absent: undefined };

describe("a tree of tensors", () => {
  it("is flattened in the order of its fields, with their paths, and made again", () => {
    expect(flatten(tree)).toEqual([a, b, c]);
    expect(pathsOf(tree)).toEqual(["layers.0.keys", "layers.0.values", "position"]);
    expect(unflatten(tree, [c, a, b])).toEqual({ layers: [{ keys: c, values: a }], position: b, absent: undefined });
    expect([flatten(a), pathsOf(a), flatten([]), flatten({})]).toEqual([[a], [""], [], []]);
  });

  it("gives its tensors in the order of another, whatever the order of its own fields", () => {
    expect(flattenLike("state", { x: a, y: [b] }, { y: [c], x: b })).toEqual([b, c]);
  });

  it.each([
    [{ hidden: a, cell: b }, { hidden: a }, "state.cell is missing, expected float32[2]"],
    [{ hidden: a }, { hidden: a, cel: b }, "state.cel is float32[2], expected none"],
    [[a, b], [a], "state.1 is missing, expected float32[2]"],
    [[a], { 0: a }, "state is { 0: float32[] }, expected [float32[]]"],
    [{ h: a }, { h: 3 }, "state.h is 3, expected float32[]"],
    [{ h: { g: a } }, { h: a }, "state.h is float32[], expected { g: float32[] }"],
    [a, new Map(), "state is a Map, expected float32[]"],
  ])("names the field where two differ: %#", (pattern, other, message) => {
    expect(() => flattenLike("state", pattern, other)).toThrow(message);
  });

  it("holds nothing but tensors, unless what else there is is mapped too", () => {
    expect(() => flatten({ rate: 0.1 })).toThrow("rate is 0.1: expected tensors in plain objects and arrays");
    expect(() => flatten(new Map([["x", a]]))).toThrow("the tree is a Map: expected tensors in plain objects and arrays");
    expect(() => flatten([null])).toThrow("0 is null: expected tensors");
    const shapes = mapTree({ x: b, rate: 0.1 } as { x: Tensor; rate: unknown }, ({ shape }) => shape, String);
    expect(shapes).toEqual({ x: [2], rate: "0.1" });
  });

  it("is shown with its fields", () => {
    expect(showTree(tree)).toBe("{ layers: [{ keys: float32[], values: float32[2] }], position: int32[2, 2] }");
    expect(showTree({})).toBe("{}");
  });
});

import { closestName } from "kasane";
import { describe, expect, it } from "vitest";
import { checkOptions } from "../../src/graph/options.js";

interface Settings {
  readonly learningRate: number;
  readonly clipValue?: number;
}
const names = { learningRate: "required", clipValue: "optional" } as const;

describe("options", () => {
  const checked = (options: object) => () => checkOptions<Settings>("Adam", options as Settings, names);

  it("of known names pass, undefined ones too where they need not be given", () => {
    expect(checked({ learningRate: 1 })).not.toThrow();
    expect(checked({ learningRate: 0, clipValue: undefined })).not.toThrow();
  });

  it.each([
    [{ lr: 0.001 }, "Adam: unknown option lr: did you mean learningRate?"],
    [{ learning_rate: 0.001 }, "Adam: unknown option learning_rate: did you mean learningRate?"],
    [{ learningRate: 1, clipvalue: 3 }, "Adam: unknown option clipvalue: did you mean clipValue?"],
    [{ learningRate: 1, zzz: 3 }, "Adam: unknown option zzz: expected learningRate, clipValue"],
    [{ learningRate: 1, toString: 3 }, "Adam: unknown option toString"],
    [{ clipValue: 1 }, "Adam: the option learningRate is missing: expected { learningRate }"],
    [{ learningRate: undefined }, "Adam: the option learningRate is missing"],
    [[1], "Adam: got object in place of options"],
  ])("%j are named in an error", (options, message) => {
    expect(checked(options)).toThrow(message);
  });

  it("that are none are named with what must be given", () => {
    expect(checked(undefined as never)).toThrow("Adam: got no options: expected { learningRate }");
    expect(checked(0.1 as never)).toThrow("Adam: got number in place of options: expected { learningRate }");
  });
});

describe("the closest name", () => {
  it.each([
    ["lst", ["list", "run"], "list"],
    ["wd", ["weightDecay", "momentum"], "weightDecay"],
    ["batch", ["batchSize", "epochs"], "batchSize"],
    ["xq", ["at", "by"], undefined],
    ["", ["at"], undefined],
  ])("of %s in %j is %s", (typed, names, expected) => {
    expect(closestName(typed, names)).toBe(expected);
  });
});

import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile, data, nn, type Tensor, tensor } from "kasane";
import { datasets, files } from "kasane/node";
import { describe, expect, it } from "vitest";

const { LabelEncoder, parseCsv, StandardScaler, Table, TensorDataset, trainTestSplit } = data;

describe("CSV", () => {
  it("has names in its first line, quoted fields with line breaks, and whatever delimiter", () => {
    const table = parseCsv('text;label\r\n"two\nlines; and ""quotes""";a\r\n\r\nplain;b\r\n');
    expect(table.names).toEqual(["text", "label"]);
    expect(table.rows).toEqual([
      ['two\nlines; and "quotes"', "a"],
      ["plain", "b"],
    ]);
    expect(parseCsv("x\n1\n2\n").column("x")).toEqual(["1", "2"]);
    expect(parseCsv("a,b\n1,2\n,\n\n3,4\n").rows).toEqual([
      ["1", "2"],
      ["", ""],
      ["3", "4"],
    ]);
  });

  it("may end its lines in several ways", () => {
    const text = 'text,label\nhi,cat\r\nfar,"two\r\nlines, a ""b"""\r5" pipe,dog\r\n"x",6" pipe\r\n';
    expect(parseCsv(text).rows).toEqual([
      ["hi", "cat"],
      ["far", 'two\r\nlines, a "b"'],
      ['5" pipe', "dog"],
      ["x", '6" pipe'],
    ]);
    expect(parseCsv(text.replaceAll(",", "^"), { delimiter: "^" }).rows[1]).toEqual(["far", 'two\r\nlines^ a "b"']);
    expect(parseCsv("text\r\nhi\nyo\r\n").column("text")).toEqual(["hi", "yo"]);
  });

  it("takes names from outside, after lines that are skipped", async () => {
    const table = parseCsv("3,2,a,b\n1,2\n3,4", { skipLines: 1, names: ["x", "y"] });
    expect(await table.numbers(["y", "x"]).array()).toEqual([
      [2, 1],
      [4, 3],
    ]);
  });

  it.each([
    ["a,b\n1,2,3\n", /row 1 has 3 fields, expected 2/],
    ["a,b\n1\n", /row 1 has 1 fields, expected 2/],
    ['a,b\n"1,2\n', /[Qq]uote/],
    ["", /empty/],
    ["a,a\n1,2\n", /two columns are called "a"/],
  ])("refuses %j", (text, fault) => {
    expect(() => parseCsv(text)).toThrow(fault);
  });

  it("names the field that is no number", async () => {
    const table = new Table(
      ["x", "y"],
      [
        ["1", "2"],
        [" ", "NaN"],
      ],
    );
    expect(() => table.numbers()).toThrow('an empty field in row 2 of column "x"');
    expect(() => table.numbers(["y"])).toThrow('"NaN" in row 2 of column "y"');
    for (const field of ["1e39", "-Infinity", "0x10"]) {
      expect(() => new Table(["z"], [[field]]).numbers()).toThrow(`"${field}" in row 1 of column "z": expected a number`);
    }
    expect(() => table.column("z")).toThrow('there is no column "z": the columns are x, y');
    expect(await table.numbers(["x"], { missing: -1 }).array()).toEqual([[1], [-1]]);
  });

  it("is read from a file, whose name an error tells", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kasane-csv-"));
    await writeFile(join(folder, "good.csv"), "x\n5\n");
    await writeFile(join(folder, "latin.csv"), Buffer.from([0x78, 0x0a, 0xe9, 0x0a]));
    expect((await datasets.readCsv(join(folder, "good.csv"))).size).toBe(1);
    await expect(datasets.readCsv(join(folder, "latin.csv"))).rejects.toThrow("latin.csv: it is not UTF-8 text");
    await expect(datasets.readCsv(join(folder, "none.csv"))).rejects.toThrow("none.csv: no such file");
  });
});

describe("LabelEncoder", () => {
  it("orders names, and goes there and back", async () => {
    const labels = LabelEncoder.of(["b", "a", "c", "b"]);
    expect(labels.names).toEqual(["a", "b", "c"]);
    expect(await labels.encode(["c", "a"]).array()).toEqual([2, 0]);
    expect(labels.decode([2, 0])).toEqual(["c", "a"]);
    expect(await labels.oneHot(["b"]).array()).toEqual([[0, 1, 0]]);
    expect(() => labels.encode(["d"])).toThrow('unknown label "d": expected one of a, b, c');
    expect(() => labels.decode([3])).toThrow("class 3, expected 0 to 2");
    expect(() => labels.encode(["constructor"])).toThrow("unknown label");
  });
});

describe("StandardScaler", () => {
  // scikit-learn 1.9: StandardScaler().fit([[1, 5], [3, 5], [8, 5]]): mean_ [4, 5], scale_ [2.943920, 1]
  const x = tensor([
    [1, 5],
    [3, 5],
    [8, 5],
  ]);
  it("has deviation 1 for equal numbers whose mean is rounded", () => {
    const column = tensor(new Float64Array(10).fill(0.1), { shape: [10, 1], dtype: "float64" });
    expect(StandardScaler.fit(column).deviation).toEqual([1]);
  });

  it("has mean 0 and deviation 1, and leaves a column of equal numbers at 0", async () => {
    const scaler = StandardScaler.fit(x);
    expect(scaler.mean).toEqual([4, 5]);
    expect(scaler.deviation[0]).toBeCloseTo(2.94392, 5);
    expect(scaler.deviation[1]).toBe(1);
    const scaled = [-1.01905, 0, -0.33968, 0, 1.35873, 0];
    const eager = await scaler.transform(x).data();
    const compiled = await compile((value: Tensor) => scaler.transform(value))(x);
    scaled.forEach((value, i) => {
      expect(Number(eager[i])).toBeCloseTo(value, 5);
    });
    expect(await compiled.array()).toEqual(await scaler.transform(x).array());
    expect(await scaler.inverseTransform(scaler.transform(x)).array()).toEqual(await x.array());
  });

  it("refuses other columns and what has no rows", () => {
    expect(() => StandardScaler.fit(tensor([1, 2]))).toThrow("got [2], expected [rows, columns]");
    expect(() => StandardScaler.fit(x).transform(tensor([[1]]))).toThrow("got [1, 1], expected 2 columns");
  });
});

describe("TensorDataset", () => {
  const dataset = new TensorDataset(tensor([[0], [1], [2], [3], [4]]), tensor(Int32Array.from([0, 10, 20, 30, 40])));
  const read = async (batches: Iterable<readonly [Tensor, Tensor]>) =>
    Promise.all([...batches].map(async ([x, y]) => [await x.array(), await y.array()]));

  it("gives batches of rows that belong together, in order", async () => {
    expect(await read(dataset.batches({ size: 2 }))).toEqual([
      [
        [[0], [1]],
        [0, 10],
      ],
      [
        [[2], [3]],
        [20, 30],
      ],
      [[[4]], [40]],
    ]);
    expect(await read(dataset.batches({ size: 2, dropLast: true }))).toHaveLength(2);
  });

  it("shuffles each epoch anew, the same for the same seed", async () => {
    const epoch = (at: number, seed = 3) => read(dataset.batches({ size: 5, shuffle: true, seed, epoch: at }));
    expect(await epoch(0)).toEqual(await epoch(0));
    expect(await epoch(0)).not.toEqual(await epoch(1));
    const [[x, y]] = (await epoch(0)) as [[number[][], number[]]];
    expect(y).toEqual(x.map(([value]) => 10 * (value as number)));
    expect(() => [...dataset.batches({ size: 5, shuffle: true })]).toThrow("shuffle needs the epoch");
  });

  it.each([5, -1, 0.5, Number.NaN])("has no example %d", (place) => {
    expect(() => dataset.at([0, place])).toThrow(`rowsAt: got index ${place}, expected an integer from 0 below 5`);
  });

  it("refuses sizes that differ and what is not computed", () => {
    expect(() => new TensorDataset(tensor([1, 2]), tensor([1]))).toThrow("got [2], [1]: expected the same first size");
    expect(() => new TensorDataset(tensor([1, 2]).add(1))).toThrow("is not computed yet");
    expect(() => new TensorDataset()).toThrow("no tensors");
  });
});

describe("trainTestSplit", () => {
  it("parts all examples, the same way for the same seed", () => {
    const numbers = Array.from({ length: 10 }, (_, i) => i);
    const { train, test } = trainTestSplit(numbers, { testShare: 0.3, seed: 1 });
    expect([train.length, test.length]).toEqual([7, 3]);
    expect([...train, ...test].sort((a, b) => a - b)).toEqual(numbers);
    expect(trainTestSplit(numbers, { testShare: 0.3, seed: 1 })).toEqual({ train, test });
    expect(trainTestSplit(numbers, { testShare: 0.3, seed: 2 })).not.toEqual({ train, test });
  });

  it("gives both parts the same shares of the classes", async () => {
    const labels = tensor(Int32Array.from({ length: 100 }, (_, i) => (i < 80 ? 0 : i < 95 ? 1 : 2)));
    const { train, test } = trainTestSplit(new TensorDataset(labels), { testShare: 0.2, stratify: labels });
    const counts = async (part: typeof train) => {
      const values = [...(await part.tensors[0].data())].map(Number);
      return [0, 1, 2].map((label) => values.filter((value) => value === label).length);
    };
    expect(await counts(train)).toEqual([64, 12, 4]);
    expect(await counts(test)).toEqual([16, 3, 1]);
  });

  it("refuses parts that would be empty", () => {
    expect(() => trainTestSplit([1], {})).toThrow("testShare 0.25 of 1 examples leaves a part empty");
    expect(() => trainTestSplit([1, 2, 3, 4], { stratify: ["a", "a", "a", "b"] })).toThrow("class b has 1 examples");
    expect(() => trainTestSplit([1, 2], { testShare: 1 })).toThrow("testShare 1");
  });
});

describe("bundles", () => {
  it("carry the weights, the labels, the scaler, the vocabulary and the configuration", async () => {
    const folder = join(await mkdtemp(join(tmpdir(), "kasane-bundle-")), "flowers");
    const model = new nn.Linear(2, 3);
    const labels = new LabelEncoder(["x", "y", "z"]);
    const scaler = new StandardScaler([1, 2], [3, 4]);
    const vocabulary = new data.Vocabulary(["<UNK>", "word"]);
    for (const round of [1, 2]) {
      await files.saveBundle(folder, { model, labels, scaler, vocabulary, config: { round } });
      const loaded = await files.loadBundle(folder);
      expect(loaded.config).toEqual({ round });
      expect(loaded.labels?.names).toEqual(labels.names);
      expect(loaded.scaler).toEqual(scaler);
      expect(loaded.vocabulary?.id("anything")).toBe(0);
      const copy = new nn.Linear(2, 3);
      await copy.loadStateDict(loaded.weights);
      expect(await copy.weight.array()).toEqual(await model.weight.array());
      expect(await readdir(folder)).toHaveLength(2);
    }
    await writeFile(join(folder, "bundle.json"), '{"format":"kasane-bundle","version":1,"weights":"../secret"}');
    await expect(files.loadBundle(folder)).rejects.toThrow(/bundle.json is damaged: weights/);
    await expect(files.loadBundle(tmpdir())).rejects.toThrow("holds no bundle");
    await expect(files.saveBundle(folder, { model, config: () => 1 })).rejects.toThrow("saveBundle: config");
    const deep = `${"[".repeat(20_000)}${"]".repeat(20_000)}`;
    const weights = `weights-${"0".repeat(36)}.safetensors`;
    await writeFile(join(folder, "bundle.json"), `{"format":"kasane-bundle","version":1,"weights":"${weights}","config":${deep}}`);
    await expect(files.loadBundle(folder)).rejects.toThrow(/bundle\.json is damaged: it is nested too deeply$/);
  });

  it("are saved into a folder one at a time", async () => {
    const folder = await mkdtemp(join(tmpdir(), "kasane-bundle-"));
    const saves = [1, 2].map((config) => files.saveBundle(folder, { model: new nn.Linear(2, 3), config }));
    const [first, second] = await Promise.allSettled(saves);
    expect([first?.status, second?.status]).toEqual(["fulfilled", "rejected"]);
    expect(String((second as PromiseRejectedResult).reason)).toMatch(/is in use: process \d+ on .*bundle\.lock$/);
    expect((await files.loadBundle(folder)).config).toBe(1);
  });
});

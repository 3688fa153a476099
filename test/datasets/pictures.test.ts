import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { datasets, files } from "../../src/node.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
const png = (...data: number[]) => files.encodePng({ height: 1, width: data.length, channels: 1, data: Uint8Array.from(data) });

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "kasane-pictures-"));
  for (const name of ["all/dog/old", "all/cat", "none", "loose/cat", "damaged/cat", "other/cat", "other/dog"])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at("all/dog/b.png"), png(1, 2));
  writeFileSync(at("all/dog/old/a.PNG"), png(3, 4, 5));
  writeFileSync(at("all/cat/z.png"), png(6));
  writeFileSync(at("all/cat/notes.txt"), "a cat");
  writeFileSync(at("all/cat/.hidden.png"), "");
  mkdirSync(at("all/.cache"));
  symlinkSync(at("all/cat"), at("all/link"));
  symlinkSync(at("all/cat/z.png"), at("all/cat/link.png"));
  writeFileSync(at("other/cat/a.webp"), "RIFF");
  writeFileSync(at("other/dog/a.png"), png(1));
  writeFileSync(at("loose/cat.png"), png(1));
  writeFileSync(at("damaged/cat/a.jpg"), "no picture");
});

afterAll(() => rmSync(folder, { recursive: true }));

describe("a folder for each class", () => {
  test("gives the classes in order, and the pictures of each", () => {
    const { classes, samples } = datasets.readClassFolders(at("all"));
    expect(classes).toEqual(["cat", "dog"]);
    expect(samples.map(({ file, label, picture }) => [file.slice(at("all").length), label, [...picture.pixels]])).toEqual([
      ["/cat/z.png", 0, [6]],
      ["/dog/b.png", 1, [1, 2]],
      ["/dog/old/a.PNG", 1, [3, 4, 5]],
    ]);
    expect(datasets.readClassFolders(`${at("all")}/`, { classes: ["dog", "cat"], channels: 3 }).samples.map(({ label }) => label)).toEqual([
      1, 0, 0,
    ]);
    expect(datasets.readPicture(at("all/cat/z.png"), 3)).toEqual({ pixels: Uint8Array.of(6, 6, 6), channels: 3, height: 1, width: 1 });
  });

  test("what does not fit is named", () => {
    expect(() => datasets.findClassFolders(at("none"))).toThrow(/none: no \.png, \.jpg or \.jpeg file is in it: expected/);
    expect(() => datasets.findClassFolders(at("other"))).toThrow("other: class cat has no pictures in JPEG or PNG files");
    expect(() => datasets.findClassFolders(at("loose"))).toThrow("cat.png: a picture that is in no folder of a class");
    expect(() => datasets.findClassFolders(at("all"), { classes: ["cat"] })).toThrow("b.png: its folder is none of the classes cat");
    expect(() => datasets.findClassFolders(at("all"), { classes: ["cat", "dog", "emu"] })).toThrow("class emu has no pictures");
    expect(() => datasets.readClassFolders(at("damaged"))).toThrow("a.jpg: neither a JPEG nor a PNG file");
    expect(() => datasets.readPicture(at("all/none.png"))).toThrow("none.png: no such file: expected a JPEG or PNG file");
  });
});

describe("a CSV file of pixels", () => {
  const read = (text: string, options?: datasets.PixelCsvOptions) => {
    writeFileSync(at("pixels.csv"), text);
    return datasets.readPixelCsv(at("pixels.csv"), options);
  };

  test("has labels or none, and rows that end in either way", async () => {
    const { images, labels } = read("label,pixel0,pixel1,pixel2,pixel3\r\n7,0,10,200,255\r\n1,4,3,2,1");
    expect(images.shape).toEqual([2, 2, 2]);
    expect([...(await images.data())]).toEqual([0, 10, 200, 255, 4, 3, 2, 1]);
    expect([...((await labels?.data()) ?? [])]).toEqual([7, 1]);
    const bare = read("a,b\n1,2\n3,4\n", { height: 2 });
    expect([bare.images.shape, bare.labels]).toEqual([[2, 2, 1], undefined]);
  });

  test.each([
    ["label,a\n1,256\n", "row 1, column a: expected an integer from 0 to 255"],
    ["label,a\n1,\n", "row 1, column a: expected an integer from 0 to 255"],
    ["label,a\n1,2\n0,-3\n", "row 2, column a: expected an integer from 0 to 255"],
    ["label,a\n1,0002\n", "row 1, column a: expected an integer from 0 to 255"],
    ["label,a\n1,2,3\n", "row 1, column a: the row goes on, expected 2 columns"],
    ["label,a\n1\n", "row 1, column label: the row ends, expected 2 columns"],
    ["label,a\n1,2\n1,", "row 2, column a: the file ends, expected 2 columns"],
    ["label,a\n", "it has no rows but the names of the columns"],
    ["", "it has no rows but the names of the columns"],
    ["label,a,b\n1,2,3\n", "2 columns of pixels, expected as many as a square has"],
    ["1,2,3,4\n5,6,7,8\n", "its first line holds numbers only, expected the names of the columns: put a line of them before"],
    ["label\n1\n", "0 columns of pixels, expected as many as a square has"],
  ])("%j is refused", (text, message) => {
    expect(() => read(text)).toThrow(message);
    expect(() => read(text)).toThrow(/^[^\n]*$/);
  });

  test("a size that is not that of the pixels is refused", () => {
    expect(() => read("a,b\n1,2\n", { height: 3 })).toThrow("2 columns of pixels, expected");
    expect(() => datasets.readPixelCsv(at("none.csv"))).toThrow("none.csv: no such file");
  });
});

import { vision } from "kasane";
import { describe, expect, it } from "vitest";

const classes = ["RBC", "WBC", "Platelets"];
const object = (name: string, corners: string, more = "") => {
  const [xmin, ymin, xmax, ymax] = corners.split(" ");
  return `<object><name>${name}</name>${more}<bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>`;
};
const voc = (objects: string, size = "<size><width>640</width><height>480</height><depth>3</depth></size>") =>
  `<?xml version="1.0"?>\n<annotation>\n<filename>a.jpg</filename>${size}${objects}</annotation>`;

describe("readVoc", () => {
  it("reads objects, their classes and which are difficult", () => {
    const part = "<part><name>RBC</name><bndbox><xmin>1</xmin></bndbox></part>";
    const xml = voc(object("WBC", "1 2 30 40.5") + object("RBC", "5 6 7 8", `<difficult>1</difficult>${part}`));
    expect(vision.readVoc(xml, classes)).toEqual({
      file: "a.jpg",
      width: 640,
      height: 480,
      objects: [
        { class: 1, box: [1, 2, 30, 40.5] },
        { class: 0, box: [5, 6, 7, 8], difficult: true },
      ],
    });
    expect(vision.readVoc(voc(""), classes).objects).toEqual([]);
  });

  it("refuses what it does not understand in one line", () => {
    for (const [xml, message] of [
      ["", /^a\.xml: no XML: /],
      ["<annotation>", /^a\.xml: no XML: /],
      ["<svg/>", "a.xml: <svg>, expected <annotation>"],
      ["<!DOCTYPE a [<!ENTITY b 'c'>]><annotation/>", "a.xml: it has a document type, expected none"],
      ["<a>".repeat(50), "a.xml: elements are nested more than 32 deep"],
      ["<annotation/>", "a.xml: 0 elements <size> in <annotation>, expected one"],
      [voc("", "<size><width>1e9</width><height>2</height></size>"), "a.xml: <width> 1e9, expected a number"],
      [voc("", "<size><width>0</width><height>2</height></size>"), "a.xml: width 0, expected an integer from 1 to 1000000"],
      [voc(object("WBB", "1 2 3 4")), "a.xml, object 0: unknown class WBB: did you mean WBC?"],
      [voc(object("RBC", "1 2 3")), "a.xml, object 0: <ymax> undefined, expected a number"],
      [voc(object("RBC", "5 2 3 4")), "a.xml, object 0: box from (5, 2) to (3, 4), expected finite corners in order"],
      [voc(object("RBC", "1 2 3 4", "<difficult>yes</difficult>")), "a.xml, object 0: <difficult> yes, expected 0 or 1"],
    ] as const) {
      expect(() => vision.readVoc(xml, classes, "a.xml")).toThrow(message);
    }
  });
});

describe("readCoco", () => {
  const valid = {
    categories: [
      { id: 7, name: "cat" },
      { id: 3, name: "dog" },
    ],
    images: [
      { id: 10, file_name: "a.jpg", width: 20, height: 10 },
      { id: 5, file_name: "b.jpg", width: 30, height: 40 },
    ],
    annotations: [
      { image_id: 10, category_id: 7, bbox: [1, 2, 3, 4], area: 11.5, iscrowd: 0 },
      { image_id: 10, category_id: 3, bbox: [0, 0, 5.5, 6], iscrowd: 1 },
    ],
  };
  const read = (change: object) => () => vision.readCoco(JSON.stringify({ ...valid, ...change }), "a.json");

  it("reads images, and classes in the order of their identifiers", () => {
    expect(read({})()).toEqual({
      classes: ["dog", "cat"],
      images: [
        {
          file: "a.jpg",
          width: 20,
          height: 10,
          objects: [
            { class: 1, box: [1, 2, 4, 6], area: 11.5 },
            { class: 0, box: [0, 0, 5.5, 6], crowd: true },
          ],
        },
        { file: "b.jpg", width: 30, height: 40, objects: [] },
      ],
    });
  });

  it("refuses what it does not understand in one line", () => {
    const [annotation] = valid.annotations;
    expect(() => vision.readCoco("{", "a.json")).toThrow(/^a\.json: no JSON: [^\n]*$/);
    expect(() => vision.readCoco("[]", "a.json")).toThrow("a.json: [], expected an object");
    expect(() => vision.readCoco(`{"categories": [${"[".repeat(50_000)}${"]".repeat(50_000)}]}`, "a.json")).toThrow(
      "a.json, categories[0]: an array of 1, expected an object",
    );
    expect(read({ annotations: [{ ...annotation, area: {} }] })).toThrow(
      "a.json, annotations[0]: area an object, expected a number from 0",
    );
    expect(read({ images: undefined })).toThrow("a.json: images missing, expected an array");
    expect(read({ images: [{ ...valid.images[0], width: "20" }] })).toThrow('a.json, images[0]: width "20", expected an integer from 1');
    expect(read({ images: [valid.images[0], valid.images[0]] })).toThrow("a.json: two of images have the id 10");
    expect(read({ annotations: [null] })).toThrow("a.json, annotations[0]: null, expected an object");
    expect(read({ annotations: [{ ...annotation, image_id: 1 }] })).toThrow("a.json, annotations[0]: no image has the id 1");
    expect(read({ annotations: [{ ...annotation, category_id: 1 }] })).toThrow("a.json, annotations[0]: no category has the id 1");
    expect(read({ annotations: [{ ...annotation, bbox: [1, 2, 3] }] })).toThrow("bbox [1,2,3], expected [x, y, width, height]");
    expect(read({ annotations: [{ ...annotation, bbox: [1, 2, -3, 4] }] })).toThrow(
      "box from (1, 2) to (-2, 6), expected finite corners in order",
    );
    expect(read({ annotations: [{ ...annotation, iscrowd: 2 }] })).toThrow("iscrowd 2, expected 0 or 1");
  });
});

describe("readYolo", () => {
  const image = { file: "a.txt", width: 200, height: 100 };

  it("reads shares of the image as pixels", () => {
    expect(vision.readYolo("1 0.5 0.5 0.25 0.5\r\n\n0 .25 0.25 0.5 5e-1\n", image, 2)).toEqual({
      ...image,
      objects: [
        { class: 1, box: [75, 25, 125, 75] },
        { class: 0, box: [0, 0, 100, 50] },
      ],
    });
    expect(vision.readYolo("", image, 2).objects).toEqual([]);
  });

  it("refuses what it does not understand in one line", () => {
    for (const [text, message] of [
      ["0 0.5 0.5 0.5", "a.txt, line 1: 0 0.5 0.5 0.5, expected five numbers: class, x, y, width, height"],
      ["\n0 0.5 0.5 0.5 x", "a.txt, line 2: 0 0.5 0.5 0.5 x, expected five numbers"],
      ["2 0.5 0.5 0.5 0.5", "a.txt, line 1: class 2, expected 0 to 1"],
      ["0.5 0.5 0.5 0.5 0.5", "a.txt, line 1: class 0.5, expected 0 to 1"],
      ["0 50 50 20 20", "expected the box in shares of the image, 0 to 1"],
    ] as const) {
      expect(() => vision.readYolo(text, image, 2)).toThrow(message);
    }
    expect(() => vision.readYolo("", { ...image, width: 0.5 }, 2)).toThrow("a.txt: width 0.5, expected an integer from 1");
  });
});

import { SaxesParser } from "saxes";
import { check, excerpt, KasaneError } from "../graph/error.js";
import type { AnnotatedImage } from "./annotations.js";
import { boxOf, checkSide, classOf } from "./annotations.js";

/** An annotation is a few levels deep. */
const deepest = 32;

/** An element with the texts and the elements in it. */
interface Element {
  readonly name: string;
  readonly children: Element[];
  text: string;
}

/**
 * Reads an image's XML file of Pascal VOC. Corners stay as they are in the file: VOC's own count pixels from 1, and both corners are in the box.
 * @param classes their names, in the order of their indices
 * @param name the XML file's, which begins errors
 * @throws KasaneError that names the element
 */
export function readVoc(xml: string, classes: readonly string[], name = "Pascal VOC XML"): AnnotatedImage {
  const root = parse(xml, name);
  check(root.name === "annotation", () => `${name}: <${excerpt(root.name)}>, expected <annotation>`);
  const size = child(name, root, "size");
  const [width, height] = [numberIn(name, size, "width"), numberIn(name, size, "height")];
  checkSide(name, "width", width);
  checkSide(name, "height", height);
  const objects = root.children
    .filter((element) => element.name === "object")
    .map((object, i) => {
      const where = `${name}, object ${i}`;
      const bounds = child(where, object, "bndbox");
      const corner = (of: string) => numberIn(where, bounds, of);
      const hard = object.children.find((element) => element.name === "difficult")?.text.trim() ?? "0";
      check(hard === "0" || hard === "1", () => `${where}: <difficult> ${excerpt(hard)}, expected 0 or 1`);
      return {
        class: classOf(where, textIn(where, object, "name"), classes),
        box: boxOf(where, [corner("xmin"), corner("ymin"), corner("xmax"), corner("ymax")]),
        ...(hard === "1" ? { difficult: true } : {}),
      };
    });
  return { file: textIn(name, root, "filename"), width, height, objects };
}

/** The tree of elements. A document type is refused: it could define entities that grow. */
function parse(xml: string, name: string): Element {
  const parser = new SaxesParser();
  const document: Element = { name: "", children: [], text: "" };
  const open = [document];
  parser.on("error", (error) => {
    throw new KasaneError(`${name}: no XML: ${excerpt(error.message, 120)}`, { cause: error });
  });
  parser.on("doctype", () => {
    throw new KasaneError(`${name}: it has a document type, expected none`);
  });
  parser.on("opentag", (tag) => {
    check(open.length <= deepest, () => `${name}: elements are nested more than ${deepest} deep`);
    const element = { name: tag.name, children: [], text: "" };
    open.at(-1)?.children.push(element);
    open.push(element);
  });
  parser.on("closetag", () => open.pop());
  const addText = (text: string) => {
    const element = open.at(-1);
    if (element) element.text += text;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.write(xml).close();
  const [root] = document.children;
  check(root !== undefined, () => `${name}: no element`);
  return root;
}

function child(where: string, element: Element, name: string): Element {
  const found = element.children.filter((each) => each.name === name);
  const [only] = found;
  check(only !== undefined && found.length === 1, () => `${where}: ${found.length} elements <${name}> in <${element.name}>, expected one`);
  return only;
}

function textIn(where: string, element: Element, name: string): string {
  const text = child(where, element, name).text.trim();
  check(text !== "", () => `${where}: <${name}> is empty`);
  return text;
}

function numberIn(where: string, element: Element, name: string): number {
  const text = textIn(where, element, name);
  check(/^-?\d+(\.\d+)?$/.test(text), () => `${where}: <${name}> ${excerpt(text)}, expected a number`);
  return Number(text);
}

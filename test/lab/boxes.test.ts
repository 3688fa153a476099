import { files } from "kasane/node";
import { describe, expect, it } from "vitest";
import { drawBoxesPng, drawBoxesSvg } from "../../lab/plot/boxes.js";
import { drawText, textWidth } from "../../lab/plot/pixelFont.js";

const picture = { pixels: new Uint8Array(3 * 20 * 30).fill(100), channels: 3, height: 20, width: 30 };
const drawing = {
  pictures: [
    {
      picture,
      boxes: [
        { box: [2, 3, 12, 13], class: 0, score: 0.75 },
        { box: [15, 5, 25, 15], class: 1 },
      ] as const,
    },
  ],
  classNames: ["<cell>", "thing"],
  scale: 2,
};

describe("pictures with boxes", () => {
  it("have the lines of the boxes in the colours of their classes", () => {
    const { pixels, width, height } = files.decodePng(drawBoxesPng(drawing), "drawing");
    const at = (x: number, y: number) => [0, 1, 2].map((channel) => pixels[(channel * height + y) * width + x]);
    const blue = [0x00, 0x72, 0xb2];
    // The picture begins at (4, 4), and each of its pixels is two wide: the corners of the box found are (8, 10) and (28, 30).
    for (let x = 8; x <= 28; x++) expect([at(x, 10), at(x, 30)]).toEqual([blue, blue]);
    for (let y = 10; y <= 30; y++) expect([at(8, y), at(28, y)]).toEqual([blue, blue]);
    expect(at(18, 20)).toEqual([100, 100, 100]);
    // What is only there is dotted: one pixel of five along each side, two thick. It begins at (34, 14), and ends 20 pixels to the right.
    const upper = Array.from({ length: 20 }, (_, i) => i).filter((i) => at(34 + i, 14).join() === [0xd5, 0x5e, 0x00].join());
    expect(upper).toEqual([0, 1, 5, 10, 15, 19]);
    // The legend below has dark text.
    const legend = Array.from({ length: width * 20 }, (_, i) => at(i % width, 48 + Math.floor(i / width)));
    expect(legend.filter((colour) => colour.join() === "34,34,34").length).toBeGreaterThan(50);
  });

  it("say as SVG what each box is", () => {
    const svg = drawBoxesSvg(drawing);
    expect(svg).toContain('<rect x="8" y="10" width="20" height="20"');
    expect(svg).toContain("<title>&lt;cell> 0.75</title>");
    expect(svg).toContain("<title>thing</title>");
    expect(svg).toContain("&lt;cell>: 1</text>");
    expect(svg).toContain("thing: 0</text>");
  });

  it("write signs of 3 x 5 pixels", () => {
    const rows = Array.from({ length: 5 }, () => [..." ".repeat(textWidth("hi!"))]);
    drawText("hi!", (x, y) => {
      (rows[y] as string[])[x] = "#";
    });
    // What stands for an unknown sign is a frame.
    expect(rows.map((row) => row.join(""))).toEqual(["# # ### ###", "# #  #  # #", "###  #  # #", "# #  #  # #", "# # ### ###"]);
  });
});

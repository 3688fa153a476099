import { datasets } from "kasane/node";
import { expect, it } from "vitest";

const bytes = (text: string) => new TextEncoder().encode(text);

it("reads the questions of Banking77 in their parts", () => {
  const files = new Map([
    ["train.csv", bytes('text,category\n"Where is\nmy card?",card_arrival\nTop up,top_up\n')],
    ["test.csv", bytes("text,category\nWhy?,top_up\n")],
  ]);
  const { train, test } = datasets.readBanking77(files);
  expect(train).toEqual({ texts: ["Where is\nmy card?", "Top up"], labels: ["card_arrival", "top_up"] });
  expect(test).toEqual({ texts: ["Why?"], labels: ["top_up"] });
  files.delete("test.csv");
  expect(() => datasets.readBanking77(files)).toThrow("readBanking77: got no test.csv");
});

import { parseCsv } from "../data/table.js";
import { check } from "../graph/error.js";
import type { Dataset } from "./dataset.js";

const home = "https://raw.githubusercontent.com/PolyAI-LDN/task-specific-datasets/57ec275d8078af65b7731c2a98be812d844a6d6b/banking_data";

/**
 * Banking77 (Casanueva et al. 2020, Efficient intent detection with dual sentence encoders): questions of customers to a bank, of 77 intents. Read its
 * files with {@link readBanking77}.
 */
export const banking77: Dataset = {
  name: "banking77",
  title: "Banking77",
  files: {
    "train.csv": { url: `${home}/train.csv`, sha256: "b06e26ac675513959a63135f11b94ea7786ed02da65db93a5650d8838cbc664b" },
    "test.csv": { url: `${home}/test.csv`, sha256: "d12d6e3bc4c3103966ae786dc435913c0c563dfa328f5a3646d0e62cfeeb474d" },
  },
};

/** Texts, and the name of the class of each. */
export interface LabelledTexts {
  readonly texts: readonly string[];
  readonly labels: readonly string[];
}

/**
 * The questions of Banking77, in the publisher's parts: 10,003 to train on, 3,080 to test.
 * @param files the bytes of `train.csv` and `test.csv`
 * @throws KasaneError where one is missing or is no table of the columns text and category
 */
export function readBanking77(files: ReadonlyMap<string, Uint8Array>): { readonly train: LabelledTexts; readonly test: LabelledTexts } {
  const part = (name: string): LabelledTexts => {
    const bytes = files.get(name);
    check(bytes !== undefined, () => `readBanking77: got no ${name}`);
    const table = parseCsv(new TextDecoder().decode(bytes));
    return { texts: table.column("text"), labels: table.column("category") };
  };
  return { train: part("train.csv"), test: part("test.csv") };
}

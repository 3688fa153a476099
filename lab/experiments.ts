import type { ListedExperiment } from "./experiment.js";

/**
 * Every experiment that the command knows, in the order of the list. What the list says of it is repeated here, so that a command loads no more
 * experiments than it runs; a test compares both.
 */
export const experiments: readonly ListedExperiment[] = [
  {
    name: "binary-addition",
    title: "Binary addition: a recurrent network learns to add two numbers bit by bit",
    chapter: "recurrent",
    asks: 'two numbers, such as "77 + 81"',
    load: async () => (await import("./recurrent/binary-addition.js")).binaryAddition,
  },
  {
    name: "predict-sin",
    title: "Sine prediction: a recurrent network learns a curve's next point, then draws it by itself",
    chapter: "recurrent",
    asks: 'as many points of a curve as --maxlen says, such as "0 0.063"',
    load: async () => (await import("./recurrent/predict-sin.js")).predictSin,
  },
  {
    name: "next-word",
    title: "Next word: a recurrent language model learns a folder of texts",
    chapter: "recurrent",
    asks: 'words, such as "some of them looks like"',
    load: async () => (await import("./recurrent/next-word.js")).nextWord,
  },
  {
    name: "long-memory",
    title: "Long memory: the gradient's way back through time, and the adding problem",
    chapter: "recurrent",
    asks: 'numbers, two of them marked, such as "0.1 0.7* 0.4 0.2* 0.9"',
    load: async () => (await import("./recurrent/long-memory.js")).longMemory,
  },
  {
    name: "lstm-vs-gru",
    title: "LSTM against GRU: what the gates cost, and what they bring on the Penn Treebank",
    chapter: "recurrent",
    asks: 'words, such as "the company said"',
    load: async () => (await import("./recurrent/lstm-vs-gru.js")).lstmVsGru,
  },
  {
    name: "ptb",
    title: "Penn Treebank: an LSTM predicts each next word (Zaremba et al. 2014)",
    chapter: "recurrent",
    asks: 'words, such as "the company said"',
    load: async () => (await import("./recurrent/ptb.js")).ptb,
  },
  {
    name: "typo-detection",
    title: "Typo detection: a bidirectional network marks misspelt and missing words",
    chapter: "recurrent",
    asks: 'a sentence, such as "Ths sentence hsa a tpyo"',
    load: async () => (await import("./recurrent/typo-detection.js")).typoDetection,
  },
  {
    name: "addition",
    title: 'Addition as text: "123+456" to "579", learnt from examples',
    chapter: "sequence",
    asks: 'a sum, such as "123+456"',
    load: async () => (await import("./sequence/addition.js")).addition,
  },
  {
    name: "pronounce",
    title: "Pronunciation: letters to phonemes, learnt from a dictionary",
    chapter: "sequence",
    asks: 'a word, such as "kasane"',
    load: async () => (await import("./sequence/pronounce.js")).pronounce,
  },
  {
    name: "reverse",
    title: "Copying and reversing: at which length each architecture breaks",
    chapter: "sequence",
    asks: 'letters from a to h, such as "abcdefgh"',
    load: async () => (await import("./sequence/reverse.js")).reverse,
  },
  {
    name: "translate",
    title: "Translation: a Transformer from English to Japanese",
    chapter: "sequence",
    asks: 'an English sentence, such as "show your own business ."',
    load: async () => (await import("./sequence/translate.js")).translate,
  },
  {
    name: "translate-rnn",
    title: "Translation by GRU and LSTM, with and without attention: what each loses on long sentences",
    chapter: "sequence",
    asks: 'an English sentence, such as "show your own business ."',
    load: async () => (await import("./sequence/translate-rnn.js")).translateRnn,
  },
  {
    name: "autoencoder",
    title: "Autoencoder: pictures in a few numbers, beside principal components; noise and what was never seen",
    chapter: "generative",
    asks: 'the index of a test picture, such as "7"',
    load: async () => (await import("./generative/autoencoder.js")).autoencoder,
  },
  {
    name: "vae",
    title: "Variational autoencoder: digits as points of a normal distribution, drawn from it again",
    chapter: "generative",
    asks: 'how many digits to draw, such as "8"; of a --conditional run the digits themselves, such as "2026"',
    load: async () => (await import("./generative/vae.js")).vae,
  },
  {
    name: "cart-pole",
    title: "Cart-pole: a pole balanced by DQN, REINFORCE, A2C and PPO",
    chapter: "reinforcement",
    asks: 'the seed of an episode to play, such as "7"',
    load: async () => (await import("./reinforcement/cart-pole.js")).cartPole,
  },
  {
    name: "acrobot",
    title: "Acrobot: a double pendulum swung up by PPO and DQN",
    chapter: "reinforcement",
    asks: 'the seed of an episode to play, such as "7"',
    load: async () => (await import("./reinforcement/acrobot.js")).acrobot,
  },
  {
    name: "pendulum",
    title: "Pendulum: a rod swung up by PPO, whose actions are numbers",
    chapter: "reinforcement",
    asks: 'the seed of an episode to play, such as "7"',
    load: async () => (await import("./reinforcement/pendulum.js")).pendulum,
  },
  {
    name: "minatar",
    title: "MinAtar: Breakout, Freeway and three other small games, played by PPO",
    chapter: "reinforcement",
    asks: 'the seed of an episode to play, such as "7"',
    load: async () => (await import("./reinforcement/minatar.js")).minatar,
  },
];

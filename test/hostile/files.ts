import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode as encodeJpeg } from "jpeg-js";
import { data, Variable, zeros } from "kasane";
import { datasets, files, loadOnnx, train } from "kasane/node";
import { tarOf } from "../datasets/makeTar.js";
import { bytesOf, nodeCases } from "../onnx/nodeCases.js";
import { type Choices, damaged, mutated } from "./random.js";

/** One kind of hostile input. What a try throws is judged by who calls it: nothing, or one line of a KasaneError, is right. */
export type Kind = (choices: Choices, folder: string) => unknown;

/** A safetensors file of a header and data, with a length that is now and then not the header's. */
function safetensors(header: unknown, body: Uint8Array, choices: Choices): Uint8Array {
  const text = Buffer.from(JSON.stringify(header) ?? "");
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(choices.once(10) ? choices.of([0n, 1n, 2n ** 24n, 2n ** 63n]) : BigInt(text.length));
  return Buffer.concat([length, text, body]);
}

/** Of one colour, 16 x 2 pixels. */
const jpeg = encodeJpeg({ height: 2, width: 16, data: Buffer.alloc(128, 90) }).data;

const state = () => {
  const weight = new Variable(zeros([2, 3]));
  return { model: { namedVariables: () => new Map([["weight", weight]]) } };
};

const entry = (dtype: string, shape: number[], begin: number, end: number) => ({ dtype, shape, data_offsets: [begin, end] });

export const fileKinds: Readonly<Record<string, Kind>> = {
  async safetensors(choices, folder) {
    const header = {
      a: entry("F32", [2, 2], 0, 16),
      b: entry("BF16", [3], 16, 22),
      c: entry("BOOL", [2], 22, 24),
      __metadata__: { x: "y" },
    };
    const whole = choices.once(2) ? mutated(header, choices) : header;
    const bytes = safetensors(whole, new Uint8Array(24).fill(choices.integer(3)), choices);
    const file = join(folder, "x.safetensors");
    writeFileSync(file, choices.once(2) ? damaged(bytes, choices) : bytes);
    await files.readSafetensors(file, choices.once(2) ? undefined : (name) => name !== "b");
  },

  async checkpoint(choices, folder) {
    const random = { seed: 1, counter: 2 };
    const position = {
      step: 3,
      epoch: 1,
      batch: 1,
      epochRandom: random,
      validated: 2,
      best: 1,
      sinceBest: 0,
      sums: { loss: [1, 1] },
      recorded: 0,
    };
    const notes = { version: 1, step: 3, random, config: { a: 1 }, extra: position };
    const text = JSON.stringify(choices.once(6) ? mutated(notes, choices) : { ...notes, extra: mutated(position, choices) });
    const header = { "model.weight": entry("F32", [2, 3], 0, 24), __metadata__: { kasane: text } };
    const last = join(folder, "last.safetensors");
    writeFileSync(last, safetensors(header, new Uint8Array(24), choices));
    writeFileSync(join(folder, "metrics.jsonl"), damaged(Buffer.from('{"step":1,"loss":2}\n{"step":2,"loss":"NaN"}\n'), choices));
    const batches = () => [1, 2];
    const step = async (loss: number) => ({ loss });
    await train.fit({ step, batches, steps: 5, epochs: 3, folder, state: state(), resume: true, progress: false });
  },

  archive(choices) {
    const tar = tarOf({ "a/b.txt": "text", "a/c.txt": "x".repeat(700), d: "" });
    const changed = choices.once(2) ? damaged(tar, choices) : tar;
    const packed = gzipSync(changed);
    datasets.readTarGz(choices.once(2) ? damaged(packed, choices) : packed);
  },

  async texts(choices, folder) {
    const text = Buffer.from('a,b\n1,"x y"\n2,ü 猫\nhello HH AH0 L OW1\n["a","b"]\n');
    const file = join(folder, "text.txt");
    writeFileSync(file, choices.once(2) ? damaged(text, choices) : Buffer.from(JSON.stringify(mutated(["a", "b", { c: 1 }], choices))));
    const bytes = files.readIfThere(file, 1e6) as Buffer;
    await choices.of([
      async () => {
        for await (const piece of datasets.readTexts(datasets.findTextFiles(file))) data.englishWords(piece);
      },
      () => files.loadVocabulary(file),
      () => datasets.readCsv(file),
      () => datasets.readCmudict(new Map([["d", bytes]]), { file: "d" }),
      () => datasets.parallelSentences(new Map([["d", bytes]]), "d", "d"),
      () => new train.MetricsFile(file).read(),
    ])();
  },

  tokenizer(choices) {
    const file: unknown = JSON.parse(data.BytePairEncoding.train(["low lower lowest new newer"], { size: 40 }).toJson());
    const changed = JSON.stringify(mutated(choices.once(3) ? mutated(file, choices) : file, choices)) ?? "";
    const text = choices.once(4) ? Buffer.from(damaged(Buffer.from(changed), choices)).toString() : changed;
    const encoding = data.BytePairEncoding.fromJson(text);
    const ids = encoding.encode(choices.of(["lowest new", "<EOS> low", "", "\ud800\u0000 猫"]));
    const beyond = ids.find((id) => id < 0 || id >= encoding.size);
    if (beyond !== undefined) throw new Error(`id ${beyond} of ${encoding.size} tokens`);
    encoding.decode(ids);
  },

  async onnx(choices, folder) {
    const each = choices.of(nodeCases.filter(({ model }) => model.length < 2000));
    const bytes = damaged(bytesOf(each), choices);
    const file = join(folder, "model.onnx");
    writeFileSync(file, bytes);
    const module = await loadOnnx(file, { lift: choices.of(["none", "batch", "all"]) });
    const drawn = module.inputs.map(({ name, dtype = "float32", shape = [2] }) => {
      // What a damaged file declares may be too large to be made.
      const sizes = shape.map((size) => (typeof size === "number" && size < 20 ? size : 2));
      return [name, zeros(sizes, dtype)] as const;
    });
    module.forward(Object.fromEntries(drawn));
  },

  pictures(choices) {
    const data = Uint8Array.from({ length: 12 }, (_, i) => 20 * i);
    const bytes = choices.of([files.encodePng({ height: 2, width: 2, channels: 3, data }), jpeg]);
    const isMask = choices.once(4);
    if (isMask) files.decodeMask(damaged(bytes, choices));
    else files.decodePicture(damaged(bytes, choices), "picture", choices.of([undefined, 1, 3]));
  },

  wav(choices) {
    const channels = [Float32Array.of(0, 0.5, -1), Float32Array.of(1, -0.25, 0.125)].slice(choices.integer(2));
    const bytes = data.writeWav(
      { sampleRate: 8000, channels },
      { format: choices.of(["pcm8", "pcm16", "pcm24", "pcm32", "float32", "float64"]) },
    );
    const sound = data.readWav(damaged(bytes, choices));
    data.writeWav(sound, { format: "float64" });
    for (const samples of sound.channels) data.muLawDecode(data.muLawEncode(samples));
  },

  async locks(choices, folder) {
    const name = "run.lock";
    const lock = { pid: 1, space: "00000000", started: "1", host: "h", since: "now" };
    const file = join(folder, name);
    if (choices.once(10)) mkdirSync(file, { recursive: true });
    else writeFileSync(file, damaged(Buffer.from(JSON.stringify(mutated(lock, choices))), choices));
    (await files.lockFolder(folder, name, 10)).release();
  },
};

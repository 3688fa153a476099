import { compile, decode, models, seed, tensor } from "kasane";
import { expect, it } from "vitest";
import { hasWebGPU } from "../ops/adapter.js";

const available = await hasWebGPU();

it.skipIf(!available).each([1, 3])("a search of %i beams finds the same on WebGPU, again and again", async (beams) => {
  seed(4);
  const sizes = { sourceVocabulary: 12, targetVocabulary: 12, size: 16, layers: 1, heads: 2, innerSize: 16 };
  const model = new models.Transformer({ ...sizes, maxRelativePosition: 3, contextWidth: 3 });
  const sources = tensor(
    Array.from({ length: 20 }, (_, i) => [4 + (i % 7), 5 + (i % 3), i % 2 === 0 ? 0 : 9]),
    { dtype: "int32" },
  );
  const found = [];
  for (const device of ["cpu", "webgpu"] as const) {
    const encode = compile((source: typeof sources) => model.encode(source, 8), { device });
    const search = decode.beamSearch(model.decoderStep.bind(model), { begin: 2, end: 3, maximumLength: 8, device, beams });
    for (let i = 0; i < 2; i++) {
      const hypotheses = (await search(await encode(sources))).flat();
      found.push(hypotheses.map(({ tokens, logProbability }) => [tokens, Math.round(1e3 * logProbability)]));
    }
  }
  for (const each of found) expect(each).toEqual(found[0]);
});

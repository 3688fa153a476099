import { compile, grad, scatterAdd, sum, type Tensor, tensor, zeros } from "kasane";
import { expect, it } from "vitest";

// ONNX Runtime's ScatterND lost up to two thirds of these on two cores: see addInParts in src/ops/indexing.ts.
it("adds up what falls on the same place, on however many threads", async () => {
  const count = 200_000;
  const places = tensor(Int32Array.from({ length: count }, (_, i) => (i * 7) % 5));
  const ofTable = compile((table: Tensor, ids: Tensor) => grad(sum(table.gather(ids)), table), { threads: 4 });
  const added = compile((ids: Tensor, ones: Tensor) => scatterAdd(zeros([5]), ids, ones), { threads: 4 });
  for (let run = 0; run < 5; run++) {
    expect(await (await ofTable(tensor(new Float32Array(20), { shape: [5, 4] }), places)).data()).toEqual(
      new Float32Array(20).fill(count / 5),
    );
    expect(await (await added(places, new Float32Array(count).fill(1))).data()).toEqual(new Float32Array(5).fill(count / 5));
  }
  // Few rows of a large table, too, among them one that stands many times.
  const ids = tensor(Int32Array.from({ length: 30_000 }, (_, i) => (i % 3 === 0 ? 9 : 60_000 + i)));
  for (let run = 0; run < 5; run++) {
    const gradient = (await (await ofTable(zeros([100_000, 8]), ids)).data()) as Float32Array;
    const rows = Float32Array.from({ length: 100_000 }, (_, row) =>
      row === 9 ? 10_000 : Number(row >= 60_001 && row < 90_000 && row % 3 !== 0),
    );
    expect(gradient).toEqual(Float32Array.from({ length: 800_000 }, (_, i) => rows[i >> 3] as number));
  }
  await ofTable.dispose();
  await added.dispose();
});

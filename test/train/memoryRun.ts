/**
 * Trains 20,000 steps and compiles 500 functions, and prints the resident memory in MiB after each thousand steps and each 50 functions:
 * `{ "steps": [...], "functions": [...] }`. Started by test/train/memory.test.ts with --expose-gc, so that garbage does not count.
 */
import { compile, meanSquaredError, nn, optim, type Tensor, tensor } from "kasane";

function makeStep() {
  const model = new nn.Linear(8, 1);
  const optimizer = new optim.Sgd(model, { learningRate: 0.01, momentum: 0.9 });
  return compile(
    ({ x, y }: { x: Tensor; y: Tensor }) => {
      const loss = meanSquaredError(model.forward(x), y);
      optimizer.minimize(loss);
      return { loss };
    },
    { training: true },
  );
}

const batch = (i: number) => ({
  x: tensor(
    Float32Array.from({ length: 64 }, (_, k) => Math.sin(i + k)),
    { shape: [8, 8] },
  ),
  y: tensor(new Float32Array(8), { shape: [8, 1] }),
});

function residentMemory(): number {
  (globalThis as { gc?: () => void }).gc?.();
  return process.memoryUsage().rss / 2 ** 20;
}

const step = makeStep();
const steps: number[] = [];
for (let i = 1; i <= 20_000; i++) {
  const { loss } = await step(batch(i));
  await loss.item();
  if (i % 1000 === 0) steps.push(residentMemory());
}

// None of them is disposed: sessions are released when others need the room.
const functions: number[] = [];
for (let i = 1; i <= 500; i++) {
  const each = makeStep();
  for (let k = 0; k < 2; k++) await each(batch(k));
  if (i % 50 === 0) functions.push(residentMemory());
}
process.stdout.write(JSON.stringify({ steps, functions }));
